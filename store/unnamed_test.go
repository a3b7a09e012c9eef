//go:build unix

package store_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/store/storetest"
)

// TestDirWithoutUnnamed: a directory keeps its promises on filesystems that know no files without a name.
func TestDirWithoutUnnamed(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store {
		d := openDir(t, t.TempDir())
		d.WithoutUnnamed()
		return d
	})
}

// openBoth runs a test with files without a name, where the filesystem has them, and without.
func openBoth(t *testing.T, test func(t *testing.T, d *store.Dir)) {
	t.Run("unnamed", func(t *testing.T) { test(t, openDir(t, t.TempDir())) })
	t.Run("drafts", func(t *testing.T) {
		d := openDir(t, t.TempDir())
		d.WithoutUnnamed()
		test(t, d)
	})
}

func soon(t *testing.T, d *store.Dir, path, data string) {
	t.Helper()
	if err := d.PutSoon(t.Context(), path, storetest.Content([]byte(data))); err != nil {
		t.Fatal(err)
	}
}

func wantSync(t *testing.T, d *store.Dir) {
	t.Helper()
	if err := d.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// files returns every name below dir, of files and links.
func files(t *testing.T, dir string) []string {
	t.Helper()
	names := []string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			names = append(names, strings.TrimPrefix(path, dir+"/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func wantFiles(t *testing.T, d *store.Dir, want ...string) {
	t.Helper()
	if got := files(t, d.Path()); !slices.Equal(got, want) {
		t.Errorf("there are %q, want %q", got, want)
	}
}

// TestNoTraceOfSmallContent: what is not whole has no file and no directory.
func TestNoTraceOfSmallContent(t *testing.T) {
	const right = "small content"
	broken := errors.New("the line is cut")
	sent := func(text string) func(context.Context, int64) (io.ReadCloser, error) {
		return store.Bytes([]byte(text)).Open
	}
	for name, open := range map[string]func(context.Context, int64) (io.ReadCloser, error){
		"not there": func(context.Context, int64) (io.ReadCloser, error) { return nil, broken },
		"cut off": func(context.Context, int64) (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(strings.NewReader(right[:5]), iotest.ErrReader(broken))), nil
		},
		"too short": sent(right[:5]),
		"too long":  sent(right + "x"),
		"wrong":     sent(strings.ToUpper(right)),
	} {
		t.Run(name, func(t *testing.T) {
			d := openDir(t, t.TempDir())
			c := storetest.Content([]byte(right))
			c.Open = open
			err := d.PutSoon(t.Context(), "a/b/path", c)
			if !errors.Is(err, broken) && !errors.As(err, new(*store.ContentError)) {
				t.Errorf("PutSoon: %v", err)
			}
			wantSync(t, d)
			if entries, err := os.ReadDir(d.Path()); err != nil || len(entries) > 0 {
				t.Errorf("left are %v, %v", entries, err)
			}
		})
	}
}

// TestSmallContentUnsynced: what no Sync has followed is not read again, nor is it what is at a path.
func TestSmallContentUnsynced(t *testing.T) {
	openBoth(t, func(t *testing.T, d *store.Dir) {
		soon(t, d, "a/path", "small content")
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		wantFiles(t, d, "a/path.part")
		d = openDir(t, d.Path())
		c := storetest.Content([]byte("small content"))
		c.Open = func(_ context.Context, off int64) (io.ReadCloser, error) {
			return nil, fmt.Errorf("it is asked for from byte %d on", off)
		}
		if err := d.PutSoon(t.Context(), "a/path", c); err != nil {
			t.Error(err)
		}
		wantSync(t, d)
		wantFiles(t, d, "a/path")
	})
}

// TestSmallContentReplaces: what is there stays until Sync, whatever it is, and no draft is left behind.
func TestSmallContentReplaces(t *testing.T) {
	for name, before := range map[string]func(t *testing.T, dir string) error{
		"a file":          func(t *testing.T, dir string) error { return os.WriteFile(dir+"/d/path", []byte("old"), 0o600) },
		"a link":          func(t *testing.T, dir string) error { return os.Symlink("nowhere", dir+"/d/path") },
		"a draft":         func(t *testing.T, dir string) error { return os.WriteFile(dir+"/d/path.part", []byte("ne"), 0o600) },
		"a draft of more": func(t *testing.T, dir string) error { return os.WriteFile(dir+"/d/path.part", []byte("newest"), 0o600) },
		"linked drafts": func(t *testing.T, dir string) error {
			return errors.Join(os.WriteFile(dir+"/d/other", []byte("old"), 0o600), os.Link(dir+"/d/other", dir+"/d/path.part"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			openBoth(t, func(t *testing.T, d *store.Dir) {
				if err := os.Mkdir(d.Path()+"/d", 0o777); err != nil {
					t.Fatal(err)
				}
				if err := before(t, d.Path()); err != nil {
					t.Fatal(err)
				}
				there, _ := os.ReadFile(d.Path() + "/d/path")
				soon(t, d, "d/path", "new")
				wantFile(t, d.Path(), "d/path", string(there))
				wantSync(t, d)
				wantFile(t, d.Path(), "d/path", "new")
				if info, err := os.Lstat(d.Path() + "/d/path"); err != nil || !info.Mode().IsRegular() {
					t.Errorf("it is %v, %v", info, err)
				}
				if _, err := os.Lstat(d.Path() + "/d/path.part"); err == nil {
					t.Error("a draft is left")
				}
			})
		})
	}
	t.Run("a directory", func(t *testing.T) {
		d := openDir(t, t.TempDir())
		writeFile(t, d.Path(), "d/path/foreign", "foreign")
		err := d.PutSoon(t.Context(), "d/path", storetest.Content([]byte("new")))
		if err == nil {
			err = d.Sync(t.Context())
		}
		if err == nil {
			t.Error("a directory was replaced")
		}
		wantFile(t, d.Path(), "d/path/foreign", "foreign")
	})
}

// TestManySmallFiles: they are named some at a time, in directories that come and go, and what was there before
// is not replaced before Sync.
func TestManySmallFiles(t *testing.T) {
	openBoth(t, func(t *testing.T, d *store.Dir) {
		const most, n = 50, 6*50 + 7
		d.SetMostUnnamed(most)
		storetest.Put(t, d, "0/0", "old")
		path := func(i int) string { return fmt.Sprintf("%d/%d", i%5, i) }
		var writers errgroup.Group
		for w := range 4 {
			writers.Go(func() error {
				for i := w; i < n; i += 4 {
					if err := d.PutSoon(t.Context(), path(i), storetest.Content([]byte(path(i)))); err != nil {
						return err
					}
					if i%20 == 0 { // takes an empty directory along
						if err := d.Delete(t.Context(), fmt.Sprintf("%d/none", i/20%5)); err != nil {
							return err
						}
					}
				}
				return nil
			})
		}
		if err := writers.Wait(); err != nil {
			t.Fatal(err)
		}
		wantFile(t, d.Path(), "0/0", "old")
		if waiting := d.Unnamed(); waiting >= 2*most { // as many as may come while others are named
			t.Errorf("%d files wait for their names", waiting)
		}
		wantSync(t, d)
		for i := range n {
			wantFile(t, d.Path(), path(i), path(i))
		}
		if got := files(t, d.Path()); len(got) != n {
			t.Errorf("there are %d files, want %d", len(got), n)
		}
	})
}

// TestWritersOfOneSmallFile: the last one wins, however they wait.
func TestWritersOfOneSmallFile(t *testing.T) {
	openBoth(t, func(t *testing.T, d *store.Dir) {
		var writers errgroup.Group
		for range 4 {
			writers.Go(func() error {
				for range 20 {
					err := errors.Join(d.PutSoon(t.Context(), "d/path", storetest.Content([]byte("any"))), d.Sync(t.Context()))
					if err != nil {
						return err
					}
				}
				return nil
			})
		}
		if err := writers.Wait(); err != nil {
			t.Fatal(err)
		}
		soon(t, d, "d/path", "small")
		soon(t, d, "d/path", image)
		soon(t, d, "d/path", "last")
		wantSync(t, d)
		wantFile(t, d.Path(), "d/path", "last")
		soon(t, d, "d/path", "small")
		storetest.Put(t, d, "d/path", "put")
		wantSync(t, d)
		wantFile(t, d.Path(), "d/path", "put")
		soon(t, d, "d/path", "small")
		soon(t, d, "d/path", image)
		wantSync(t, d)
		wantFile(t, d.Path(), "d/path", image)
		wantFiles(t, d, "d/path")
	})
}

// TestSmallFileAfterDraft: a draft in a directory that was made for it is known of.
func TestSmallFileAfterDraft(t *testing.T) {
	d := openDir(t, t.TempDir())
	soon(t, d, "d/path", image)
	soon(t, d, "d/path", "small")
	wantSync(t, d)
	wantFile(t, d.Path(), "d/path", "small")
	wantFiles(t, d, "d/path")
}

// TestModesOfAllFiles: all have the mode that the umask leaves.
func TestModesOfAllFiles(t *testing.T) {
	for _, mask := range []int{0, 0o022, 0o027, 0o077} {
		t.Run(fmt.Sprintf("%#o", mask), func(t *testing.T) {
			defer syscall.Umask(syscall.Umask(mask))
			d := openDir(t, t.TempDir())
			storetest.Put(t, d, "put", "1")
			soon(t, d, "small", "1")
			soon(t, d, "large", image)
			wantSync(t, d)
			for _, name := range files(t, d.Path()) {
				info, err := os.Stat(filepath.Join(d.Path(), name))
				if want := fs.FileMode(0o666 &^ mask); err != nil || info.Mode() != want {
					t.Errorf("%s has mode %v, %v, want %v", name, info.Mode(), err, want)
				}
			}
		})
	}
}

// TestInterruptedWhileOthersName: whoever waits for others to name files gives up when it is interrupted.
func TestInterruptedWhileOthersName(t *testing.T) {
	d := openDir(t, t.TempDir())
	d.SetMostUnnamed(2)
	release, err := d.HoldNaming(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"a", "b", "c"} { // of these nobody has to wait
		soon(t, d, path, path)
	}
	if d.Unnamed() == 0 {
		t.Skip("this filesystem has no files without a name")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	interrupted := make(chan error, 2)
	go func() { interrupted <- d.PutSoon(ctx, "d", storetest.Content([]byte("d"))) }()
	go func() { interrupted <- d.Sync(ctx) }()
	for range 2 {
		if err := <-interrupted; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, want %v", err, context.DeadlineExceeded)
		}
	}
	release()
	wantSync(t, d)
}
