package mirror_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// edited returns the files of the first stream with texts of its products file replaced.
func edited(t *testing.T, pairs ...string) map[string]string {
	t.Helper()
	files := first.files(t, 1)
	before := files["streams/v1/test.json"]
	files["streams/v1/test.json"] = strings.NewReplacer(pairs...).Replace(before)
	if files["streams/v1/test.json"] == before {
		t.Fatalf("nothing to replace: %q", pairs)
	}
	return files
}

// TestHostileDocuments gives a mirror documents that want more than to be mirrored. Each is refused with a word that
// says why, before anything is written.
func TestHostileDocuments(t *testing.T) {
	for _, c := range []struct{ name, from, to, why string }{
		{"content id climbs", `"test:download"`, `"../../escaped"`, "unsafe content_id"},
		{"content id is the ledger", `"test:download"`, `"references.json"`, "content_id may not be"},
		{"no content id", `"content_id"`, `"content"`, "no content_id"},
		{"item climbs", `"files/a1"`, `"files/../../a1"`, "unsafe path"},
		{"item's path is a number", `"files/a1"`, `1`, "its path is not text"},
		{"item is absolute", `"files/a1"`, `"/etc/passwd"`, "unsafe path"},
		{"item is the ledger", `"files/a1"`, `".data/references.json"`, "keeps its state"},
		{"item is where the ledger is", `"files/a1"`, `".data"`, "keeps its state"},
		{"item is our state", `"files/a1"`, `".sstream/mirror.json"`, "keeps its state"},
		{"item is a document", `"files/a1"`, `"streams/v1/index.json"`, "that of a document"},
		{"item is a part", `"files/a1"`, `"files/a2.part"`, "being written"},
		{"one path, two contents", `"files/a1"`, `"files/a2"`, "with different content"},
		{"a file and a directory", `"files/a1"`, `"files/a2/a1"`, "source: test:download/a/2/disk has the path files/a2, which test:download/a/1/disk needs as a directory for files/a2/a1"},
		{"an item where documents are", `"files/a1"`, `"streams/v1"`, "which a document needs as a directory"},
		{"an item below a document", `"files/a1"`, `"streams/v1/index.json/a1"`, "source: a document has the path streams/v1/index.json"},
		{"negative size", `"size": 10`, `"size": -10`, "not a number of bytes"},
		{"no size", `"size"`, `"length"`, "no size is listed"},
		{"no checksum", `"sha256"`, `"sum"`, "no md5, sha256 or sha512"},
		{"unknown alias", `"updated"`, `"_aliases": {"path": {"x": {"a": "b"}}}, "updated"`, "is not defined in _aliases"},
		{"not JSON", `"products"`, `products`, "not valid JSON: line"},
		{"other format", `"products:1.0"`, `"products:9.0"`, `unknown format "products:9.0"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			_, err := run(t, edited(t, c.from, c.to), filepath.Join(dir, "mirror"), nil)
			wantError(t, err, c.why)
			if got := held(t, dir); len(got) > 0 && !slices.Equal(slices.Sorted(maps.Keys(got)), []string{"mirror/.sstream/lock"}) {
				t.Errorf("something was written: %v", slices.Sorted(maps.Keys(got)))
			}
		})
	}
}

// TestPathsInOtherWords: what means the same path is the same file, for the items, the documents and the next run.
func TestPathsInOtherWords(t *testing.T) {
	files := edited(t, `"files/a1"`, `"./files/./a1"`)
	files[indexPath] = strings.Replace(files[indexPath], `"streams/v1/test.json"`, `"./streams//v1/test.json"`, 1)
	dir := t.TempDir()
	mustRun(t, files, dir, nil)
	if got := held(t, dir); !maps.Equal(got, files) {
		t.Errorf("the mirror holds %v", slices.Sorted(maps.Keys(got)))
	}
	if again := mustRun(t, first.files(t, 1), dir, nil); again.Items+again.Removed > 0 {
		t.Errorf("the same, written plainly: %+v", again)
	}
}

// TestIndexNamesItself must end.
func TestIndexNamesItself(t *testing.T) {
	files := map[string]string{indexPath: `{"format":"index:1.0","index":{"a":{"format":"index:1.0","path":"streams/v1/index.json"}}}`}
	_, err := run(t, files, t.TempDir(), nil)
	wantError(t, err, "inside itself")
}

// TestTwoListsOneContentID: the record could not tell their versions apart.
func TestTwoListsOneContentID(t *testing.T) {
	files := first.files(t, 1)
	files["streams/v1/other.json"] = files["streams/v1/test.json"]
	files[indexPath] = strings.Replace(files[indexPath], `"index": {`, `"index": {"x": {"format": "products:1.0", "path": "streams/v1/other.json"},`, 1)
	_, err := run(t, files, t.TempDir(), nil)
	wantError(t, err, "the same content_id")
}

// TestLinksOutOfTheMirror: a link that somebody put into the mirror does not lead its files elsewhere.
func TestLinksOutOfTheMirror(t *testing.T) {
	outside, dir := t.TempDir(), t.TempDir()
	if err := os.Symlink(outside, filepath.Join(dir, "files")); err != nil {
		t.Fatal(err)
	}
	_, err := run(t, first.files(t, 1), dir, nil)
	if err == nil {
		t.Error("files were written through a link that leads out of the mirror")
	}
	if got := held(t, outside); len(got) > 0 {
		t.Errorf("outside there is %v", slices.Sorted(maps.Keys(got)))
	}
}

// TestWorkingDirectory: removals concern the mirror, whatever has the same names where the program runs.
func TestWorkingDirectory(t *testing.T) {
	here, dir := t.TempDir(), t.TempDir()
	t.Chdir(here)
	if err := os.MkdirAll("files/a", 0o755); err != nil {
		t.Fatal(err)
	}
	for day, s := range []stream{first, second} {
		mustRun(t, s.files(t, day+1), dir, nil)
	}
	if _, err := os.Stat("files/a"); err != nil {
		t.Errorf("a directory of the user's is gone: %v", err)
	}
}

// TestEmptyDirectoriesGo, in the mirror.
func TestEmptyDirectoriesGo(t *testing.T) {
	dir := t.TempDir()
	alone := stream{"a/1/disk": {"deep/er/file", "x"}, "a/2/disk": {"files/other", "y"}}
	mustRun(t, alone.files(t, 1), dir, nil)
	delete(alone, "a/1/disk")
	mustRun(t, alone.files(t, 2), dir, nil)
	if _, err := os.Stat(filepath.Join(dir, "deep")); err == nil {
		t.Error("empty directories are left")
	}
}

// TestManySharedPaths keeps a file as long as one of many items needs it.
func TestManySharedPaths(t *testing.T) {
	shared := stream{}
	for i := range 50 {
		shared[fmt.Sprintf("p%02d/1/i", i)] = struct{ path, data string }{"files/one", "for all"}
	}
	dir := t.TempDir()
	mustRun(t, shared.files(t, 1), dir, nil)
	for i := range 49 {
		shared[fmt.Sprintf("p%02d/2/i", i)] = struct{ path, data string }{"files/two", "for the others"}
		delete(shared, fmt.Sprintf("p%02d/1/i", i))
	}
	mustRun(t, shared.files(t, 2), dir, nil)
	if got := held(t, dir); got["files/one"] != "for all" {
		t.Error("a file that an item needs is gone")
	}
}

// TestSizeAsText is a number of bytes as well.
func TestSizeAsText(t *testing.T) {
	files, dir := edited(t, `"size": 10`, `"size": "10"`), t.TempDir()
	mustRun(t, files, dir, nil)
	if got := held(t, dir); !maps.Equal(got, files) {
		t.Errorf("the mirror holds %v", slices.Sorted(maps.Keys(got)))
	}
}

// TestUserInTheWay: what somebody else put where a file or its directory is to be ends the run with a word that names it, and
// stays as it is.
func TestUserInTheWay(t *testing.T) {
	for path, want := range map[string]string{"files": "files: not a directory", "files/a1/own": "files/a1: is a directory"} {
		dir := directory(t, map[string]string{path: "of the user"})
		_, err := run(t, first.files(t, 1), dir, nil)
		wantError(t, err, want)
		if !strings.HasPrefix(err.Error(), "target: ") {
			t.Errorf("it is not told who is at fault: %v", err)
		}
		if got := held(t, dir); got[path] != "of the user" || got[indexPath] != "" {
			t.Errorf("there is %v", got)
		}
	}
}
