package mirror_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/seed-43fb3962/sstream/mirror"
	"github.com/seed-43fb3962/sstream/store"
)

// In these two, a path is a file in one and a directory in the other.
var (
	asFile      = stream{"a/1/disk": {"a/b", "a file"}, "a/2/disk": {"k", "kept"}}
	asDirectory = stream{"a/2/disk": {"k", "kept"}, "a/3/disk": {"a/b/c", "below it"}}
	neither     = stream{"a/2/disk": {"k", "kept"}}
)

var ways = []struct {
	name      string
	old, next stream
	inTheWay  string // what of old
	of        string // what of next
}{
	{"a file where a directory is needed", asFile, asDirectory, "a/b", "a/b/c, of test:download/a/3/disk"},
	{"a directory where a file is needed", asDirectory, asFile, "a/b/c", "a/b, of test:download/a/1/disk"},
}

// TestInTheWay: what is listed stays until somebody removes it by hand.
func TestInTheWay(t *testing.T) {
	for _, c := range ways {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			mustRun(t, c.old.files(t, 1), dir, nil)
			_, err := run(t, c.next.files(t, 2), dir, nil)
			wantError(t, err, "target: "+c.inTheWay+" is in the way of "+c.of+", and what is published may list it; nothing was changed")
			if got := held(t, dir); !maps.Equal(got, c.old.files(t, 1)) {
				t.Errorf("after the refusal the mirror holds %v", slices.Sorted(maps.Keys(got)))
			}
			if err := os.RemoveAll(filepath.Join(dir, "a")); err != nil {
				t.Fatal(err)
			}
			mustRun(t, c.next.files(t, 2), dir, nil)
			checkPublished(t, dir, "by hand")
			if got := held(t, dir); !maps.Equal(got, c.next.files(t, 2)) {
				t.Errorf("in the end the mirror holds %v", slices.Sorted(maps.Keys(got)))
			}
			if again := mustRun(t, c.next.files(t, 2), dir, nil); again.Items+again.Removed+again.Waiting > 0 {
				t.Errorf("the next run: %+v", again)
			}
		})
	}
}

// TestWaitsInTheWay: what nothing lists any more goes when its time has come, or when there is no such time.
func TestWaitsInTheWay(t *testing.T) {
	for _, c := range ways {
		for _, grace := range []time.Duration{0, time.Hour} {
			t.Run(c.name+", grace "+grace.String(), func(t *testing.T) {
				now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
				patient := func(o *mirror.Options) { o.Grace, o.Now = time.Hour, func() time.Time { return now } }
				dir := t.TempDir()
				mustRun(t, c.old.files(t, 1), dir, patient)
				mustRun(t, neither.files(t, 2), dir, patient)
				now = now.Add(59 * time.Minute)
				_, err := run(t, c.next.files(t, 3), dir, patient)
				wantError(t, err, c.inTheWay+", which is kept until 2026-01-01T01:00:00Z, is in the way of "+c.of)
				if grace > 0 {
					now = now.Add(time.Minute)
				}
				in := func(o *mirror.Options) { patient(o); o.Grace = grace }
				without := c.next.files(t, 3) // a source that fails when the way is made
				delete(without, "a/b")
				delete(without, "a/b/c")
				_, err = run(t, without, dir, in)
				wantError(t, err, "there is no such file")
				checkPublished(t, dir, "after a failure")
				report := mustRun(t, c.next.files(t, 3), dir, in)
				if got := held(t, dir); !maps.Equal(got, c.next.files(t, 3)) || report.Items != 1 || report.Removed != 1 {
					t.Errorf("%+v, and the mirror holds %v", report, slices.Sorted(maps.Keys(got)))
				}
			})
		}
	}
}

// TestNothingInTheWay of a store that is no tree.
func TestNothingInTheWay(t *testing.T) {
	for _, c := range ways {
		m := new(store.Memory)
		for day, s := range []stream{c.old, c.next} {
			if _, err := mirror.Run(t.Context(), open(t, directory(t, s.files(t, day+1))), m, options()); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		}
	}
}
