package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestRemoveKilled kills removals at many points. After each everything that is listed is there, and what has left the
// documents does not come back with the next build.
func TestRemoveKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("starts many processes")
	}
	sstream, root := newProgram(t), t.TempDir()
	build := []string{"build", root, "--deltas", "none", "--loglevel", "error"}
	const count = 24
	for i := range count {
		dir := filepath.Join(root, "images/ubuntu/noble/amd64/cloud", fmt.Sprintf("202401%02d", i+1))
		for _, name := range []string{"lxd.tar.xz", "a.squashfs", "b.qcow2"} {
			writeFile(t, filepath.Join(dir, name), []byte(name+dir))
		}
	}
	sstream.run(t, build...)
	listed := func() []string {
		out, err := exec.Command(string(sstream), "list", "--root", root, "--format", "csv").Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.Split(strings.TrimSpace(string(out)), "\n")
	}
	k := newKiller(sstream)
	for range count {
		images := listed()
		after := k.after
		k.strike(t, "remove", images[0][:12], "--root", root, "--deltas", "none", "--loglevel", "error")
		checkTree(t, root)
		left := listed()
		sstream.run(t, build...)
		checkTree(t, root)
		// A removal that was killed just before the documents were replaced is one that the build carries out.
		now := listed()
		if len(left) < len(images)-1 || !slices.Equal(now, left) && !slices.Equal(now, images[1:]) {
			t.Fatalf("killed after %v: of %d images %d were listed, after a build %d", after, len(images), len(left), len(now))
		}
	}
	sstream.run(t, "prune", root, "--grace", "0s", "--retain-builds", "99", "--loglevel", "error")
	checkTree(t, root)
	var roots []string
	for _, name := range []string{"a.squashfs", "b.qcow2"} {
		found, err := filepath.Glob(filepath.Join(root, "images/ubuntu/noble/amd64/cloud/*", name))
		if err != nil {
			t.Fatal(err)
		}
		roots = append(roots, found...)
	}
	if n := len(listed()); len(roots) != n {
		t.Errorf("%d images are listed, %d are there", n, len(roots))
	}
}
