package store_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/store/storetest"
)

// holdFiles keeps what this process has open of a directory open until the end of the test, as a program does that is being
// started at this moment.
func holdFiles(t *testing.T, dir string) {
	t.Helper()
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip(err)
	}
	held := 0
	for _, e := range open {
		to, err := os.Readlink(filepath.Join("/proc/self/fd", e.Name()))
		if err != nil || to != dir && !strings.HasPrefix(to, dir+"/") {
			continue
		}
		fd, err := strconv.Atoi(e.Name())
		if err != nil {
			t.Fatal(err)
		}
		copied, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(copied) })
		held++
	}
	if held == 0 {
		t.Fatalf("nothing is open in %s", dir)
	}
}

// TestLocksOutliveNothing: whoever lets go of a lock has done so, although a program that it has just begun to start still has
// all of its files.
func TestLocksOutliveNothing(t *testing.T) {
	asking, cancel := context.WithCancel(t.Context())
	cancel()
	for name, lock := range map[string]func(d *store.Dir) (func() error, error){
		"Lock":    func(d *store.Dir) (func() error, error) { return d.Lock(asking) },
		"LockDir": func(d *store.Dir) (func() error, error) { return store.LockDir(asking, d.Path(), nil) },
	} {
		t.Run(name, func(t *testing.T) {
			d := openDir(t, realPath(t, t.TempDir()))
			for range 2 {
				unlock, err := lock(d)
				if err != nil {
					t.Fatal(err)
				}
				holdFiles(t, d.Path())
				if err := unlock(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
	t.Run("draft", func(t *testing.T) {
		d := openDir(t, realPath(t, t.TempDir()))
		cut := errors.New("cut")
		broken := newSource(image[:300_000])
		open := broken.Open
		broken.Open = func(ctx context.Context, off int64) (io.ReadCloser, error) {
			r, err := open(ctx, off)
			rest := readerFunc(func([]byte) (int, error) { holdFiles(t, d.Path()); return 0, cut })
			return io.NopCloser(io.MultiReader(r, rest)), err
		}
		if err := d.Put(t.Context(), "disk.img", broken.Content); !errors.Is(err, cut) {
			t.Fatal(err)
		}
		storetest.Put(t, d, "disk.img", image)
	})
}

func realPath(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestLockBesideTidy: another run that takes its traces away does not keep this one from its lock.
func TestLockBesideTidy(t *testing.T) {
	d := openDir(t, t.TempDir())
	other := openDir(t, d.Path())
	for range 200 {
		var tidying sync.WaitGroup
		tidying.Go(func() {
			for range 20 { // a directory may go as often between two steps of Lock, which tries more often
				if err := other.Tidy(); err != nil {
					t.Error(err)
				}
			}
		})
		unlock, err := d.Lock(t.Context())
		if err == nil {
			err = errors.Join(os.Remove(d.Path()+"/.sstream/lock"), unlock())
		}
		tidying.Wait()
		if err != nil {
			t.Fatal(err)
		}
	}
}
