package mirror_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/seed-43fb3962/sstream/mirror"
	"github.com/seed-43fb3962/sstream/store/storetest"
)

// everyWriteFails breaks runs from the files before to the files after off at each of their writes, in both ways in which
// a write can fail, has check look at what is left, and lets the next run make of it what an undisturbed run makes.
func everyWriteFails(t *testing.T, o mirror.Options, before, after map[string]string, check func(dir, when string)) {
	t.Helper()
	o.Jobs = 1
	for _, applied := range []bool{false, true} {
		for at := 1; ; at++ {
			when := fmt.Sprintf("write %d fails (fresh %v, applied %v)", at, before == nil, applied)
			dir := t.TempDir()
			if before != nil {
				if _, err := mirror.Run(t.Context(), open(t, directory(t, before)), openDir(t, dir), o); err != nil {
					t.Fatal(err)
				}
			}
			source := directory(t, after)
			faulty := &storetest.Faulty{Store: openDir(t, dir), At: at, Applied: applied, Crash: true}
			_, err := mirror.Run(t.Context(), open(t, source), faulty, o)
			if faulty.Writes() < at {
				if err != nil || at < 8 {
					t.Fatalf("a run of %d writes: %v", faulty.Writes(), err)
				}
				break
			}
			if !errors.Is(err, storetest.ErrFault) {
				t.Fatalf("%s: the error is %v", when, err)
			}
			check(dir, when)
			if _, err := mirror.Run(t.Context(), open(t, source), openDir(t, dir), o); err != nil {
				t.Fatalf("%s: the next run: %v", when, err)
			}
			if got := held(t, dir); !maps.Equal(got, after) {
				t.Fatalf("%s: after the next run the mirror holds %v, want %v\nwrites: %v", when,
					slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(after)), faulty.Trace())
			}
		}
	}
}

// TestEveryWriteFails: whatever is left, what is published is there and whole.
func TestEveryWriteFails(t *testing.T) {
	check := func(dir, when string) { checkPublished(t, dir, when) }
	everyWriteFails(t, options(), nil, second.files(t, 2), check)
	everyWriteFails(t, options(), first.files(t, 1), second.files(t, 2), check)
}

// TestEveryWriteFailsWithDeltas does so where most files are made of others.
func TestEveryWriteFailsWithDeltas(t *testing.T) {
	s := newImages(t, 4, 100<<10)
	check := func(dir, when string) { checkPublished(t, dir, when) }
	for _, before := range []map[string]string{nil, s.files(t, "1", "2")} {
		everyWriteFails(t, deltaOptions(), before, s.files(t, "2", "3", "4"), check)
	}
}

// TestEveryWriteFailsInPlace changes the content of a path, which cannot be exchanged together with the documents: a
// reader finds the old content or the new, whole, and the new one before the documents say so only if all else that
// they will list is there.
func TestEveryWriteFailsInPlace(t *testing.T) {
	const path = "files/a2"
	changed := maps.Clone(second)
	changed["a/2/disk"] = struct{ path, data string }{path, "disk of a2, made again"}
	before, after := first.files(t, 1), changed.files(t, 2)
	everyWriteFails(t, options(), before, after, func(dir, when string) {
		got := held(t, dir)
		if got[path] != after[path] || got[indexPath] != before[indexPath] {
			checkPublished(t, dir, when)
			return
		}
		for name, data := range after {
			if strings.HasPrefix(name, "files/") && got[name] != data {
				t.Fatalf("%s: %s has changed, but %s is not there", when, path, name)
			}
		}
		for name, data := range before {
			if name != path && got[name] != data {
				t.Fatalf("%s: %s, which is listed, is gone", when, name)
			}
		}
	})
}
