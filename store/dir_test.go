//go:build unix

package store_test

import (
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/store/storetest"
	"github.com/seed-43fb3962/sstream/streams"
)

func digestOf(sum []byte) streams.Digest {
	return streams.Digest{Algorithm: "sha256", Hex: hex.EncodeToString(sum)}
}

func TestOpenDir(t *testing.T) {
	dir := t.TempDir()
	if _, err := store.OpenDir(dir+"/new", store.DirOptions{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("OpenDir of nothing: %v, want fs.ErrNotExist", err)
	}
	d, err := store.OpenDir(dir+"/new/deep", store.DirOptions{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	if d.Path() != dir+"/new/deep" {
		t.Errorf("Path() = %q", d.Path())
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if _, err := d.Open(t.Context(), "file", 0); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("Open after Close: %v", err)
	}
	writeFile(t, dir, "file", "content")
	for _, create := range []bool{false, true} {
		if _, err := store.OpenDir(dir+"/file", store.DirOptions{Create: create}); err == nil {
			t.Error("OpenDir opens a file")
		}
	}
}

// TestNothingLeaves: symbolic links inside the tree are followed, those that lead out of it are not, whatever is asked,
// and whoever has the lock.
func TestNothingLeaves(t *testing.T) {
	t.Run("", func(t *testing.T) { testNothingLeaves(t, openDir) })
	t.Run("locked", func(t *testing.T) { testNothingLeaves(t, lockDir) })
}

func testNothingLeaves(t *testing.T, open func(t testing.TB, path string) *store.Dir) {
	top := t.TempDir()
	writeFile(t, top, "outside/file", "outside")
	writeFile(t, top, "mirror/inside/file", "inside")
	for link, to := range map[string]string{"in": "inside", "in-file": "inside/file", "out": "../outside", "out-file": "../outside/file", "abs": top + "/outside"} {
		if err := os.Symlink(to, filepath.Join(top, "mirror", link)); err != nil {
			t.Fatal(err)
		}
	}
	d := open(t, top+"/mirror")
	ctx := t.Context()

	storetest.Put(t, d, "in/new", "new")
	wantFile(t, top, "mirror/inside/new", "new")
	if got, _ := storetest.Get(t, d, "in-file"); got != "inside" {
		t.Errorf("through a link inside one reads %q", got)
	}
	for _, path := range []string{"out/file", "out/new", "out/deep/new", "abs/file", "abs/new"} {
		_, openErr := d.Open(ctx, path, 0)
		_, statErr := d.Stat(ctx, path)
		for op, err := range map[string]error{
			"Open": openErr, "Stat": statErr,
			"Put":     d.Put(ctx, path, store.Bytes(nil)),
			"PutSoon": d.PutSoon(ctx, path, store.Bytes(nil)),
			"Delete":  d.Delete(ctx, path),
			"Copy":    d.Copy(ctx, "inside/file", path),
			"Adopt":   d.Adopt(ctx, top+"/outside/file", path, store.Content{Size: -1}),
			"Replace": d.Replace(ctx, storetest.Contents(map[string][]byte{path: nil, path + "2": nil}), nil),
		} {
			if err == nil {
				t.Errorf("%s(%q) leaves the directory", op, path)
			} else if !errors.Is(err, errors.ErrUnsupported) && !strings.Contains(err.Error(), "a symbolic link that is absolute or leads out of") {
				t.Errorf("%s(%q) does not say why not: %v", op, path, err)
			}
		}
	}
	if _, err := d.Open(ctx, "out-file", 0); err == nil {
		t.Error("Open follows a link to a file outside")
	}
	storetest.Put(t, d, "out-file", "replaced") // the link, not what it leads to
	wantFile(t, top, "mirror/out-file", "replaced")
	wantFile(t, top, "outside/file", "outside")
	if entries, err := os.ReadDir(top + "/outside"); err != nil || len(entries) != 1 {
		t.Errorf("outside are %v, %v", entries, err)
	}
}

// TestDeleteDirectories: empty directories go, up to the root; links, foreign files and other places stay.
func TestDeleteDirectories(t *testing.T) {
	top := t.TempDir()
	t.Chdir(top)
	for _, dir := range []string{"a/b/c", "mirror/linked/sub"} { // the old tool removed such directories of where one stood
		if err := os.MkdirAll(dir, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	d := openDir(t, "mirror")
	for _, path := range []string{"a/b/c/1", "a/b/c/2", "a/b2/3", "linked/sub/4"} {
		storetest.Put(t, d, path, path)
	}
	if err := os.Symlink("linked", "mirror/link"); err != nil {
		t.Fatal(err)
	}
	writeFile(t, "mirror", "a/b/c/1.part", "interrupted")
	writeFile(t, "mirror", "a/b2/foreign", "foreign")
	for _, path := range []string{"a/b/c/1", "a/b/c/2", "a/b2/3", "link/sub/4"} {
		if err := d.Delete(t.Context(), path); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]bool{
		"mirror": true, "mirror/a/b": false, "mirror/a/b2/foreign": true, "mirror/linked/sub": false, "mirror/link": true, "a/b/c": true,
	} {
		if _, err := os.Lstat(path); (err == nil) != want {
			t.Errorf("%s is there: %v, want %v", path, err == nil, want)
		}
	}
}

// TestOddFiles: what is not a file is not content, and nobody waits for it.
func TestOddFiles(t *testing.T) {
	dir := t.TempDir()
	d := openDir(t, dir)
	if err := syscall.Mkfifo(dir+"/fifo", 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir+"/directory", 0o777); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"fifo", "directory"} {
		if _, err := d.Open(t.Context(), path, 0); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Open(%q): %v, want fs.ErrNotExist", path, err)
		}
		if _, err := d.Stat(t.Context(), path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Stat(%q): %v, want fs.ErrNotExist", path, err)
		}
		if err := d.Adopt(t.Context(), filepath.Join(dir, path), "adopted", store.Content{Size: -1}); err == nil {
			t.Errorf("%s is adopted", path)
		}
	}
	if got := storetest.List(t, d, ""); len(got) > 0 {
		t.Errorf("List: %q", got)
	}
	if err := d.Put(t.Context(), "directory", store.Bytes(nil)); err == nil {
		t.Error("Put replaces a directory")
	}
	if err := d.Put(t.Context(), "directory/a", store.Bytes(nil)); err != nil {
		t.Error(err)
	}
	if err := d.Put(t.Context(), "directory/a/b", store.Bytes(nil)); err == nil {
		t.Error("Put writes below a file")
	}
}

// TestOurNames: the directory's own files are out of reach for content.
func TestOurNames(t *testing.T) {
	dir := t.TempDir()
	d := openDir(t, dir)
	unlock, err := d.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	for _, path := range []string{".sstream/lock", ".sstream/aside", ".sstream/aside/x", "disk.img.part"} {
		if err := d.Put(t.Context(), path, store.Bytes(nil)); err == nil {
			t.Errorf("Put(%q) is allowed", path)
		}
		if err := d.Delete(t.Context(), path); err == nil {
			t.Errorf("Delete(%q) is allowed", path)
		}
	}
	storetest.Put(t, d, ".sstream/etags.json", "{}")
}

// TestModes: files and directories get the mode that the umask leaves.
func TestModes(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o027))
	dir := t.TempDir()
	d := openDir(t, dir)
	storetest.Put(t, d, "a/file", "content")
	if err := d.Replace(t.Context(), storetest.Contents(map[string][]byte{"s/1": nil, "s/v/2": nil}), nil); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]fs.FileMode{
		"a": fs.ModeDir | 0o750, "a/file": 0o640, "s": fs.ModeDir | 0o750, "s/1": 0o640, "s/v": fs.ModeDir | 0o750, "s/v/2": 0o640,
	} {
		info, err := os.Stat(filepath.Join(dir, path))
		if err != nil || info.Mode()&^fs.ModeSetgid != want { // which the temporary directory may pass on
			t.Errorf("%s has mode %v, %v, want %v", path, info, err, want)
		}
	}
}

// TestBlocked: a path cannot be a file and a directory.
func TestBlocked(t *testing.T) {
	dir := t.TempDir()
	d := openDir(t, dir)
	writeFile(t, dir, "a/file", "content")
	if err := os.Symlink("a", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{
		"a": true, "a/file": false, "a/other": false, "a/file/x": true, "a/file/x/y": true, "a/b/c": false, "b": false, "b/c": false,
		"link": true, "link/x": false, "link/file/x": true,
	} {
		if got, err := d.Blocked(t.Context(), path); got != want || err != nil {
			t.Errorf("%s: %v, %v", path, got, err)
		}
	}
	if _, err := d.Blocked(t.Context(), "../a"); err == nil {
		t.Error("a path that leads out")
	}
	if err := d.Delete(t.Context(), "a/file/x"); err != nil {
		t.Error(err)
	}
	if err := d.Sync(t.Context()); err != nil {
		t.Errorf("after the removal of what is not there, as a file is where its directory was: %v", err)
	}
}

// TestErrorsNameTheFile: an error says what failed where.
func TestErrorsNameTheFile(t *testing.T) {
	dir := t.TempDir()
	d := openDir(t, dir)
	writeFile(t, dir, "file", "content")
	for want, err := range map[string]error{
		"open " + dir + "/no/file":             second(d.Open(t.Context(), "no/file", 0)),
		"stat " + dir + "/no/file":             second(d.Stat(t.Context(), "no/file")),
		"mkdir " + dir + "/file/below: not a ": d.Put(t.Context(), "file/below/x", store.Bytes(nil)),
	} {
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("error %q, want %q", err, want)
		}
	}
}

func second[T any](_ T, err error) error { return err }
