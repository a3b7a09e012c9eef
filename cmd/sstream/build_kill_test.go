package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/seed-43fb3962/sstream/lint"
	"github.com/seed-43fb3962/sstream/store"
)

// TestBuildKilled kills builds at many points. After each the stream is whole, and the next build makes good what the
// killed one left.
func TestBuildKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("starts many processes")
	}
	root := t.TempDir()
	program := filepath.Join(t.TempDir(), "sstream")
	if err := os.Symlink(os.Args[0], program); err != nil {
		t.Fatal(err)
	}
	base := strings.Repeat("a line of a root file system that hardly changes\n", 20000)
	add := func(product, version int) {
		dir := fmt.Sprintf("%s/images/ubuntu/noble/amd64/p%d/202401%02d", root, product, version)
		if err := os.MkdirAll(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{"lxd.tar.xz": "metadata", "rootfs.squashfs": base} {
			if err := os.WriteFile(filepath.Join(dir, name), fmt.Appendf(nil, "%s%d/%d", text, product, version), 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	build := func(limit time.Duration) error {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		return exec.CommandContext(ctx, program, "build", root, "--loglevel", "error").Run() // killed when ctx is done
	}
	add(0, 1)
	if err := build(time.Minute); err != nil {
		t.Fatal(err)
	}
	for i := range 24 {
		add(i%3, 2+i/3)
		_ = build(time.Duration(2+i*3) * time.Millisecond)
		checkTree(t, root)
	}
	if err := build(time.Minute); err != nil {
		t.Fatal(err)
	}
	checkTree(t, root)
	out, err := exec.Command(program, "list", "--root", root, "--format", "csv").Output()
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
