package fetch_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-43fb3962/sstream/fetch"
	"github.com/seed-43fb3962/sstream/fetch/fetchtest"
	"github.com/seed-43fb3962/sstream/streams"
)

// quick are options that do not wait, and note what they would have waited.
func quick(waits *[]time.Duration) fetch.Options {
	return fetch.Options{HTTP: fetch.HTTP{
		Sleep: func(ctx context.Context, d time.Duration) error {
			if waits != nil {
				*waits = append(*waits, d)
			}
			return ctx.Err()
		},
		Random: func() float64 { return 0.5 },
	}}
}

func open(t testing.TB, root string, o fetch.Options) *fetch.Mirror {
	t.Helper()
	m, err := fetch.Open(root, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// noise returns bytes that do not repeat.
func noise(n int) string {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(b)
	return string(b)
}

var sha256Digest = streams.Digest{Algorithm: "sha256", Hex: "not looked at here"}

func readItem(m *fetch.Mirror, path string, size int64, off int64) (string, error) {
	r, err := m.Content(path, size, sha256Digest).Open(context.Background(), off)
	if err != nil {
		return "", err
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	return string(data), err
}

func TestContentFaults(t *testing.T) {
	const path = "a/disk.img"
	body := noise(300_000)
	size := len(body)
	tests := []struct {
		name     string
		fail     func(s *fetchtest.Server)
		off      int
		requests []string // of the item; the ranges only
	}{
		{"nothing", func(*fetchtest.Server) {}, 0, []string{""}},
		{"from the middle", func(*fetchtest.Server) {}, 1000, []string{"bytes=1000-"}},
		{"one 503", func(s *fetchtest.Server) { s.Fail(path, 1, fetchtest.Status(503)) }, 0, []string{"", ""}},
		{"three 500s", func(s *fetchtest.Server) { s.Fail(path, 3, fetchtest.Status(500)) }, 0, []string{"", "", "", ""}},
		{"cut", func(s *fetchtest.Server) { s.Fail(path, 1, fetchtest.Cut(100_000)) }, 0, []string{"", "bytes=100000-"}},
		{"cut twice", func(s *fetchtest.Server) { s.Fail(path, 2, fetchtest.Cut(100_000)) }, 0, []string{"", "bytes=100000-", "bytes=200000-"}},
		{"reset", func(s *fetchtest.Server) { s.Fail(path, 1, fetchtest.Reset(0)) }, 0, []string{"", ""}},
		{"shorter than listed, once", func(s *fetchtest.Server) { s.Fail(path, 1, fetchtest.Short(10)) }, 0, []string{"", ""}},
		{"ranges ignored from the start", func(s *fetchtest.Server) { s.Fail(path, -1, fetchtest.Whole) }, 5000, []string{"bytes=5000-"}},
		{"ranges ignored after a cut", func(s *fetchtest.Server) {
			s.Fail(path, 1, fetchtest.Cut(100_000))
			s.Fail(path, -1, fetchtest.Whole)
		}, 0, []string{"", "bytes=100000-"}},
		{"a part that is the whole", func(s *fetchtest.Server) { s.Fail(path, -1, fetchtest.WholePart) }, 5000, []string{"bytes=5000-"}},
		{"chunked", func(s *fetchtest.Server) { s.Fail(path, -1, fetchtest.Chunked) }, 0, []string{""}},
		{"packed", func(s *fetchtest.Server) { s.Fail(path, -1, fetchtest.Packed) }, 0, []string{""}},
		{"packed, from the middle", func(s *fetchtest.Server) { s.Fail(path, -1, fetchtest.Packed) }, 777, []string{"bytes=777-"}},
		{"labelled as packed", func(s *fetchtest.Server) { s.Fail(path, -1, fetchtest.Labelled) }, 0, []string{""}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := fetchtest.New(t, map[string]string{path: body})
			test.fail(s)
			m := open(t, s.URL, quick(nil))
			got, err := readItem(m, path, int64(size), int64(test.off))
			if err != nil {
				t.Fatal(err)
			}
			if got != body[test.off:] {
				t.Errorf("read %d bytes that are not the right %d", len(got), size-test.off)
			}
			var ranges []string
			for _, r := range s.Log() {
				ranges = append(ranges, r.Header.Get("Range"))
			}
			if !slices.Equal(ranges, test.requests) {
				t.Errorf("ranges asked for: %q, want %q", ranges, test.requests)
			}
		})
	}
}

func TestContentRefused(t *testing.T) {
	const path = "disk.img"
	body := noise(50_000)
	size := int64(len(body))
	tests := []struct {
		name  string
		fail  func(s *fetchtest.Server)
		off   int64
		want  string
		is    error
		bytes int // at most so many are read before that
	}{
		{"404", func(s *fetchtest.Server) { s.Remove(path) }, 0, "404 Not Found", fs.ErrNotExist, 0},
		{"410", func(s *fetchtest.Server) { s.Fail(path, -1, fetchtest.Status(410)) }, 0, "410 Gone", fs.ErrNotExist, 0},
		{"403 proves nothing", func(s *fetchtest.Server) { s.Fail(path, -1, fetchtest.Status(403)) }, 0, "403 Forbidden", fs.ErrPermission, 0},
		{"500 for ever", func(s *fetchtest.Server) { s.Fail(path, -1, fetchtest.Status(500)) }, 0, "500 Internal Server Error", nil, 0},
		{"too long", func(s *fetchtest.Server) { s.Put(path, body+"x") }, 0, "has 50001 bytes, where 50000 are listed", nil, 0},
		{"too short", func(s *fetchtest.Server) { s.Put(path, body[1:]) }, 0, "has 49999 bytes, where 50000 are listed", nil, 0},
		{"shorter than what is there", func(s *fetchtest.Server) { s.Put(path, body[:100]) }, 100, "ends at byte 100", nil, 0},
		{"endless", func(s *fetchtest.Server) { s.Fail(path, -1, fetchtest.Endless) }, 0, "sends more than the 50000 bytes", nil, int(size)},
		{"cut for ever", func(s *fetchtest.Server) { s.Fail(path, -1, fetchtest.Cut(10)) }, 0, "broke off", nil, int(size) - 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := fetchtest.New(t, map[string]string{path: body})
			test.fail(s)
			m := open(t, s.URL, quick(nil))
			got, err := readItem(m, path, size, test.off)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("error %v, want one with %q", err, test.want)
			}
			if test.is != nil && !errors.Is(err, test.is) {
				t.Errorf("%v is not %v", err, test.is)
			}
			if test.is != fs.ErrNotExist && errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%v says that nothing is there", err)
			}
			if !strings.Contains(err.Error(), s.URL+path) {
				t.Errorf("%v does not name %s", err, s.URL+path)
			}
			if len(got) > test.bytes {
				t.Errorf("%d bytes were read first", len(got))
			}
		})
	}
}

func TestContentFallsBack(t *testing.T) {
	const path = "disk.img"
	body := noise(200_000)
	tests := []struct {
		name  string
		first func(s *fetchtest.Server)
		want  []string // of the second
	}{
		{"404", func(s *fetchtest.Server) { s.Remove(path) }, []string{"GET /disk.img"}},
		{"500", func(s *fetchtest.Server) { s.Fail("", -1, fetchtest.Status(500)) }, []string{"GET /disk.img"}},
		{"403", func(s *fetchtest.Server) { s.Fail("", -1, fetchtest.Status(403)) }, []string{"GET /disk.img"}},
		{"gone", func(s *fetchtest.Server) { s.Server.Close() }, []string{"GET /disk.img"}},
		{"other size", func(s *fetchtest.Server) { s.Put(path, "small") }, []string{"GET /disk.img"}},
		{"cut", func(s *fetchtest.Server) { s.Fail("", -1, fetchtest.Cut(70_000)) }, []string{"GET /disk.img [bytes=70000-]"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			one := fetchtest.New(t, map[string]string{path: body})
			two := fetchtest.New(t, map[string]string{path: body})
			test.first(one)
			o := quick(nil)
			o.Mirrors = []string{strings.TrimSuffix(two.URL, "/")} // the slash is found out
			m := open(t, one.URL, o)
			got, err := readItem(m, path, int64(len(body)), 0)
			if err != nil || got != body {
				t.Fatalf("%d bytes, %v", len(got), err)
			}
			if got := two.Requests(); !slices.Equal(got, test.want) {
				t.Errorf("the second was asked %q, want %q", got, test.want)
			}
		})
	}
}

// A server that answers well with wrong bytes is found out by who stores them; the second attempt is another mirror's.
func TestContentAgainFromAnotherMirror(t *testing.T) {
	const path = "disk.img"
	one := fetchtest.New(t, map[string]string{path: "corrupt!"})
	two := fetchtest.New(t, map[string]string{path: "as it is"})
	o := quick(nil)
	o.Mirrors = []string{two.URL}
	c := open(t, one.URL, o).Content(path, 8, sha256Digest)
	for _, want := range []string{"corrupt!", "as it is"} {
		r, err := c.Open(context.Background(), 0)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		r.Close()
		if string(got) != want || err != nil {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
	}
}

func TestContentWithoutChecksum(t *testing.T) {
	const path = "disk.img"
	body := noise(100_000)
	read := func(s *fetchtest.Server) (string, error) {
		r, err := open(t, s.URL, quick(nil)).Open(context.Background(), path, 0)
		if err != nil {
			return "", err
		}
		defer r.Close()
		got, err := io.ReadAll(r)
		return string(got), err
	}
	t.Run("the same file goes on", func(t *testing.T) {
		s := fetchtest.New(t, map[string]string{path: body})
		s.Fail(path, 1, fetchtest.Cut(40_000))
		got, err := read(s)
		if got != body || err != nil {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		if last := s.Log()[1]; last.Header.Get("If-Range") == "" {
			t.Error("the rest was asked for without If-Range")
		}
	})
	t.Run("another file does not", func(t *testing.T) {
		s := fetchtest.New(t, map[string]string{path: body})
		s.Fail(path, 1, fetchtest.Cut(40_000))
		s.Fail(path, 1, fetchtest.Instead(strings.Repeat("x", len(body))))
		if _, err := read(s); err == nil || !strings.Contains(err.Error(), "changed while it was read") {
			t.Errorf("got %v", err)
		}
	})
}

func TestContentFromDirectory(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"d/a#b?c%41.img": "content", "d/sub/x": ""})
	for _, root := range []string{dir, dir + "/", "file://" + dir, "file://" + dir + "/", "file:" + dir} {
		m := open(t, root, quick(nil))
		if got, err := readItem(m, "d/a#b?c%41.img", 7, 3); got != "tent" || err != nil {
			t.Errorf("%s: %q, %v", root, got, err)
		}
		c := m.Content("d/a#b?c%41.img", 7, sha256Digest)
		r, err := c.Open(context.Background(), 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := r.(*os.File); !ok {
			t.Errorf("%s: %T, want *os.File", root, r)
		}
		r.Close()
		for path, want := range map[string]string{"d/none": "no such file", "d/sub": "not a regular file", "../x": "unsafe", "d/sub/x/y": "no such file"} {
			_, err := readItem(m, path, 7, 0)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s %s: %v, want %q", root, path, err, want)
			}
			if errors.Is(err, fs.ErrNotExist) != (want == "no such file") {
				t.Errorf("%s %s: is not exist: %v", root, path, err)
			}
		}
		if _, err := readItem(m, "d/a#b?c%41.img", 8, 0); err == nil || !strings.Contains(err.Error(), "has 7 bytes, where 8 are listed") {
			t.Errorf("%s: %v", root, err)
		}
	}
}

func write(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for name, body := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(body), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

func TestContentComplete(t *testing.T) {
	s := fetchtest.New(t, map[string]string{"a": "123"})
	m := open(t, s.URL, quick(nil))
	if got, err := readItem(m, "a", 3, 3); got != "" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if log := s.Requests(); len(log) > 0 {
		t.Errorf("asked %q for nothing", log)
	}
	if _, err := readItem(m, "a", 3, 4); err == nil {
		t.Error("more than all was read")
	}
}

func TestNames(t *testing.T) {
	names := []string{"a+b", "a b", "a#b", "a?b", "a%41b", "aéb", "a;b", "a&b", "a:b", "a~b", "[a]", "50%", `a"b`, "a\\b", "*", "a?b=c%20d"}
	files := map[string]string{}
	for _, name := range names {
		files["d/"+name] = "it is " + name
	}
	s := fetchtest.New(t, files)
	dir := t.TempDir()
	write(t, dir, files)
	for _, root := range []string{s.URL, dir} {
		m := open(t, root, quick(nil))
		for path, want := range files {
			if got, err := readItem(m, path, int64(len(want)), 0); got != want || err != nil {
				t.Errorf("%s %s: %q, %v", root, path, got, err)
			}
		}
	}
}

// Streams that list names encoded for a URL work, as they did with the old tools.
func TestEncodedNames(t *testing.T) {
	s := fetchtest.New(t, map[string]string{"a b": "blank"})
	if got, err := readItem(open(t, s.URL, quick(nil)), "a%20b", 5, 0); got != "blank" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func TestDir(t *testing.T) {
	dir := t.TempDir()
	for root, want := range map[string]string{dir: dir, dir + "/": dir + "/", "file://" + dir: dir, "": ".", "http://localhost/x": ""} {
		if got := open(t, root, quick(nil)).Dir(); got != want {
			t.Errorf("%q: %q, want %q", root, got, want)
		}
	}
}
