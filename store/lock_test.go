package store

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestLockRemoved: a directory that is moved away while a lock is waited for, or before that, cannot be locked.
func TestLockRemoved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dir")
	open := func() *Dir {
		d, err := OpenDir(path, DirOptions{Create: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.Close() })
		return d
	}
	first, second := open(), open()
	unlock, err := first.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	waited := make(chan error)
	go func() {
		_, err := second.Lock(t.Context())
		waited <- err
	}()
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	if err := <-waited; !errors.Is(err, ErrRemoved) {
		t.Errorf("who has waited: %v", err)
	}
	if _, err := second.Lock(t.Context()); !errors.Is(err, ErrRemoved) {
		t.Errorf("again: %v", err)
	}
	if unlock, err = open().Lock(t.Context()); err != nil || unlock() != nil {
		t.Errorf("opened again: %v", err)
	}
}
