package store_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/seed-43fb3962/sstream/store"
)

// TestLargeFilesLeaveMemory: while a large file is written, what is on the disk does not take memory from others.
func TestLargeFilesLeaveMemory(t *testing.T) {
	dir := t.TempDir()
	if !leavesMemory(t, dir) {
		t.Skip("the temporary directory is in memory itself")
	}
	d, err := store.OpenDir(dir, store.DirOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	data := make([]byte, 64<<20)
	for i := range data {
		data[i] = byte(i >> 8 * 7)
	}
	if err := d.PutSoon(t.Context(), "a", store.Bytes(data)); err != nil {
		t.Fatal(err)
	}
	if n := inMemory(t, filepath.Join(dir, "a.part")); n > 32<<20 {
		t.Errorf("%d of %d bytes are in memory", n, len(data))
	}
	if err := d.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "a")); !bytes.Equal(got, data) || err != nil {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// leavesMemory tells whether the kernel lets go of what is on the disk, as it does not where the disk is memory.
func leavesMemory(t *testing.T, dir string) bool {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "probe"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(make([]byte, 4<<20)); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	return unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED) == nil && inMemory(t, f.Name()) < 1<<20
}

// inMemory returns how many bytes of a file the kernel holds in memory.
func inMemory(t *testing.T, name string) (n int) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	mapped, err := unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Munmap(mapped) }()
	pages := make([]byte, (len(mapped)+os.Getpagesize()-1)/os.Getpagesize())
	_, _, errno := unix.Syscall(unix.SYS_MINCORE, uintptr(unsafe.Pointer(&mapped[0])), uintptr(len(mapped)), uintptr(unsafe.Pointer(&pages[0])))
	if errno != 0 {
		t.Fatal(errno)
	}
	for _, p := range pages {
		n += int(p&1) * os.Getpagesize()
	}
	return n
}
