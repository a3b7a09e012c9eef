package mirror_test

import (
	"context"
	"errors"
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
)

// run mirrors files into dir and returns what came of it.
func run(t *testing.T, files map[string]string, dir string, change func(*mirror.Options)) (mirror.Report, error) {
	t.Helper()
	o := options()
	if change != nil {
		change(&o)
	}
	return mirror.Run(t.Context(), open(t, directory(t, files)), openDir(t, dir), o)
}

func mustRun(t *testing.T, files map[string]string, dir string, change func(*mirror.Options)) mirror.Report {
	t.Helper()
	report, err := run(t, files, dir, change)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func wantError(t *testing.T, err error, part string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), part) {
		t.Errorf("the error is %v, want one with %q", err, part)
	}
}

func TestRollback(t *testing.T) {
	dir := t.TempDir()
	source := directory(t, second.files(t, 2))
	target := openDir(t, dir)
	if _, err := mirror.Run(t.Context(), open(t, source), target, options()); err != nil {
		t.Fatal(err)
	}
	for path, data := range first.files(t, 1) { // the same source, at an earlier state
		if err := os.WriteFile(filepath.Join(source, path), []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	_, err := mirror.Run(t.Context(), open(t, source), target, options())
	wantError(t, err, "--allow-rollback")
	if got := held(t, dir); !maps.Equal(got, second.files(t, 2)) {
		t.Errorf("the mirror holds %v", slices.Sorted(maps.Keys(got)))
	}
	o := options()
	o.AllowRollback = true
	if _, err := mirror.Run(t.Context(), open(t, source), target, o); err != nil {
		t.Error(err)
	}
	checkPublished(t, dir, "after a rollback")
}

func TestMaxDelete(t *testing.T) {
	for _, c := range []struct {
		limit  string
		refuse bool
	}{{"2", false}, {"1", true}, {"40%", false}, {"39%", true}, {"0", true}} {
		dir := t.TempDir()
		mustRun(t, first.files(t, 1), dir, nil)
		_, err := run(t, second.files(t, 2), dir, func(o *mirror.Options) { o.MaxDelete, _ = mirror.ParseLimit(c.limit) })
		if c.refuse {
			wantError(t, err, "2 of 5 items would be removed")
			if got := held(t, dir); !maps.Equal(got, first.files(t, 1)) {
				t.Errorf("limit %s: the refused run changed the mirror", c.limit)
			}
		} else if err != nil {
			t.Errorf("limit %s: %v", c.limit, err)
		}
	}
	for _, bad := range []string{"", "x", "-1", "101%", "%"} {
		if _, err := mirror.ParseLimit(bad); err == nil {
			t.Errorf("%q was read as a limit", bad)
		}
	}
}

func TestGrace(t *testing.T) {
	dir, now := t.TempDir(), time.Date(2024, 2, 1, 0, 0, 0, 0, time.UTC)
	grace := func(o *mirror.Options) { o.Grace, o.Now = time.Hour, func() time.Time { return now } }
	mustRun(t, first.files(t, 1), dir, grace)
	if r := mustRun(t, second.files(t, 2), dir, grace); r.Removed != 0 || r.Waiting != 2 {
		t.Errorf("at once: %+v", r)
	}
	now = now.Add(59 * time.Minute)
	if r := mustRun(t, second.files(t, 2), dir, grace); r.Removed != 0 || r.Waiting != 2 {
		t.Errorf("before the period ends: %+v", r)
	}
	now = now.Add(time.Minute)
	if r := mustRun(t, second.files(t, 2), dir, grace); r.Removed != 2 || r.Waiting != 0 {
		t.Errorf("after the period: %+v", r)
	}
	if got := held(t, dir); !maps.Equal(got, second.files(t, 2)) {
		t.Errorf("the mirror holds %v", slices.Sorted(maps.Keys(got)))
	}
}

func TestGraceEndsWhenListedAgain(t *testing.T) {
	dir, now := t.TempDir(), time.Date(2024, 2, 1, 0, 0, 0, 0, time.UTC)
	grace := func(o *mirror.Options) { o.Grace, o.Now = time.Hour, func() time.Time { return now } }
	for day, s := range []stream{first, second, first} {
		mustRun(t, s.files(t, day+1), dir, grace)
	}
	now = now.Add(2 * time.Hour)
	mustRun(t, first.files(t, 4), dir, grace)
	if got := held(t, dir); !maps.Equal(got, first.files(t, 4)) {
		t.Errorf("the mirror holds %v", slices.Sorted(maps.Keys(got)))
	}
}

// TestAdopt lets a run find files that are right, wrong and half there.
func TestAdopt(t *testing.T) {
	files := first.files(t, 1)
	dir := directory(t, map[string]string{"files/a1": files["files/a1"], "files/a2": "WRONG CONT", "files/kernel.part": files["files/kernel"][:7], "mine": "not ours"})
	report := mustRun(t, files, dir, nil)
	if report.Adopted != 1 {
		t.Errorf("%+v: one file was there", report)
	}
	files["mine"] = "not ours"
	if got := held(t, dir); !maps.Equal(got, files) {
		t.Errorf("the mirror holds %v", got)
	}
}

func TestSeedAndSameContent(t *testing.T) {
	seed := directory(t, map[string]string{"elsewhere/x": "disk of a1", "y": "another, as long"})
	dir := t.TempDir()
	files := first.files(t, 1)
	if r := mustRun(t, files, dir, func(o *mirror.Options) { o.Seeds = []string{seed} }); r.Adopted != 1 {
		t.Errorf("%+v: one file is in the seed", r)
	}
	moved := stream{}
	for ref, f := range first {
		f.path = "moved/" + f.path
		moved[ref] = f
	}
	server := fetchtest.New(t, moved.files(t, 2))
	report, err := mirror.Run(t.Context(), open(t, server.URL), openDir(t, dir), options())
	if err != nil {
		t.Fatal(err)
	}
	if report.Adopted != 4 || report.Removed != 4 {
		t.Errorf("%+v: all four files are there under other paths", report)
	}
	if got := held(t, dir); !maps.Equal(got, moved.files(t, 2)) {
		t.Errorf("the mirror holds %v", slices.Sorted(maps.Keys(got)))
	}
}

// TestRepeatedContent mirrors a source that lists the same content under several paths: it is read once.
func TestRepeatedContent(t *testing.T) {
	twice := stream{"a/1/other": {"files/other", "disk of a1"}, "b/1/other": {"files/b1.other", "disk of b1"}, "c/1/disk": {"files/c1", "disk of a1"}}
	maps.Copy(twice, first)
	files := twice.files(t, 1)
	server, dir := fetchtest.New(t, files), t.TempDir()
	report, err := mirror.Run(t.Context(), open(t, server.URL), openDir(t, dir), options())
	if err != nil || report.Items != 7 || report.Adopted != 3 {
		t.Errorf("%+v, %v: three files have the content of others", report, err)
	}
	if got := server.Requests(); len(got) != 2+4 {
		t.Errorf("read were %q, want 2 documents and 4 files", got)
	}
	if got := held(t, dir); !maps.Equal(got, files) {
		t.Errorf("the mirror holds %v", got)
	}
}

// TestOddPathsOfPython takes a mirror over in which the Python tool has written a path down as it was listed.
func TestOddPathsOfPython(t *testing.T) {
	dir := t.TempDir()
	mustRun(t, first.files(t, 1), dir, nil)
	for _, name := range []string{".data/test:download", ".data/references.json"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		odd := strings.ReplaceAll(string(data), `"files/a1"`, `"./files//a1"`)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(odd), 0o644); err != nil || odd == string(data) {
			t.Fatal(name, err)
		}
	}
	if r := mustRun(t, first.files(t, 2), dir, nil); r.Items != 0 || r.Removed != 0 {
		t.Errorf("%+v: nothing has changed", r)
	}
	files := second.files(t, 3) // without a1
	mustRun(t, files, dir, nil)
	if got := held(t, dir); !maps.Equal(got, files) {
		t.Errorf("the mirror holds %v", slices.Sorted(maps.Keys(got)))
	}
}

func TestDamagedState(t *testing.T) {
	for _, name := range []string{".data/test:download", ".data/references.json", ".sstream/mirror.json"} {
		dir := t.TempDir()
		mustRun(t, first.files(t, 1), dir, nil)
		if err := os.WriteFile(filepath.Join(dir, name), []byte("{"), 0o644); err != nil {
			t.Fatal(err)
		}
		mustRun(t, second.files(t, 2), dir, nil)
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		mustRun(t, second.files(t, 3), dir, nil)
		got := held(t, dir)
		for path, data := range second.files(t, 3) {
			if got[path] != data {
				t.Errorf("%s damaged: %s is %q", name, path, got[path])
			}
		}
	}
}

func TestLostAndShortFilesComeBack(t *testing.T) {
	dir, files := t.TempDir(), first.files(t, 1)
	mustRun(t, files, dir, nil)
	if err := os.Remove(filepath.Join(dir, "files/a1")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "files/a2"), []byte("short"), 0o644); err != nil {
		t.Fatal(err)
	}
	if r := mustRun(t, files, dir, nil); r.Items != 2 {
		t.Errorf("%+v: two files were to be read", r)
	}
	if got := held(t, dir); !maps.Equal(got, files) {
		t.Errorf("the mirror holds %v", got)
	}
}

func TestTwoRunsAtOnce(t *testing.T) {
	dir := t.TempDir()
	src := open(t, directory(t, first.files(t, 1)))
	w, err := mirror.Prepare(t.Context(), src, openDir(t, dir), options())
	if err != nil {
		t.Fatal(err)
	}
	_, err = mirror.Run(t.Context(), src, openDir(t, dir), options())
	wantError(t, err, "another run is at work")
	wantError(t, err, "--wait")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := mirror.Run(t.Context(), src, openDir(t, dir), options()); err != nil {
		t.Error(err)
	}
}

// TestInterrupt ends a run while items are read: nothing is published, and the next run goes on.
func TestInterrupt(t *testing.T) {
	dir, files := t.TempDir(), first.files(t, 1)
	ctx, cancel := context.WithCancel(t.Context())
	o := options()
	o.Progress = &stopAt{cancel: cancel}
	_, err := mirror.Run(ctx, open(t, directory(t, files)), openDir(t, dir), o)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, indexPath)); err == nil {
		t.Error("an interrupted first run published an index")
	}
	mustRun(t, files, dir, nil)
	if got := held(t, dir); !maps.Equal(got, files) {
		t.Errorf("the mirror holds %v", got)
	}
}

type stopAt struct{ cancel func() }

func (s *stopAt) Start(int, int64)   {}
func (s *stopAt) Bytes(string, int)  { s.cancel() }
func (s *stopAt) Done(string, error) {}

// TestFailedRunGoesOn ends a run with an error: what it had read is not read again.
func TestFailedRunGoesOn(t *testing.T) {
	files, dir := first.files(t, 1), t.TempDir()
	server := fetchtest.New(t, files)
	server.Fail("files/b1", 1, fetchtest.Status(500))
	o := options()
	o.Jobs = 1 // files/b1 is the last
	for _, want := range []int{4, 1} {
		server.Requests() // so far
		d := openDir(t, dir)
		_, err := mirror.Run(t.Context(), open(t, server.URL), d, o)
		if got := err != nil; got != (want > 1) {
			t.Errorf("the error is %v", err)
		}
		d.Close()
		read := slices.DeleteFunc(server.Requests(), func(r string) bool { return !strings.Contains(r, "/files/") })
		if len(read) != want {
			t.Errorf("read were %q, want %d files", read, want)
		}
	}
	if got := held(t, dir); !maps.Equal(got, files) {
		t.Errorf("the mirror holds %v", got)
	}
}

// TestNothingNew counts what a run costs that finds nothing new: a round trip a document.
func TestNothingNew(t *testing.T) {
	server := fetchtest.New(t, first.files(t, 1))
	target := openDir(t, t.TempDir())
	for i := range 2 {
		src, err := fetch.Open(server.URL, fetch.Options{Cache: mirror.Published(target)})
		if err != nil {
			t.Fatal(err)
		}
		server.Requests() // so far
		report, err := mirror.Run(t.Context(), src, target, options())
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			continue
		}
		if got := server.Requests(); len(got) != 2 || report != (mirror.Report{}) {
			t.Errorf("a run with nothing new did %+v with the requests %v", report, got)
		}
	}
}
