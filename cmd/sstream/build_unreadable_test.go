//go:build unix

package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestBuildUnreadable: files and directories that may not be read are left out and reported, and listed once they can be.
func TestBuildUnreadable(t *testing.T) {
	home := t.TempDir()
	program, root := filepath.Join(home, "sstream"), filepath.Join(home, "srv")
	body, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, body, 0o755); err != nil {
		t.Fatal(err)
	}
	const product = "/images/ubuntu/noble/amd64/cloud/"
	for _, version := range []string{"20240101", "20240102", "20240103"} {
		if err := os.MkdirAll(root+product+version, 0o777); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"lxd.tar.xz", "rootfs.squashfs"} {
			if err := os.WriteFile(root+product+version+"/"+name, []byte(name+version), 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	build := func() (string, error) {
		cmd := exec.Command(program, "build", root, "--deltas", "none")
		if os.Geteuid() == 0 { // who may read everything
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	mode := func(name string, mode os.FileMode) {
		t.Helper()
		if err := os.Chmod(root+product+name, mode); err != nil {
			t.Fatal(err)
		}
	}
	if os.Geteuid() == 0 {
		if err := os.Chmod(filepath.Dir(home), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := exec.Command("chown", "-R", "65534:65534", home).Run(); err != nil {
			t.Fatal(err)
		}
	}
	mode("20240102/rootfs.squashfs", 0)
	mode("20240103", 0)
	out, err := build()
	var failed *exec.ExitError
	if !errors.As(err, &failed) || failed.ExitCode() != exitPart {
		t.Fatalf("%v: %s", err, out)
	}
	if !strings.Contains(out, "1 product, 1 version, 1 new") || strings.Count(out, "permission denied") != 2 {
		t.Errorf("it said %s", out)
	}
	mode("20240102/rootfs.squashfs", 0o666)
	mode("20240103", 0o777)
	if out, err := build(); err != nil || !strings.Contains(out, "1 product, 3 versions, 2 new") {
		t.Errorf("%v: %s", err, out)
	}
	checkTree(t, root)
}
