package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/store/storetest"
)

func sameFile(t *testing.T, a, b string) bool {
	t.Helper()
	x, err := os.Stat(a)
	if err != nil {
		t.Fatal(err)
	}
	y, err := os.Stat(b)
	if err != nil {
		t.Fatal(err)
	}
	return os.SameFile(x, y)
}

// canClone tells whether the filesystem makes reflinks, where a hard link is not needed.
func canClone(t *testing.T, dir string) bool {
	t.Helper()
	d := openDir(t, dir)
	storetest.Put(t, d, "probe/a", image)
	if err := d.Copy(t.Context(), "probe/a", "probe/b"); err != nil {
		t.Fatal(err)
	}
	return !sameFile(t, dir+"/probe/a", dir+"/probe/b")
}

// TestCopyTakesNoSpace: a copy is a second name where the filesystem makes no reflinks, and each goes its own way later.
func TestCopyTakesNoSpace(t *testing.T) {
	dir := t.TempDir()
	d := openDir(t, dir)
	storetest.Put(t, d, "a/disk.img", image)
	writeFile(t, dir, "b/disk.img.part", "interrupted")
	if err := d.Copy(t.Context(), "a/disk.img", "b/disk.img"); err != nil {
		t.Fatal(err)
	}
	wantFile(t, dir, "b/disk.img", image)
	wantFile(t, dir, "b/disk.img.part", "")
	if !canClone(t, t.TempDir()) && !sameFile(t, dir+"/a/disk.img", dir+"/b/disk.img") {
		t.Error("the bytes were copied")
	}
	storetest.Put(t, d, "b/disk.img", "changed")
	wantFile(t, dir, "a/disk.img", image)
	if entries, err := os.ReadDir(dir + "/.sstream/aside"); len(entries) > 0 {
		t.Errorf("left aside are %v, %v", entries, err)
	}
}

// TestAdoptLinks: a seed is linked only if the link is as good as a file of our own.
func TestAdoptLinks(t *testing.T) {
	clones := canClone(t, t.TempDir())
	c := storetest.Content([]byte(image))
	for name, test := range map[string]struct {
		change func(file string) error
		linked bool
	}{
		"same mode":   {func(file string) error { return os.Chmod(file, 0o644) }, true},
		"private":     {func(file string) error { return os.Chmod(file, 0o600) }, false},
		"other owner": {func(file string) error { return os.Chown(file, 1234, -1) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			defer syscall.Umask(syscall.Umask(0o022))
			top := t.TempDir()
			writeFile(t, top, "seed/disk.img", image)
			if err := test.change(top + "/seed/disk.img"); err != nil {
				t.Skip(err)
			}
			writeFile(t, top, "mirror/d/disk.img.part", "interrupted")
			if err := openDir(t, top+"/mirror").Adopt(t.Context(), top+"/seed/disk.img", "d/disk.img", c); err != nil {
				t.Fatal(err)
			}
			wantFile(t, top, "mirror/d/disk.img", image)
			wantFile(t, top, "mirror/d/disk.img.part", "")
			info, err := os.Stat(top + "/mirror/d/disk.img")
			if err != nil || info.Mode() != 0o644 {
				t.Errorf("the adopted file has mode %v, %v", info.Mode(), err)
			}
			if linked := sameFile(t, top+"/seed/disk.img", top+"/mirror/d/disk.img"); linked != (test.linked && !clones) {
				t.Errorf("it is a link: %v, want %v", linked, test.linked)
			}
		})
	}
}

// TestAdoptWrongSeed: a seed that is not what is wanted leaves no trace, however large a part of it is right.
func TestAdoptWrongSeed(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o022))
	top := t.TempDir()
	wrong := image[:len(image)-1] + "x"
	writeFile(t, top, "seed.img", wrong)
	d := openDir(t, t.TempDir())
	storetest.Put(t, d, "d/disk.img", "old")
	for _, mode := range []os.FileMode{0o644, 0o600} { // would be linked, would be copied
		if err := os.Chmod(top+"/seed.img", mode); err != nil {
			t.Fatal(err)
		}
		err := d.Adopt(t.Context(), top+"/seed.img", "d/disk.img", storetest.Content([]byte(image)))
		if !errors.As(err, new(*store.ContentError)) {
			t.Errorf("Adopt: %v, want a ContentError", err)
		}
		wantFile(t, d.Path(), "d/disk.img", "old")
		wantFile(t, d.Path(), "d/disk.img.part", "")
		wantFile(t, top, "seed.img", wrong)
		if entries, _ := os.ReadDir(d.Path() + "/.sstream/aside"); len(entries) > 0 {
			t.Errorf("left aside are %v", entries)
		}
	}
}

// TestAdoptAcrossFilesystems copies.
func TestAdoptAcrossFilesystems(t *testing.T) {
	dir := mount(t, "size=64m")
	file := filepath.Join(t.TempDir(), "seed.img")
	if err := os.WriteFile(file, []byte(image), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := openDir(t, dir).Adopt(t.Context(), file, "d/disk.img", storetest.Content([]byte(image))); err != nil {
		t.Fatal(err)
	}
	wantFile(t, dir, "d/disk.img", image)
}

// skipped ends a test that needs root, unless CI_REAL=1 says that nothing may be skipped.
func skipped(t *testing.T, why error) {
	t.Helper()
	if os.Getenv("CI_REAL") == "1" {
		t.Fatalf("CI_REAL=1, but a filesystem cannot be mounted: %v", why)
	}
	t.Skipf("cannot mount a filesystem, as root could: %v", why)
}

// mount gives the test a filesystem of its own, or skips the test where that is not allowed.
func mount(t *testing.T, options string) string {
	t.Helper()
	dir := t.TempDir()
	mountAt(t, dir, options)
	return dir
}

func mountAt(t *testing.T, dir, options string) {
	t.Helper()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		skipped(t, err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}

// TestDiskFull: the error says so, the old content stays, and what there is already is resumed once there is room.
func TestDiskFull(t *testing.T) {
	dir := mount(t, "size=2m")
	d := openDir(t, dir)
	storetest.Put(t, d, "disk.img", "old")
	writeFile(t, dir, "filler", image[:1<<20])
	if free, err := d.Free(t.Context()); err != nil || free >= int64(len(image)) {
		t.Fatalf("Free() = %d, %v", free, err)
	}
	err := d.Put(t.Context(), "disk.img", newSource(image).Content)
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("Put: %v, want no space left", err)
	}
	wantFile(t, dir, "disk.img", "old")
	if err := os.Remove(dir + "/filler"); err != nil {
		t.Fatal(err)
	}
	src := newSource(image)
	if err := d.Put(t.Context(), "disk.img", src.Content); err != nil {
		t.Fatal(err)
	}
	if len(src.offsets) != 1 || src.offsets[0] == 0 {
		t.Errorf("the source was read from %d", src.offsets)
	}
	wantFile(t, dir, "disk.img", image)
}

// TestFilesystemsInside: what is mounted inside the tree is synced, copied to and published to as well.
func TestFilesystemsInside(t *testing.T) {
	dir := t.TempDir()
	d := openDir(t, dir)
	for _, name := range []string{"images", "streams"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
		mountAt(t, filepath.Join(dir, name), "size=64m")
	}
	for i := range 40 {
		path := []string{"images/", "streams/", "here/"}[i%3] + string(rune('a'+i))
		if err := d.PutSoon(t.Context(), path, storetest.Content([]byte(path))); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := storetest.List(t, d, ""); len(got) != 40 {
		t.Errorf("there are %d files, want 40", len(got))
	}
	if err := d.Copy(t.Context(), "here/c", "images/copy"); err != nil {
		t.Fatal(err)
	}
	wantFile(t, dir, "images/copy", "here/c")
	err := d.Replace(t.Context(), storetest.Contents(map[string][]byte{"streams/1": nil, "streams/2": nil}), nil)
	if !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Replace on another filesystem: %v, want errors.ErrUnsupported", err)
	}
	wantFile(t, dir, "streams/b", "streams/b")
	if _, err := os.Stat(dir + "/.sstream/aside"); err == nil {
		t.Error("a Replace that cannot be done leaves something aside")
	}
}
