package maintain

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// watchOpens returns a function that says how often each file of a directory was opened since it was called last.
func watchOpens(t *testing.T, dir string) func() map[string]int {
	t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	events := os.NewFile(uintptr(fd), "inotify")
	t.Cleanup(func() { events.Close() })
	if _, err := unix.InotifyAddWatch(fd, dir, unix.IN_OPEN); err != nil {
		t.Fatal(err)
	}
	return func() map[string]int {
		opens := make(map[string]int)
		buf := make([]byte, 64<<10)
		n, err := unix.Read(fd, buf)
		if err == unix.EAGAIN {
			return opens
		}
		if err != nil {
			t.Fatal(err)
		}
		for buf = buf[:n]; len(buf) > 0; {
			size := unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(buf[12:]))
			name := string(bytes.TrimRight(buf[unix.SizeofInotifyEvent:size], "\x00"))
			if name != "" { // not the directory itself
				opens[name]++
			}
			buf = buf[size:]
		}
		return opens
	}
}

// TestReadOnce: a first build opens each file once, also those that are hashed alone and together with each metadata
// file; one of which nothing has changed opens none.
func TestReadOnce(t *testing.T) {
	r := newTestRoot(t)
	r.version(product0+"20240101", "lxd.tar.xz", "incus.tar.xz", "rootfs.squashfs", "disk.qcow2", "root.tar.xz", "image.yaml")
	r.put(product0+"20240101/image.yaml", "simplestream: {distro_name: Ubuntu}\n")
	opened := watchOpens(t, filepath.Join(r.dir, product0+"20240101"))
	r.mustBuild(Options{Workers: 4})
	first := opened()
	for _, name := range []string{"lxd.tar.xz", "incus.tar.xz", "rootfs.squashfs", "disk.qcow2", "root.tar.xz", "image.yaml"} {
		if first[name] != 1 {
			t.Errorf("%s was opened %d times", name, first[name])
		}
	}
	r.mustBuild(Options{})
	if again := opened(); len(again) > 0 {
		t.Errorf("nothing has changed, but opened: %v", again)
	}
}
