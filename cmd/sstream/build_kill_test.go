package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed-43fb3962/sstream/lint"
	"github.com/seed-43fb3962/sstream/store"
)

// TestBuildKilled kills builds at many points. After each the stream is whole, and the next build makes good what the
// killed one left.
func TestBuildKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("starts many processes")
	}
	sstream, root := newProgram(t), t.TempDir()
	build := []string{"build", root, "--loglevel", "error"}
	base := strings.Repeat("a line of a root file system that hardly changes\n", 20000)
	add := func(product, version int) {
		dir := fmt.Sprintf("%s/images/ubuntu/noble/amd64/p%d/202401%02d", root, product, version)
		for name, text := range map[string]string{"lxd.tar.xz": "metadata", "rootfs.squashfs": base} {
			writeFile(t, filepath.Join(dir, name), fmt.Appendf(nil, "%s%d/%d", text, product, version))
		}
	}
	add(0, 1)
	sstream.run(t, build...)
	k := newKiller(sstream)
	for i := range 24 {
		add(i%3, 2+i/3)
		k.strike(t, build...)
		checkTree(t, root)
	}
	sstream.run(t, build...)
	checkTree(t, root)
	out, err := exec.Command(string(sstream), "list", "--root", root, "--format", "csv").Output()
	if n := strings.Count(string(out), "\n"); err != nil || n != 25 {
		t.Errorf("%d images are listed, %v", n, err)
	}
	left, err := filepath.Glob(root + "/images/*/*/*/*/*/.*")
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func checkTree(t *testing.T, root string) {
	t.Helper()
	dir, err := store.OpenDir(root, store.DirOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	findings, err := lint.Check(t.Context(), dir, lint.Options{Clients: []lint.Client{lint.LXD, lint.Incus}})
	if err != nil || len(findings) > 0 {
		t.Fatalf("%v, %v", findings, err)
	}
}
