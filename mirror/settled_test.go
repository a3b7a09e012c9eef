package mirror_test

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-43fb3962/sstream/fetch"
	"github.com/seed-43fb3962/sstream/fetch/fetchtest"
	"github.com/seed-43fb3962/sstream/mirror"
	"github.com/seed-43fb3962/sstream/streams"
)

const settledPath = ".sstream/settled"

// world is a source and its mirror, and how that is made.
type world struct {
	t              *testing.T
	source, target string
	o              mirror.Options
}

// write puts files below dir, and edit changes one that is there.
func (w *world) write(dir string, files map[string]string) {
	w.t.Helper()
	for path, data := range files {
		if err := os.WriteFile(filepath.Join(dir, path), []byte(data), 0o644); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) edit(name, old, new string) {
	w.t.Helper()
	data, err := os.ReadFile(filepath.Join(w.target, name))
	if err != nil || !bytes.Contains(data, []byte(old)) {
		w.t.Fatalf("%s has no %q: %v", name, old, err)
	}
	w.write(w.target, map[string]string{name: strings.Replace(string(data), old, new, 1)})
}

func (w *world) remove(name string) {
	w.t.Helper()
	if err := os.RemoveAll(filepath.Join(w.target, name)); err != nil {
		w.t.Fatal(err)
	}
}

// run makes the mirror and tells whether nothing was decided because it was settled.
func (w *world) run() (report mirror.Report, settled bool) {
	w.t.Helper()
	work, err := mirror.Prepare(w.t.Context(), open(w.t, w.source), openDir(w.t, w.target), w.o)
	if err != nil {
		w.t.Fatal(err)
	}
	defer work.Close()
	if report, err = work.Apply(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	return report, len(work.Parts) == 0
}

// TestSettled changes one thing after the other that a run decides by, or looks at, and what none does. Whatever it is, the
// mirror is what it is without anything settled.
func TestSettled(t *testing.T) {
	all := func(*streams.Entity) (bool, error) { return true, nil }
	two := 2
	tests := []struct {
		name    string
		change  func(w *world)
		settled bool
	}{
		{"nothing", func(*world) {}, true},
		{"what brings and removes files", func(w *world) {
			w.o.Jobs, w.o.Grace, w.o.Seeds, w.o.UseDeltas, w.o.Unchecked = 1, time.Hour, []string{w.source}, true, true
		}, true},
		{"a dry run", func(w *world) { w.o.ReadOnly = true }, true},
		{"all anew", func(w *world) { w.o.Anew = true }, false},

		{"max", func(w *world) { w.o.Plan.Max = &two }, false},
		{"keep", func(w *world) { w.o.Plan.Max, w.o.Plan.Keep = &two, true }, false},
		{"unwanted versions go", func(w *world) { w.o.Plan.RemoveUnwanted = true }, false},
		{"products that left go", func(w *world) { w.o.Plan.RemoveProducts = true }, false},
		{"other filters", func(w *world) { w.o.Plan.Item, w.o.Wanted = all, "all" }, false},
		{"filters without a name", func(w *world) { w.o.Plan.Item = all }, false},
		{"no items", func(w *world) { w.o.NoItems = true }, false},
		{"trimmed", func(w *world) { w.o.Metadata = mirror.Trimmed }, false},
		{"another address", func(w *world) { w.source = directory(w.t, first.files(w.t, 1)) }, false},

		{"a later index", func(w *world) { w.write(w.source, map[string]string{indexPath: first.files(w.t, 2)[indexPath]}) }, false},
		{"later documents", func(w *world) { w.write(w.source, first.files(w.t, 2)) }, false},
		{"a published document is gone", func(w *world) { w.remove("streams/v1/test.json") }, true},
		{"a published document has changed", func(w *world) { w.write(w.target, map[string]string{indexPath: "{}"}) }, true},

		{"a file is gone", func(w *world) { w.remove("files/a1") }, false},
		{"a file is cut short", func(w *world) { w.write(w.target, map[string]string{"files/b1": "disk"}) }, false},
		{"a file is empty", func(w *world) { w.write(w.target, map[string]string{"files/kernel": ""}) }, false},
		{"a file has grown", func(w *world) { w.write(w.target, map[string]string{"files/a2": "disk of a2, and more"}) }, false},
		{"a directory is gone", func(w *world) { w.remove("files") }, false},
		{"a file that nobody lists", func(w *world) { w.write(w.target, map[string]string{"files/other": "mine"}) }, true},

		{"the record has changed", func(w *world) { w.edit(".data/test:download", `"disk"`, `"other"`) }, false},
		{"the record is gone", func(w *world) { w.remove(".data/test:download") }, false},
		{"the ledger has changed", func(w *world) { w.edit(".data/references.json", "files/a1", "files/a9") }, false},
		{"the ledger is gone", func(w *world) { w.remove(".data/references.json") }, false},
		{"the state is gone", func(w *world) { w.remove(".sstream/mirror.json") }, false},
		{"files were to come", func(w *world) { w.edit(".sstream/mirror.json", "{", `{"coming": ["files/half"],`) }, false},
		{"files are to go", func(w *world) { w.edit(".sstream/mirror.json", "{", `{"going": {"files/x": "2024-01-01T00:00:00Z"},`) }, false},

		{"what is settled is gone", func(w *world) { w.remove(settledPath) }, false},
		{"a file less is settled", func(w *world) { w.edit(settledPath, "10 files/a1\x00", "") }, false},
		{"another size is settled", func(w *world) { w.edit(settledPath, "10 files/a1", "-1 files/a1") }, false},
		{"a record less is settled", func(w *world) { w.edit(settledPath, `"test:download"`, "") }, false},
		{"a record of elsewhere is settled", func(w *world) { w.edit(settledPath, `"test:download"`, `"../../x"`) }, false},
		{"other items are not held", func(w *world) { w.edit(settledPath, `"not_held":0`, `"not_held":7`) }, false},
		{"what is settled ends early", func(w *world) { w.edit(settledPath, "\n", "") }, false},
		{"half is settled", func(w *world) { w.edit(settledPath, "}", "") }, false},
		{"what is settled is empty", func(w *world) { w.write(w.target, map[string]string{settledPath: ""}) }, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := &world{t: t, source: directory(t, first.files(t, 1)), target: t.TempDir(), o: options()}
			w.run()
			if _, settled := w.run(); !settled {
				t.Fatal("a run that follows a run decides anew")
			}
			test.change(w)
			if _, settled := w.run(); settled != test.settled {
				t.Errorf("settled: %v", settled)
			}
			w.o = options()
			w.run()
			want, got := held(t, w.source), held(t, w.target)
			delete(got, "files/other")
			if !maps.Equal(got, want) {
				t.Errorf("the mirror holds %q, want %q", got, want)
			}
			if _, settled := w.run(); !settled {
				t.Error("in the end a run decides anew")
			}
		})
	}
}

// TestSettledByChoice: what filters leave out is told by each run, and a run with other filters is not taken in.
func TestSettledByChoice(t *testing.T) {
	w := &world{t: t, source: directory(t, first.files(t, 1)), target: t.TempDir(), o: options()}
	for i, test := range []struct {
		lost, product string
		settled       bool
		notHeld       int
		items         int
	}{
		{"", "a", false, 1, 3},
		{"", "a", true, 1, 0},
		{"", "b", false, 0, 1},
		{"files/a1", "b", true, 0, 0}, // it is not what is wanted
		{"files/b1", "b", false, 0, 1},
		{"", "a", false, 0, 1},
		{"", "a", true, 0, 0},
	} {
		w.o.Wanted = test.product
		w.o.Plan.Item = func(e *streams.Entity) (bool, error) { return e.Ref.Product == test.product, nil }
		if test.lost != "" {
			w.remove(test.lost)
		}
		report, settled := w.run()
		if settled != test.settled || report.NotHeld != test.notHeld || report.Items != test.items {
			t.Errorf("run %d: settled %v, %+v; want %+v", i, settled, report, test)
		}
	}
}

// TestSettledWithoutFiles: there is nothing to look for.
func TestSettledWithoutFiles(t *testing.T) {
	for _, o := range []mirror.Options{{Path: indexPath, NoItems: true}, {Path: indexPath}} {
		list := first
		if !o.NoItems {
			list = stream{}
		}
		w := &world{t: t, source: directory(t, list.files(t, 1)), target: t.TempDir(), o: o}
		for run, want := range []bool{false, true} {
			if _, settled := w.run(); settled != want {
				t.Errorf("without items %v: run %d: settled %v", o.NoItems, run, settled)
			}
		}
	}
}

// TestSettledAfterRemoval: with a grace period a mirror is settled once what left the source is gone.
func TestSettledAfterRemoval(t *testing.T) {
	w := &world{t: t, source: directory(t, first.files(t, 1)), target: t.TempDir(), o: options()}
	now := time.Date(2024, 1, 5, 0, 0, 0, 0, time.UTC)
	w.o.Grace, w.o.Now = time.Hour, func() time.Time { return now }
	w.run()
	for path := range second.files(t, 2) {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(w.source, path)), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	w.write(w.source, second.files(t, 2))
	for i, want := range []struct {
		settled          bool
		removed, waiting int
		after            time.Duration
	}{
		{false, 0, 2, 0},
		{false, 0, 2, time.Minute},
		{false, 2, 0, time.Hour},
		{true, 0, 0, 0},
	} {
		now = now.Add(want.after)
		report, settled := w.run()
		if settled != want.settled || report.Removed != want.removed || report.Waiting != want.waiting {
			t.Errorf("run %d: settled %v, %+v; want %+v", i, settled, report, want)
		}
	}
}

// TestSettledIsNotParsed: of a mirror that is settled no products file is parsed; each run that decides parses them.
func TestSettledIsNotParsed(t *testing.T) {
	server, dir := fetchtest.New(t, first.files(t, 1)), t.TempDir()
	for i, lost := range []string{"", "", "files/a1", ""} {
		target := openDir(t, dir)
		src, err := fetch.Open(server.URL, fetch.Options{Cache: mirror.Published(target), ParseLater: true})
		if err != nil {
			t.Fatal(err)
		}
		if lost != "" {
			if err := os.Remove(filepath.Join(dir, lost)); err != nil {
				t.Fatal(err)
			}
		}
		w, err := mirror.Prepare(t.Context(), src, target, options())
		if err != nil {
			t.Fatal(err)
		}
		report, err := w.Apply(t.Context())
		settled := i%2 == 1
		if err != nil || settled != (len(w.Parts) == 0) || settled != (report == mirror.Report{}) {
			t.Errorf("run %d: %+v with %d parts, %v", i, report, len(w.Parts), err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		target.Close()
	}
	if got := held(t, dir); !maps.Equal(got, first.files(t, 1)) {
		t.Errorf("the mirror holds %v", slices.Sorted(maps.Keys(got)))
	}
}
