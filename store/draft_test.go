//go:build unix

package store_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/store/storetest"
	"github.com/seed-43fb3962/sstream/streams"
)

var image = strings.Repeat("an image, 32 bytes of it a line\n", 50_000)

// source is content that notes from which offsets it was read.
type source struct {
	store.Content
	offsets []int64
}

// newSource sends sent where image is promised.
func newSource(sent string) *source {
	s := &source{Content: storetest.Content([]byte(image))}
	open := store.Bytes([]byte(sent)).Open
	s.Open = func(ctx context.Context, off int64) (io.ReadCloser, error) {
		s.offsets = append(s.offsets, off)
		return open(ctx, off)
	}
	return s
}

func writeFile(t *testing.T, dir, name, data string) {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(data), 0o666); err != nil {
		t.Fatal(err)
	}
}

// wantFile fails the test unless the file holds data; "" means that there must be none.
func wantFile(t *testing.T, dir, name, data string) {
	t.Helper()
	got, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if string(got) != data {
		t.Errorf("%s holds %d bytes, want %d", name, len(got), len(data))
	}
}

// TestResume starts from what an interrupted run may have left in d/disk.img.part.
func TestResume(t *testing.T) {
	n := int64(len(image))
	for _, test := range []struct {
		name, part string
		offsets    []int64
	}{
		{"nothing", "", []int64{0}},
		{"a part", image[:50_000], []int64{50_000}},
		{"all but a byte", image[:n-1], []int64{n - 1}},
		{"all", image, nil},
		{"other bytes", "bogus\n", []int64{6, 0}},
		{"as many other bytes", image[1:] + "x", []int64{0}},
		{"too much", image + "x", []int64{0}},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			d := openDir(t, dir)
			writeFile(t, dir, "d/disk.img.part", test.part)
			src := newSource(image)
			if err := d.Put(t.Context(), "d/disk.img", src.Content); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(src.offsets, test.offsets) {
				t.Errorf("the source was read from %d, want %d", src.offsets, test.offsets)
			}
			wantFile(t, dir, "d/disk.img", image)
			wantFile(t, dir, "d/disk.img.part", "")
		})
	}
}

// TestNoResume: what nobody could check later is read from the start.
func TestNoResume(t *testing.T) {
	for name, change := range map[string]func(*store.Content){
		"no digest":    func(c *store.Content) { c.Digest = streams.Digest{} },
		"unknown size": func(c *store.Content) { c.Size = -1 },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			writeFile(t, dir, "disk.img.part", "bogus\n")
			src := newSource(image)
			change(&src.Content)
			if err := openDir(t, dir).Put(t.Context(), "disk.img", src.Content); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(src.offsets, []int64{0}) {
				t.Errorf("the source was read from %d", src.offsets)
			}
			wantFile(t, dir, "disk.img", image)
		})
	}
}

// TestWhatIsLeft looks at the draft after each way to fail.
func TestWhatIsLeft(t *testing.T) {
	cut := errors.New("cut")
	cutAfter := func(n int) func(context.Context, int64) (io.ReadCloser, error) {
		return func(_ context.Context, off int64) (io.ReadCloser, error) {
			rest := readerFunc(func([]byte) (int, error) { return 0, cut })
			return io.NopCloser(io.MultiReader(strings.NewReader(image[off:n]), rest)), nil
		}
	}
	for _, test := range []struct {
		name   string
		had    string
		change func(*source)
		left   string
	}{
		{"cut off", "", func(s *source) { s.Open = cutAfter(300_000) }, image[:300_000]},
		{"cut off again", image[:1000], func(s *source) { s.Open = cutAfter(400_000) }, image[:400_000]},
		{"cut off at once", "", func(s *source) { s.Open = cutAfter(0) }, ""},
		{"cut off, without a digest", "", func(s *source) { s.Open, s.Digest = cutAfter(300_000), streams.Digest{} }, ""},
		{"ends early", "", func(s *source) { s.Open = store.Bytes([]byte(image[:200_000])).Open }, image[:200_000]},
		{"cannot be opened", image[:1000], func(s *source) {
			s.Open = func(context.Context, int64) (io.ReadCloser, error) { return nil, cut }
		}, image[:1000]},
		{"wrong", "", func(s *source) { s.Open = store.Bytes([]byte(strings.ToUpper(image))).Open }, ""},
		{"wrong after a resume", image[:1000], func(s *source) { s.Open = store.Bytes([]byte(strings.ToUpper(image))).Open }, ""},
		{"too long", "", func(s *source) { s.Open = store.Bytes([]byte(image + "x")).Open }, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			writeFile(t, dir, "d/disk.img", "old")
			if test.had != "" {
				writeFile(t, dir, "d/disk.img.part", test.had)
			}
			src := newSource(image)
			test.change(src)
			if err := openDir(t, dir).Put(t.Context(), "d/disk.img", src.Content); err == nil {
				t.Fatal("Put takes it")
			}
			wantFile(t, dir, "d/disk.img", "old")
			wantFile(t, dir, "d/disk.img.part", test.left)
			if entries, err := os.ReadDir(dir + "/d"); err != nil || (test.left == "") != (len(entries) == 1) {
				t.Errorf("left are %v, %v", entries, err)
			}
		})
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// TestDraftsThatAreNotOurs: what is at PATH.part is only written into if it is a file of that name alone.
func TestDraftsThatAreNotOurs(t *testing.T) {
	for name, link := range map[string]func(old, new string) error{
		"symbolic link": os.Symlink,
		"hard link":     os.Link,
		"dangling link": func(_, new string) error { return os.Symlink("nowhere", new) },
		"absolute link": func(_, new string) error { return os.Symlink("/nowhere/at/all", new) },
		"fifo":          func(_, new string) error { return syscall.Mkfifo(new, 0o666) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			writeFile(t, dir, "d/other", image[:1000])
			if err := link(dir+"/d/other", dir+"/d/disk.img.part"); err != nil {
				t.Fatal(err)
			}
			storetest.Put(t, openDir(t, dir), "d/disk.img", image)
			wantFile(t, dir, "d/disk.img", image)
			wantFile(t, dir, "d/other", image[:1000])
			wantFile(t, dir, "d/nowhere", "")
		})
	}
	t.Run("directory", func(t *testing.T) {
		dir := t.TempDir()
		writeFile(t, dir, "d/disk.img.part/foreign", "foreign")
		if err := openDir(t, dir).Put(t.Context(), "d/disk.img", newSource(image).Content); err == nil {
			t.Error("Put writes into a directory")
		}
		wantFile(t, dir, "d/disk.img.part/foreign", "foreign")
	})
	t.Run("of another process", func(t *testing.T) {
		dir := t.TempDir()
		writeFile(t, dir, "disk.img.part", image[:1000])
		f, err := os.Open(dir + "/disk.img.part")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
			t.Fatal(err)
		}
		err = openDir(t, dir).Put(t.Context(), "disk.img", newSource(image).Content)
		if err == nil || !strings.Contains(err.Error(), "another process is writing it") {
			t.Errorf("Put: %v", err)
		}
		wantFile(t, dir, "disk.img.part", image[:1000])
	})
}

// TestSyncKeepsDrafts: until Sync nothing is at the path, and a run that ends before it has nothing to read again.
func TestSyncKeepsDrafts(t *testing.T) {
	dir := t.TempDir()
	first := openDir(t, dir)
	if err := first.PutSoon(t.Context(), "d/disk.img", newSource(image).Content); err != nil {
		t.Fatal(err)
	}
	wantFile(t, dir, "d/disk.img", "")
	wantFile(t, dir, "d/disk.img.part", image)
	if got := storetest.List(t, first, ""); len(got) > 0 {
		t.Errorf("drafts are listed: %q", got)
	}
	if err := first.Close(); err != nil { // as if it had been killed
		t.Fatal(err)
	}
	src := newSource(image)
	if err := openDir(t, dir).Put(t.Context(), "d/disk.img", src.Content); err != nil {
		t.Fatal(err)
	}
	if len(src.offsets) > 0 {
		t.Errorf("the source was read from %d", src.offsets)
	}
	wantFile(t, dir, "d/disk.img", image)
}

// TestSparse: holes stay holes, whether the source is a file or not.
func TestSparse(t *testing.T) {
	const size = 64 << 20
	dir, from := t.TempDir(), filepath.Join(t.TempDir(), "sparse")
	f, err := os.Create(from)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, off := range []int64{0, 10<<20 + 5, 40 << 20} {
		if _, err := f.WriteAt([]byte(image[:100_000]), off); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	c := store.Content{Size: size, Open: func(_ context.Context, off int64) (io.ReadCloser, error) {
		return io.NopCloser(io.NewSectionReader(f, off, size)), nil
	}}
	h, _ := streams.Digest{Algorithm: "sha256"}.New()
	if _, err := io.Copy(h, f); err != nil {
		t.Fatal(err)
	}
	d := openDir(t, dir)
	c.Digest = digestOf(h.Sum(nil))
	if err := d.Put(t.Context(), "sparse", c); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(dir + "/sparse")
	if err != nil {
		t.Fatal(err)
	}
	if blocks := info.Sys().(*syscall.Stat_t).Blocks * 512; info.Size() != size || blocks > size/4 {
		t.Errorf("a file of %d bytes, %d of them on the disk; want %d, and few of them", info.Size(), blocks, size)
	}
}

// FuzzDraft: whatever an interrupted run has left, and whatever the source sends, what is published is what was promised.
func FuzzDraft(f *testing.F) {
	f.Add([]byte("the whole"), 4, []byte("the "))
	f.Add([]byte("the whole"), 9, []byte("other"))
	f.Add([]byte("the whole"), 20, []byte("the whole and more"))
	f.Add([]byte{}, 0, []byte("x"))
	f.Fuzz(func(t *testing.T, want []byte, cut int, part []byte) {
		dir := t.TempDir()
		writeFile(t, dir, "x.part", string(part))
		d := openDir(t, dir)
		c := storetest.Content(want)
		sent := want
		if cut >= 0 && cut < len(want) {
			sent = want[:cut] // the first time the source breaks off
		}
		c.Open = store.Bytes(sent).Open
		err := d.Put(t.Context(), "x", c)
		if got, ok := storetest.Get(t, d, "x"); ok != (err == nil) || (ok && got != string(want)) {
			t.Fatalf("Put: %v, and there is %q, %v", err, got, ok)
		}
		if err := d.Put(t.Context(), "x", storetest.Content(want)); err != nil {
			t.Fatalf("the next Put: %v", err)
		}
		wantFile(t, dir, "x", string(want))
		wantFile(t, dir, "x.part", "")
	})
}
