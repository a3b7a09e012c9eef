//go:build unix

package store_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/store/storetest"
)

func replace(t *testing.T, d *store.Dir, generation string, gone ...string) {
	t.Helper()
	docs := map[string][]byte{"s/v1/index.json": []byte(generation), "s/v1/a.json": []byte(generation)}
	if err := d.Replace(t.Context(), storetest.Contents(docs), gone); err != nil {
		t.Fatal(err)
	}
}

// TestReplaceKeepsTheRest: whatever else is in the directory is still there, and the same.
func TestReplaceKeepsTheRest(t *testing.T) {
	dir := t.TempDir()
	d := openDir(t, dir)
	writeFile(t, dir, "s/v1/foreign.json", "foreign")
	writeFile(t, dir, "s/v1/deep/er/foreign", "foreign")
	writeFile(t, dir, "s/v1/other.json.part", "interrupted")
	writeFile(t, dir, "s/v1/a.json.part", "interrupted")
	writeFile(t, dir, "s/beside", "foreign")
	if err := os.Symlink("foreign.json", dir+"/s/v1/link"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/nowhere", dir+"/s/v1/dangling"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir+"/s/v1/empty", 0o700); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(dir + "/s/v1/foreign.json")
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, dir, "s/v1/old.json", "old")
	replace(t, d, "1", "s/v1/old.json")
	replace(t, d, "2")

	after, err := os.Stat(dir + "/s/v1/foreign.json")
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("a foreign file is another one now: %v", err)
	}
	for name, data := range map[string]string{"s/v1/index.json": "2", "s/v1/a.json": "2", "s/v1/deep/er/foreign": "foreign", "s/beside": "foreign",
		"s/v1/link": "foreign", "s/v1/other.json.part": "interrupted", "s/v1/a.json.part": "", "s/v1/old.json": ""} {
		wantFile(t, dir, name, data)
	}
	if to, err := os.Readlink(dir + "/s/v1/dangling"); err != nil || to != "/nowhere" {
		t.Errorf("a link leads to %q, %v", to, err)
	}
	if info, err := os.Stat(dir + "/s/v1/empty"); err != nil || info.Mode()&^fs.ModeSetgid != fs.ModeDir|0o700 {
		t.Errorf("an empty directory: %v, %v", info, err)
	}
}

// TestReplaceKeepsAttributes: the directory keeps owner, mode and extended attributes.
func TestReplaceKeepsAttributes(t *testing.T) {
	dir := t.TempDir()
	d := openDir(t, dir)
	replace(t, d, "1")
	if err := os.Chown(dir+"/s/v1", 1234, 5678); err != nil {
		t.Skip(err)
	}
	mode := fs.ModeDir | fs.ModeSetgid | 0o775
	if err := os.Chmod(dir+"/s/v1", mode); err != nil {
		t.Fatal(err)
	}
	attributes := unix.Setxattr(dir+"/s/v1", "user.note", []byte("kept"), 0) == nil
	replace(t, d, "2")
	info, err := os.Stat(dir + "/s/v1")
	if err != nil {
		t.Fatal(err)
	}
	s := info.Sys().(*syscall.Stat_t)
	if s.Uid != 1234 || s.Gid != 5678 || info.Mode() != mode {
		t.Errorf("the directory belongs to %d:%d and has mode %v", s.Uid, s.Gid, info.Mode())
	}
	value := make([]byte, 16)
	if n, err := unix.Getxattr(dir+"/s/v1", "user.note", value); attributes && (err != nil || string(value[:n]) != "kept") {
		t.Errorf("an extended attribute is %q, %v", value[:max(n, 0)], err)
	}
}

// TestReadersOfADirectory: who holds the directory open sees one generation, never a mix, as long as it likes until the
// next change after that.
func TestReadersOfADirectory(t *testing.T) {
	dir := t.TempDir()
	d := openDir(t, dir)
	replace(t, d, "0")
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for {
				if err := readGeneration(dir + "/s/v1"); err != nil {
					t.Error(err)
					return
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	for i := range 30 {
		replace(t, d, fmt.Sprint(i+1))
	}
	close(stop)
	readers.Wait()

	held, err := os.OpenRoot(dir + "/s/v1")
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	replace(t, d, "last")
	if data, err := held.ReadFile("index.json"); err != nil || string(data) != "30" {
		t.Errorf("who holds the old directory open reads %q, %v", data, err)
	}
}

// readGeneration reads all documents of a directory that it opens once.
func readGeneration(dir string) error {
	r, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer r.Close()
	index, err := r.ReadFile("index.json")
	if errors.Is(err, fs.ErrNotExist) {
		return nil // two changes since it was opened
	}
	if err != nil {
		return err
	}
	a, err := r.ReadFile("a.json")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || string(a) != string(index) {
		return fmt.Errorf("in one directory are an index of %s and a document of %s: %w", index, a, err)
	}
	return nil
}

// TestReplaceUnsupportedPlaces: where there is no directory to exchange, nothing is changed.
func TestReplaceUnsupportedPlaces(t *testing.T) {
	docs := func(dir string) map[string][]byte {
		return map[string][]byte{dir + "/1": []byte("new"), dir + "/2": []byte("new")}
	}
	t.Run("symbolic link", func(t *testing.T) {
		dir := t.TempDir()
		writeFile(t, dir, "real/1", "old")
		if err := os.Symlink("real", dir+"/s"); err != nil {
			t.Fatal(err)
		}
		if err := openDir(t, dir).Replace(t.Context(), storetest.Contents(docs("s")), nil); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("Replace: %v, want errors.ErrUnsupported", err)
		}
		wantFile(t, dir, "real/1", "old")
	})
	t.Run("file", func(t *testing.T) {
		dir := t.TempDir()
		writeFile(t, dir, "s", "old")
		if err := openDir(t, dir).Replace(t.Context(), storetest.Contents(docs("s")), nil); err == nil {
			t.Error("Replace puts a directory in the place of a file")
		}
		wantFile(t, dir, "s", "old")
	})
	t.Run("nothing in common", func(t *testing.T) {
		dir := t.TempDir()
		writeFile(t, dir, "1", "old")
		err := openDir(t, dir).Replace(t.Context(), storetest.Contents(map[string][]byte{"1": []byte("new"), "2": []byte("new")}), nil)
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("Replace: %v, want errors.ErrUnsupported", err)
		}
		wantFile(t, dir, "1", "old")
	})
}

// TestAsideIsCleared: what a killed run left goes with the next lock and does not disturb the next change.
func TestAsideIsCleared(t *testing.T) {
	dir := t.TempDir()
	d := openDir(t, dir)
	writeFile(t, dir, ".sstream/aside/tree/index.json", "never published")
	writeFile(t, dir, ".sstream/aside/link-1", image)
	replace(t, d, "1")
	wantFile(t, dir, "s/v1/index.json", "1")
	if entries, err := os.ReadDir(dir + "/.sstream"); err != nil || len(entries) != 1 { // aside, empty: nothing was exchanged
		t.Errorf("left are %v, %v", entries, err)
	}
	replace(t, d, "2")
	wantFile(t, dir, ".sstream/aside/tree/index.json", "1") // for those who are reading it
	unlock, err := d.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	if _, err := os.Stat(dir + "/.sstream/aside"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("aside is still there: %v", err)
	}
	wantFile(t, dir, "s/v1/index.json", "2")
}

// TestReplaceAndPuts: writes below a directory and exchanges of it do not lose each other.
func TestReplaceAndPuts(t *testing.T) {
	d := openDir(t, t.TempDir())
	var writers sync.WaitGroup
	for w := range 3 {
		writers.Go(func() {
			for i := range 20 {
				path := fmt.Sprintf("s/v1/items/%d-%d", w, i)
				put := []func() error{
					func() error { return d.Put(t.Context(), path, storetest.Content([]byte(path))) },
					func() error { return d.PutSoon(t.Context(), path, storetest.Content([]byte(path))) },
				}[i%2]
				if err := put(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range 10 {
		replace(t, d, fmt.Sprint(i))
	}
	writers.Wait()
	if err := d.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := storetest.List(t, d, "s/v1/items/"); len(got) != 60 {
		t.Errorf("%d of 60 files are there: %s", len(got), strings.Join(got, " "))
	}
	if got := storetest.List(t, d, ""); len(got) != 62 {
		t.Errorf("there are %d files, want 62", len(got))
	}
}

// TestReplaceAmongOurNames: documents in the directory that things are made ready in cannot be exchanged with it.
func TestReplaceAmongOurNames(t *testing.T) {
	d := openDir(t, t.TempDir())
	docs := map[string][]byte{".sstream/a": []byte("1"), ".sstream/b": []byte("1")}
	if err := d.Replace(t.Context(), storetest.Contents(docs), nil); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Replace: %v, want errors.ErrUnsupported", err)
	}
	docs = map[string][]byte{".sstream/c/a": []byte("1"), ".sstream/c/b": []byte("1")}
	if err := d.Replace(t.Context(), storetest.Contents(docs), nil); err != nil {
		t.Error(err)
	}
	wantFile(t, d.Path(), ".sstream/c/a", "1")
}

// TestTidy shows that Tidy takes away what Replace has left aside, and leaves what others need.
func TestTidy(t *testing.T) {
	for _, locked := range []bool{false, true} {
		path := t.TempDir()
		d := openDir(t, path)
		if locked {
			unlock, err := d.Lock(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer unlock()
		}
		for _, text := range []string{"old", "new"} {
			if err := d.Replace(t.Context(), storetest.Contents(map[string][]byte{"s/a": []byte(text), "s/b": []byte(text)}), nil); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			if err := d.Tidy(); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(path + "/s/a"); string(got) != "new" {
			t.Errorf("%q, %v", got, err)
		}
		if _, err := os.Stat(path + "/.sstream/aside"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("aside: %v", err)
		}
		if _, err := os.Stat(path + "/.sstream"); errors.Is(err, fs.ErrNotExist) == locked {
			t.Errorf("locked is %v, and .sstream: %v", locked, err)
		}
	}
}
