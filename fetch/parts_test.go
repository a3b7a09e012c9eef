package fetch_test

import (
	"context"
	"crypto/sha256"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/seed-43fb3962/sstream/fetch"
	"github.com/seed-43fb3962/sstream/fetch/fetchtest"
)

// parts are options with which everything larger than a part is read in parts.
func parts(mirrors ...string) fetch.Options {
	o := quick(nil)
	o.SplitSize, o.Mirrors = 1, mirrors
	return o
}

func TestParts(t *testing.T) {
	const path = "big.img"
	body := noise(18 << 20)
	files := map[string]string{path: body}
	tests := []struct {
		name     string
		one, two func(s *fetchtest.Server)
		off      int
		both     bool // both servers must have sent parts
	}{
		{name: "two good mirrors", both: true},
		{name: "from the middle", off: 7<<20 + 5, both: true},
		{name: "the second has no parts", two: func(s *fetchtest.Server) { s.Fail("", -1, fetchtest.Whole) }},
		{name: "the second has another file", two: func(s *fetchtest.Server) { s.Put(path, body[1:]) }},
		{name: "the second has nothing", two: func(s *fetchtest.Server) { s.Remove(path) }},
		{name: "the second fails", two: func(s *fetchtest.Server) { s.Fail("", -1, fetchtest.Status(503)) }},
		{name: "the second breaks off", two: func(s *fetchtest.Server) { s.Fail("", -1, fetchtest.Cut(3000)) }, both: true},
		{name: "the first has no parts", one: func(s *fetchtest.Server) { s.Fail("", -1, fetchtest.Whole) }},
		{name: "the first dies", one: func(s *fetchtest.Server) { s.FailAfter("", 1, -1, fetchtest.Reset(0)) }, both: true},
		{name: "the first breaks off in the first part", one: func(s *fetchtest.Server) { s.Fail("", 1, fetchtest.Cut(1<<20)) }, both: true},
		{name: "no mirror has parts after the first", one: func(s *fetchtest.Server) { s.FailAfter("", 1, -1, fetchtest.Whole) },
			two: func(s *fetchtest.Server) { s.FailAfter("", 1, -1, fetchtest.Whole) }},
		{name: "the first lies about parts", one: func(s *fetchtest.Server) { s.Fail("", -1, fetchtest.WholePart) }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			one, two := fetchtest.New(t, files), fetchtest.New(t, files)
			if test.one != nil {
				test.one(one)
			}
			if test.two != nil {
				test.two(two)
			}
			m := open(t, one.URL, parts(two.URL))
			got, err := readItem(m, path, int64(len(body)), int64(test.off))
			if err != nil || got != body[test.off:] {
				t.Fatalf("%d bytes, right: %v, %v", len(got), got == body[test.off:], err)
			}
			if a, b := one.Requests(), two.Requests(); test.both && (len(a) == 0 || len(b) == 0) {
				t.Errorf("asked the first %q, the second %q", a, b)
			}
		})
	}
}

func TestPartsFail(t *testing.T) {
	body := noise(20 << 20)
	s := fetchtest.New(t, map[string]string{"x": body})
	s.FailAfter("", 2, -1, fetchtest.Status(500))
	got, err := readItem(open(t, s.URL, parts()), "x", int64(len(body)), 0)
	if err == nil || !strings.Contains(err.Error(), "500 Internal Server Error") || !strings.HasPrefix(body, got) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if _, err := readItem(open(t, s.URL, parts()), "x", int64(len(body)), 0); err == nil {
		t.Error("no error")
	}
}

// Who closes early or cancels must not wait for the network, and no buffer may be lost: other items need it.
func TestPartsGivenUp(t *testing.T) {
	body := noise(20 << 20)
	s := fetchtest.New(t, map[string]string{"x": body, "y": body})
	s.FailAfter("x", 1, -1, s.Stall(1000))
	m := open(t, s.URL, parts())
	size := int64(len(body))
	for range 5 {
		r, err := m.Content("x", size, sha256Digest).Open(context.Background(), 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Read(make([]byte, 1)); err == nil {
			t.Error("read from a closed item")
		}
		ctx, cancel := context.WithCancel(context.Background())
		r, err = m.Content("x", size, sha256Digest).Open(ctx, 0)
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		if _, err := io.ReadAll(r); err == nil {
			t.Error("read to the end although it was cancelled")
		}
		r.Close()
	}
	if got, err := readItem(m, "y", size, 0); got != body || err != nil {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// Many items at once share the buffers.
func TestPartsOfManyItems(t *testing.T) {
	body := noise(9 << 20)
	s := fetchtest.New(t, map[string]string{"x": body})
	o := parts(s.URL)
	o.Streams = 2
	m := open(t, s.URL, o)
	want := sha256.Sum256([]byte(body))
	results := make(chan error, 8)
	for range cap(results) {
		go func() {
			r, err := m.Content("x", int64(len(body)), sha256Digest).Open(context.Background(), 0)
			if err == nil {
				defer r.Close()
				h := sha256.New()
				_, err = io.Copy(h, r)
				if err == nil && [32]byte(h.Sum(nil)) != want {
					err = io.ErrUnexpectedEOF
				}
			}
			results <- err
		}()
	}
	for range cap(results) {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}

// Small items, and those without a checksum, are read as a whole.
func TestNoParts(t *testing.T) {
	s := fetchtest.New(t, map[string]string{"big": noise(9 << 20), "small": "x"})
	o := parts()
	m := open(t, s.URL, o)
	if _, err := readItem(m, "small", 1, 0); err != nil {
		t.Error(err)
	}
	r, err := m.Open(context.Background(), "big", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if n, err := io.Copy(io.Discard, r); n != 9<<20 || err != nil {
		t.Error(n, err)
	}
	for _, r := range s.Log() {
		if r.Method != http.MethodGet || r.Header.Get("Range") != "" {
			t.Errorf("%s %s [%s]", r.Method, r.URL, r.Header.Get("Range"))
		}
	}
}
