//go:build unix

package store_test

import (
	"errors"
	"io/fs"
	"os"
	"sync"
	"testing"

	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/store/storetest"
)

// lockDir is openDir of a directory that nobody else works in.
func lockDir(t testing.TB, path string) *store.Dir {
	t.Helper()
	d := openDir(t, path)
	unlock, err := d.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unlock(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// wantStat fails the test unless a file of that size is at path; -1: none.
func wantStat(t *testing.T, d *store.Dir, path string, size int64) {
	t.Helper()
	info, err := d.Stat(t.Context(), path)
	switch {
	case size < 0 && !errors.Is(err, fs.ErrNotExist):
		t.Errorf("Stat(%q) = %v, %v, want fs.ErrNotExist", path, info, err)
	case size >= 0 && (err != nil || info.Size != size):
		t.Errorf("Stat(%q) = %v, %v, want %d bytes", path, info, err, size)
	}
	there, err := os.Stat(d.Path() + "/" + path)
	if err == nil && info.Size == size && !info.Modified.Equal(there.ModTime()) {
		t.Errorf("Stat(%q): modified %v, want %v", path, info.Modified, there.ModTime())
	}
}

// TestStatSeesWhatChanges: what is asked for again is looked for again, also in a directory that was looked into before.
func TestStatSeesWhatChanges(t *testing.T) {
	for name, open := range map[string]func(testing.TB, string) *store.Dir{"": openDir, "locked": lockDir} {
		t.Run(name, func(t *testing.T) {
			d := open(t, t.TempDir())
			step := func(what string, change func() error, sizes ...int64) {
				t.Helper()
				if err := change(); err != nil {
					t.Fatalf("%s: %v", what, err)
				}
				t.Run(what, func(t *testing.T) {
					for i, path := range []string{"d/a", "d/b", "d/e/c"} {
						wantStat(t, d, path, sizes[i])
					}
				})
			}
			put := func(path, data string) error { return d.Put(t.Context(), path, store.Bytes([]byte(data))) }
			in := func(path string) string { return d.Path() + "/" + path }
			step("nothing", func() error { return nil }, -1, -1, -1)
			step("one file", func() error { return put("d/a", "1") }, 1, -1, -1)
			step("two files", func() error { return put("d/b", "12") }, 1, 2, -1)
			step("three files", func() error { return put("d/e/c", "123") }, 1, 2, 3)
			step("another size", func() error { return put("d/a", "1234") }, 4, 2, 3)
			step("cut short", func() error { return os.Truncate(in("d/a"), 2) }, 2, 2, 3)
			step("deleted by somebody", func() error { return os.Remove(in("d/b")) }, 2, -1, 3)
			step("deleted, with its directory", func() error { return d.Delete(t.Context(), "d/e/c") }, 2, -1, -1)
			step("directory made again", func() error { return put("d/e/c", "12345") }, 2, -1, 5)
			step("directory removed by somebody", func() error { return os.RemoveAll(in("d/e")) }, 2, -1, -1)
			step("and made again by them", func() error { return errors.Join(os.Mkdir(in("d/e"), 0o777), os.WriteFile(in("d/e/c"), nil, 0o666)) }, 2, -1, 0)
			step("a directory in the place of a file", func() error { return errors.Join(os.Remove(in("d/a")), os.Mkdir(in("d/a"), 0o777)) }, -1, -1, 0)
			step("a link in the place of a file", func() error { return errors.Join(os.Remove(in("d/a")), os.Symlink("e/c", in("d/a"))) }, 0, -1, 0)
			step("a file in the place of a directory", func() error { return errors.Join(os.RemoveAll(in("d")), os.WriteFile(in("d"), nil, 0o666)) }, -1, -1, -1)
		})
	}
}

// TestStatInNewDirectory: what comes into a directory that was empty is found, whichever way it comes.
func TestStatInNewDirectory(t *testing.T) {
	small := storetest.Content([]byte("small"))
	synced := func(d *store.Dir, err error) error { return errors.Join(err, d.Sync(t.Context())) }
	for name, bring := range map[string]func(d *store.Dir) error{
		"put":          func(d *store.Dir) error { return d.Put(t.Context(), "d/a", small) },
		"put soon":     func(d *store.Dir) error { return synced(d, d.PutSoon(t.Context(), "d/a", small)) },
		"put as draft": func(d *store.Dir) error { d.WithoutUnnamed(); return synced(d, d.PutSoon(t.Context(), "d/a", small)) },
		"copied":       func(d *store.Dir) error { return synced(d, d.Copy(t.Context(), "small", "d/a")) },
		"adopted":      func(d *store.Dir) error { return synced(d, d.Adopt(t.Context(), d.Path()+"/small", "d/a", small)) },
		"made again": func(d *store.Dir) error {
			return errors.Join(d.Delete(t.Context(), "d/b"), d.Put(t.Context(), "d/a", small))
		},
		"again at once": func(d *store.Dir) error {
			return errors.Join(d.Delete(t.Context(), "d/b"), synced(d, d.PutSoon(t.Context(), "d/a", small)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := lockDir(t, t.TempDir())
			storetest.Put(t, d, "small", "small")
			soon(t, d, "d/other", "small") // which makes the directory, but has no name yet
			wantStat(t, d, "d/a", -1)
			if err := bring(d); err != nil {
				t.Fatal(err)
			}
			wantStat(t, d, "d/a", 5)
			wantStat(t, d, "d/b", -1)
			wantSync(t, d)
			wantStat(t, d, "d/other", 5)
		})
	}
}

// TestStatAfterReplace: a directory that was looked into is another one after it has been exchanged.
func TestStatAfterReplace(t *testing.T) {
	d := lockDir(t, t.TempDir())
	for size := range int64(3) {
		data := make([]byte, size)
		if err := d.Replace(t.Context(), storetest.Contents(map[string][]byte{"s/v1/a": data, "s/v1/b": data}), nil); err != nil {
			t.Fatal(err)
		}
		wantStat(t, d, "s/v1/a", size)
		wantStat(t, d, "s/v1/b", size)
	}
}

// TestStatDuringReplace: who looks while directories are exchanged finds all that is there all the time, and nothing that is
// older than what was seen before.
func TestStatDuringReplace(t *testing.T) {
	d := lockDir(t, t.TempDir())
	storetest.Put(t, d, "s/v1/a", "")
	storetest.Put(t, d, "s/v1/b", "")
	done := make(chan struct{})
	var looking sync.WaitGroup
	for range 2 {
		looking.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				seen, _ := storetest.Get(t, d, "s/v1/a")
				if info, err := d.Stat(t.Context(), "s/v1/b"); err != nil || info.Size < int64(len(seen)) {
					t.Errorf("while it is replaced: %d bytes, %v, after %d of the one before", info.Size, err, len(seen))
					return
				}
				if names := storetest.List(t, d, "s/v1/"); len(names) != 2 {
					t.Errorf("while it is replaced: %q", names)
					return
				}
			}
		})
	}
	for size := range int64(20) {
		data := make([]byte, size)
		if err := d.Replace(t.Context(), storetest.Contents(map[string][]byte{"s/v1/a": data, "s/v1/b": data}), nil); err != nil {
			t.Error(err)
			break
		}
		wantStat(t, d, "s/v1/a", size)
	}
	close(done)
	looking.Wait()
}

// TestStatAfterUnlock: another run may exchange directories then.
func TestStatAfterUnlock(t *testing.T) {
	d := openDir(t, t.TempDir())
	unlock, err := d.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	storetest.Put(t, d, "s/v1/a", "1")
	wantStat(t, d, "s/v1/a", 1)
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	other := lockDir(t, d.Path())
	if err := other.Replace(t.Context(), storetest.Contents(map[string][]byte{"s/v1/a": nil, "s/v1/b": nil}), nil); err != nil {
		t.Fatal(err)
	}
	wantStat(t, d, "s/v1/a", 0)
}
