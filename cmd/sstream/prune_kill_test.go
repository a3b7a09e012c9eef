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
)

// TestPruneKilled kills prunes at many points. After each everything that is listed is there, and a prune that is left
// alone makes good what the killed ones left.
func TestPruneKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("starts many processes")
	}
	root := t.TempDir()
	program := filepath.Join(t.TempDir(), "sstream")
	if err := os.Symlink(os.Args[0], program); err != nil {
		t.Fatal(err)
	}
	run := func(limit time.Duration, args ...string) error {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		return exec.CommandContext(ctx, program, append(args, "--loglevel", "error")...).Run() // killed when ctx is done
	}
	for i := range 20 {
		for version := range 12 {
			dir := fmt.Sprintf("%s/images/ubuntu/noble/amd64/p%d/202401%02d", root, i%4, version+1)
			if err := os.MkdirAll(dir+"/more/and/more", 0o777); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"lxd.tar.xz", "a.squashfs", "more/and/more/x"} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o666); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := run(time.Minute, "build", root, "--deltas", "none"); err != nil {
			t.Fatal(err)
		}
		_ = run(time.Duration(3+i*2)*time.Millisecond, "prune", root, "--retain-builds", "2", "--grace", "0s")
		checkTree(t, root)
	}
	// What the last one has unlisted and not deleted any more, the next build lists again.
	for _, args := range [][]string{{"build", root, "--deltas", "none"}, {"prune", root, "--retain-builds", "2", "--grace", "0s"}} {
		if err := run(time.Minute, args...); err != nil {
			t.Fatal(err)
		}
	}
	checkTree(t, root)
	left, err := filepath.Glob(root + "/images/*/*/*/*/*")
	if err != nil || len(left) != 8 {
		t.Errorf("%d versions are there: %s", len(left), strings.Join(left, "\n"))
	}
	hidden, err := filepath.Glob(root + "/images/*/*/*/*/.*")
	if err != nil || len(hidden) > 0 {
		t.Errorf("left behind: %v", hidden)
	}
}
