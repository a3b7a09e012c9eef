package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// TestPruneKilled kills prunes at many points. After each everything that is listed is there, and a prune that is left
// alone makes good what the killed ones left.
func TestPruneKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("starts many processes")
	}
	sstream, root := newProgram(t), t.TempDir()
	build := []string{"build", root, "--deltas", "none", "--loglevel", "error"}
	prune := []string{"prune", root, "--retain-builds", "2", "--grace", "0s", "--loglevel", "error"}
	k := newKiller(sstream)
	for i := range 24 {
		for version := range 12 {
			dir := fmt.Sprintf("%s/images/ubuntu/noble/amd64/p%d/202401%02d", root, i%4, version+1)
			for _, name := range []string{"lxd.tar.xz", "a.squashfs", "more/and/more/x"} {
				writeFile(t, filepath.Join(dir, name), []byte(name))
			}
		}
		sstream.run(t, build...)
		k.strike(t, prune...)
		checkTree(t, root)
	}
	sstream.run(t, prune...)
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
