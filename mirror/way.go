package mirror

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/seed-43fb3962/sstream/store"
)

// above yields the directories that a path needs and that before, which may be "", does not, the nearest first.
func above(path, before string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for end := strings.LastIndexByte(path, '/'); end > 0 && !strings.HasPrefix(before, path[:end+1]); end = strings.LastIndexByte(path[:end], '/') {
			if !yield(path[:end]) {
				return
			}
		}
	}
}

// checkWay looks for old files in the way of new ones: where these need a directory, or below where they are to be. Those
// whose time has come are removed first. The others cannot be: what is published may list them until the new ones are there.
func (r *run) checkWay(ctx context.Context, byPath map[string]*file) error {
	tree, ok := r.dst.(store.Tree)
	if !ok || r.NoItems {
		return nil
	}
	for old, path := range r.collisions(byPath) {
		blocked, err := tree.Blocked(ctx, path)
		switch {
		case err != nil:
			return fmt.Errorf("target: %w", err)
		case !blocked: // somebody has removed it
		case !r.isUnlisted(old):
			return fmt.Errorf("target: %s is in the way of %s, of %s, and what is published may list it; nothing was changed; "+
				"remove it by hand, or mirror into a new directory, with --seed to take files from this one", old, path, r.whatIsAt(path))
		case !r.isDue(old):
			return fmt.Errorf("target: %s, which is kept until %s, is in the way of %s, of %s; nothing was changed; --grace=0 removes it first",
				old, r.state.Going[old].Add(r.Grace).UTC().Format(time.RFC3339), path, r.whatIsAt(path))
		default:
			r.inTheWay = append(r.inTheWay, old)
		}
	}
	return nil
}

// collisions yields old files, each with a new path that cannot be as long as it is there.
func (r *run) collisions(byPath map[string]*file) iter.Seq2[string, string] {
	return func(yield func(old, path string) bool) {
		before := ""
		for _, f := range r.files {
			for dir := range above(f.path, before) {
				if r.isOld(dir) && !yield(dir, f.path) {
					return
				}
			}
			before = f.path
		}
		for old := range r.oldFiles() {
			for dir := range above(old, "") { // all that are below, not only the first
				if byPath[dir] != nil && !yield(old, dir) {
					return
				}
			}
		}
	}
}

// oldFiles yields the paths that earlier runs may have left files at.
func (r *run) oldFiles() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, e := range r.ledger.entries {
			if !yield(e.path) {
				return
			}
		}
		for _, path := range slices.Concat(slices.Sorted(maps.Keys(r.state.Going)), r.state.Coming) {
			if !yield(path) {
				return
			}
		}
	}
}

// isOld tells whether oldFiles yields a path.
func (r *run) isOld(path string) bool {
	_, going := r.state.Going[path]
	return going || r.ledger.knows(path) || r.state.comes(path)
}

// isUnlisted tells whether it is sure that nothing which is published lists an old file. One that was to come in a run
// that ended early may have come, and have been published.
func (r *run) isUnlisted(path string) bool {
	_, going := r.state.Going[path]
	return going && len(r.ledger.ids(path)) == 0 && !r.state.comes(path)
}

// isDue tells whether a file that is to go has waited long enough.
func (r *run) isDue(path string) bool { return !r.state.Going[path].After(r.Now().Add(-r.Grace)) }

// makeWay removes what is in the way. That it is to go stays known until the end of the run.
func (r *run) makeWay(ctx context.Context) error {
	for _, path := range r.inTheWay {
		if err := r.dst.Delete(ctx, path); err != nil {
			return fmt.Errorf("target: cannot make way for new files: %w", err)
		}
	}
	return nil
}
