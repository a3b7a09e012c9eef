package mirror_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/seed-43fb3962/sstream/mirror"
	"github.com/seed-43fb3962/sstream/store/storetest"
)

// TestEveryWriteFails breaks a run off at each of its writes, in both ways in which a write can fail. Whatever is left,
// what is published is there and whole, and the next run makes of it what an undisturbed run makes.
func TestEveryWriteFails(t *testing.T) {
	everyWriteFails(t, options(), first.files(t, 1), second.files(t, 2))
}

// TestEveryWriteFailsWithDeltas does so where most files are made of others.
func TestEveryWriteFailsWithDeltas(t *testing.T) {
	s := newImages(t, 4, 100<<10)
	everyWriteFails(t, deltaOptions(), s.files(t, "1", "2"), s.files(t, "2", "3", "4"))
}

func everyWriteFails(t *testing.T, o mirror.Options, before, after map[string]string) {
	o.Jobs = 1
	for _, fresh := range []bool{true, false} {
		for _, applied := range []bool{false, true} {
			for at := 1; ; at++ {
				when := fmt.Sprintf("write %d fails (fresh %v, applied %v)", at, fresh, applied)
				dir := t.TempDir()
				if !fresh {
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
				checkPublished(t, dir, when)
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
}
