//go:build unix

package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestBuildUnreadable: files and directories that may not be read are left out and reported, and listed once they can be.
func TestBuildUnreadable(t *testing.T) {
	if gone, err := missing("setpriv"); err != nil {
		t.Fatal(err)
	} else if gone && os.Geteuid() == 0 {
		t.Skip("setpriv, which takes from root what nobody else may, is not installed")
	}
	sstream, root := newProgram(t), t.TempDir()
	const product = "/images/ubuntu/noble/amd64/cloud/"
	for _, version := range []string{"20240101", "20240102", "20240103"} {
		for _, name := range []string{"lxd.tar.xz", "rootfs.squashfs"} {
			writeFile(t, root+product+version+"/"+name, []byte(name+version))
		}
	}
	build := func() (string, int) {
		call := []string{string(sstream), "build", root, "--deltas", "none"}
		if os.Geteuid() == 0 { // who may read everything
			call = append([]string{"setpriv", "--bounding-set=-dac_override,-dac_read_search"}, call...)
		}
		return runIt(t, exec.Command(call[0], call[1:]...))
	}
	mode := func(name string, mode os.FileMode) {
		t.Helper()
		if err := os.Chmod(root+product+name, mode); err != nil {
			t.Fatal(err)
		}
	}
	mode("20240102/rootfs.squashfs", 0)
	mode("20240103", 0)
	out, code := build()
	if code != exitPart {
		t.Fatalf("exit code %d: %s", code, out)
	}
	if !strings.Contains(out, "1 product, 1 version, 1 new") || strings.Count(out, "permission denied") != 2 {
		t.Errorf("it said %s", out)
	}
	mode("20240102/rootfs.squashfs", 0o666)
	mode("20240103", 0o777)
	if out, code := build(); code != exitDone || !strings.Contains(out, "1 product, 3 versions, 2 new") {
		t.Errorf("exit code %d: %s", code, out)
	}
	checkTree(t, root)
}
