package store_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/store/storetest"
)

// failingDisk mounts a filesystem that promises 64 MiB, on a disk that fails to write after 3 of them, until it is mended.
func failingDisk(t *testing.T) (dir string, mend func()) {
	t.Helper()
	below := mount(t, "size=4m")
	disk, dir := filepath.Join(below, "disk"), t.TempDir()
	run := func(name string, args ...string) error {
		out, err := exec.Command(name, args...).CombinedOutput()
		if err != nil {
			err = fmt.Errorf("%s: %w: %s", name, err, out)
		}
		return err
	}
	err := os.WriteFile(disk, nil, 0o600)
	if err == nil {
		err = os.Truncate(disk, 64<<20)
	}
	if err == nil {
		err = run("mkfs.ext4", "-q", "-O", "^has_journal", "-E", "lazy_itable_init=0", "-N", "512", disk)
	}
	if err == nil {
		err = run("mount", "-o", "loop", disk, dir)
	}
	if err != nil {
		skipped(t, err)
	}
	t.Cleanup(func() {
		if err := run("umount", dir); err != nil {
			t.Error(err)
		}
	})
	return dir, func() {
		if err := syscall.Mount("tmpfs", below, "tmpfs", syscall.MS_REMOUNT, "size=80m"); err != nil {
			t.Fatal(err)
		}
	}
}

// isWriteError: how the kernel puts it depends on when it found out.
func isWriteError(err error) bool {
	return errors.Is(err, syscall.EIO) || errors.Is(err, syscall.ENOSPC)
}

// TestWriteErrorToldToOthers: the disk fails to write what waits for Sync, and another program, which syncs as well, is the
// first to be told. Nothing is published, and once the disk works the next run is right.
func TestWriteErrorToldToOthers(t *testing.T) {
	for name, open := range map[string]func(t *testing.T, path string) *store.Dir{
		"unnamed": func(t *testing.T, path string) *store.Dir {
			d := openDir(t, path)
			d.SetMostUnnamed(1000) // all of them, however few files a process may have open
			return d
		},
		"drafts": func(t *testing.T, path string) *store.Dir {
			d := openDir(t, path)
			d.WithoutUnnamed()
			return d
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, mend := failingDisk(t)
			files := map[string]string{}
			for i := range 200 {
				data := make([]byte, 40_000)
				rand.NewChaCha8([32]byte{byte(i)}).Read(data)
				files[fmt.Sprintf("d%d/%d", i%5, i)] = string(data)
			}
			d := open(t, dir)
			for path, data := range files {
				soon(t, d, path, data)
			}
			other, err := os.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			err = unix.Syncfs(int(other.Fd()))
			other.Close()
			if !isWriteError(err) {
				t.Fatalf("the other program is told %v, want that the disk fails", err)
			}
			if err := d.Sync(t.Context()); !isWriteError(err) {
				t.Errorf("Sync: %v, want that the disk fails", err)
			}
			if err := d.Close(); err != nil {
				t.Error(err)
			}
			if left := storetest.List(t, open(t, dir), "d"); len(left) > 0 {
				t.Errorf("published although the disk failed: %q", left)
			}

			mend()
			d = open(t, dir)
			for path, data := range files {
				soon(t, d, path, data)
			}
			wantSync(t, d)
			for path, data := range files {
				wantFile(t, dir, path, data)
			}
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
