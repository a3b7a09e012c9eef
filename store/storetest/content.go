package storetest

import (
	"context"
	"crypto/md5"
	"crypto/sha512"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/streams"
)

func testRead(t *testing.T, s store.Store) {
	Put(t, s, "a/b/c", "first")
	wantContent(t, s, "a/b/c", "first")
	Put(t, s, "a/b/c", "second, and longer")
	wantContent(t, s, "a/b/c", "second, and longer")
	Put(t, s, "a/b/c", "3rd")
	wantContent(t, s, "a/b/c", "3rd")
	for off, want := range []string{"3rd", "rd", "d", "", ""} {
		r, err := s.Open(t.Context(), "a/b/c", int64(off))
		if err != nil {
			t.Fatalf("Open at %d: %v", off, err)
		}
		got, err := io.ReadAll(r)
		r.Close()
		if err != nil || string(got) != want {
			t.Errorf("from byte %d on one reads %q, %v, want %q", off, got, err, want)
		}
	}
	wantPaths(t, s, "a/b/c")
}

func testAbsent(t *testing.T, s store.Store) {
	wantAbsent(t, s, "nothing")
	wantAbsent(t, s, "nor/here")
	Put(t, s, "a/b/c", "content")
	wantAbsent(t, s, "a/b") // what is above content is not content
	wantAbsent(t, s, "a/b/c/d")
	wantAbsent(t, s, "a/b/cc")
	for _, path := range []string{"nothing", "nor/here", "a/b", "a/b/c/d"} {
		if err := s.Delete(t.Context(), path); err != nil {
			t.Errorf("Delete(%q), where nothing is: %v", path, err)
		}
	}
	wantContent(t, s, "a/b/c", "content")
}

func testNames(t *testing.T, s store.Store) {
	names := []string{"a b", "a+b", "a#b", "a?b", "a%41b", "a%zz", "a&b;c", "a:b", "~a", "[a]", "ä€😀", "a\"b'c", "a\\b",
		".hidden", "..a", "a..", "-a", "com.example:released:download.json", strings.Repeat("n", 200)}
	for i, name := range names {
		Put(t, s, "names/"+name, fmt.Sprint(i))
	}
	for i, name := range names {
		wantContent(t, s, "names/"+name, fmt.Sprint(i))
	}
}

func testUnsafePaths(t *testing.T, s store.Store) {
	ctx := t.Context()
	Put(t, s, "here", "content")
	for _, path := range []string{"", ".", "..", "../x", "a/../b", "a/..", "/etc/x", "a//b", "a/./b", "a/", "a\x00b", "..."} {
		errs := map[string]error{}
		_, errs["Open"] = s.Open(ctx, path, 0)
		_, errs["Stat"] = s.Stat(ctx, path)
		errs["Put"] = s.Put(ctx, path, store.Bytes([]byte("x")))
		errs["Delete"] = s.Delete(ctx, path)
		if x, ok := s.(store.Syncer); ok {
			errs["PutSoon"] = x.PutSoon(ctx, path, store.Bytes([]byte("x")))
		}
		if x, ok := s.(store.Replacer); ok {
			errs["Replace"] = x.Replace(ctx, Contents(map[string][]byte{"here": []byte("x"), path: nil}), nil)
			errs["Replace without"] = x.Replace(ctx, Contents(map[string][]byte{"here": []byte("x")}), []string{path})
		}
		if x, ok := s.(store.Copier); ok {
			errs["Copy from"] = x.Copy(ctx, path, "there")
			errs["Copy to"] = x.Copy(ctx, "here", path)
		}
		for op, err := range errs {
			if err == nil {
				t.Errorf("%s takes the unsafe path %q", op, path)
			}
		}
	}
	wantContent(t, s, "here", "content")
	wantPaths(t, s, "here")
}

// big is content of several buffers, and not of whole ones.
func big(seed int) string {
	data := make([]byte, 1_100_000)
	rand.NewChaCha8([32]byte{byte(seed)}).Read(data)
	return string(data)
}

func testSizes(t *testing.T, s store.Store) {
	for _, size := range []int{0, 1, 4095, 4096, 1 << 18, 1<<18 + 1, 1 << 20} {
		data := big(size)[:size]
		for _, c := range []store.Content{Content([]byte(data)), store.Bytes([]byte(data))} {
			for _, known := range []bool{true, false} {
				if !known {
					c.Size = -1
				}
				path := fmt.Sprintf("sizes/%d", size)
				if err := s.Put(t.Context(), path, c); err != nil {
					t.Fatalf("%d bytes, size known %v, digest %q: %v", size, known, c.Digest, err)
				}
				wantContent(t, s, path, data)
				if err := s.Delete(t.Context(), path); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	zeros := strings.Repeat("\x00", 1<<20) + "x" + strings.Repeat("\x00", 1<<20) // stores may leave holes
	Put(t, s, "zeros", zeros)
	wantContent(t, s, "zeros", zeros)
	c := Content([]byte(big(1)))
	c.Open = inPieces(c.Open)
	if err := s.Put(t.Context(), "pieces", c); err != nil {
		t.Fatal(err)
	}
	wantContent(t, s, "pieces", big(1))
}

// inPieces makes readers return whatever number of bytes, and the end together with the last ones.
func inPieces(open func(context.Context, int64) (io.ReadCloser, error)) func(context.Context, int64) (io.ReadCloser, error) {
	return func(ctx context.Context, off int64) (io.ReadCloser, error) {
		r, err := open(ctx, off)
		if err != nil {
			return nil, err
		}
		return io.NopCloser(iotest.DataErrReader(iotest.HalfReader(r))), nil
	}
}

func testDigests(t *testing.T, s store.Store) {
	data := []byte("what is digested")
	for _, d := range []streams.Digest{
		{Algorithm: "md5", Hex: fmt.Sprintf("%x", md5.Sum(data))},
		{Algorithm: "sha512", Hex: fmt.Sprintf("%x", sha512.Sum512(data))},
		Content(data).Digest,
	} {
		c := store.Bytes(data)
		c.Digest = d
		if err := s.Put(t.Context(), "good/"+d.Algorithm, c); err != nil {
			t.Errorf("%s: %v", d, err)
		}
		c.Digest.Hex = strings.ToUpper(d.Hex)
		if err := s.Put(t.Context(), "upper/"+d.Algorithm, c); !errors.As(err, new(*store.ContentError)) {
			t.Errorf("%s in upper case: %v, want a ContentError", d.Algorithm, err)
		}
	}
	c := store.Bytes(data)
	c.Digest = streams.Digest{Algorithm: "crc32", Hex: "00000000"}
	if err := s.Put(t.Context(), "unknown", c); err == nil {
		t.Error("a digest that cannot be computed is taken")
	}
	wantPaths(t, s, "good/md5", "good/sha256", "good/sha512")
}

func testContentErrors(t *testing.T, s store.Store) {
	right := big(1)
	for _, test := range []struct {
		name, sent string
		size       int64
	}{
		{"short", right[:len(right)-1], 0},
		{"empty", "", 0},
		{"long", right + "x", 0},
		{"much longer", right + right, 0},
		{"wrong", right[:len(right)-1] + "\n", 0},
		{"short, size unknown", right[:1000], -1},
		{"long, size unknown", right + "x", -1},
	} {
		t.Run(test.name, func(t *testing.T) {
			Put(t, s, "path", "old")
			c := Content([]byte(right))
			c.Size += test.size * (c.Size + 1) // -1 if unknown
			c.Open = store.Bytes([]byte(test.sent)).Open
			for _, path := range []string{"path", "new"} {
				bad := (*store.ContentError)(nil)
				err := s.Put(t.Context(), path, c)
				if !errors.As(err, &bad) {
					t.Fatalf("Put: %v, want a ContentError", err)
				}
				if bad.Path != path || bad.Want != (store.Reading{Size: c.Size, Digest: c.Digest}) || bad.Got == bad.Want {
					t.Errorf("Put: %+v", bad)
				}
			}
			wantContent(t, s, "path", "old")
			wantAbsent(t, s, "new")
			wantPaths(t, s, "path")
			Put(t, s, "new", right) // what the failure left is no obstacle
			wantContent(t, s, "new", right)
			if err := s.Delete(t.Context(), "new"); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func testReaderErrors(t *testing.T, s store.Store) {
	Put(t, s, "path", "old")
	data := []byte(big(2))
	broken := errors.New("the line is cut")
	for _, after := range []int{-1, 0, 1, 300_000, len(data) - 1, len(data)} {
		c := Content(data)
		c.Open = func(_ context.Context, off int64) (io.ReadCloser, error) {
			if after < 0 {
				return nil, broken
			}
			return io.NopCloser(io.MultiReader(strings.NewReader(string(data[min(off, int64(after)):after])), iotest.ErrReader(broken))), nil
		}
		for _, path := range []string{"path", "new"} {
			if err := s.Put(t.Context(), path, c); !errors.Is(err, broken) && after < len(data) {
				t.Errorf("Put, cut after %d bytes: %v, want the reader's error", after, err)
			}
		}
		if after < len(data) { // an error after the last byte may be met or not
			wantContent(t, s, "path", "old")
			wantAbsent(t, s, "new")
		}
	}
	if err := s.Put(t.Context(), "new", Content(data)); err != nil {
		t.Fatal(err)
	}
	wantContent(t, s, "new", string(data))
}

func testEndlessContent(t *testing.T, s store.Store) {
	var read int64
	c := Content([]byte("short"))
	c.Open = func(context.Context, int64) (io.ReadCloser, error) {
		return io.NopCloser(readerFunc(func(p []byte) (int, error) {
			read += int64(len(p))
			if read > 64<<20 {
				t.Fatal("Put reads on and on")
			}
			return len(p), nil
		})), nil
	}
	if err := s.Put(t.Context(), "endless", c); !errors.As(err, new(*store.ContentError)) {
		t.Errorf("Put: %v, want a ContentError", err)
	}
	wantAbsent(t, s, "endless")
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func testDelete(t *testing.T, s store.Store) {
	Put(t, s, "a/b/c", "1")
	Put(t, s, "a/b/d", "2")
	Put(t, s, "a/bb", "3")
	for _, step := range []struct {
		path string
		left []string
	}{
		{"a/b/c", []string{"a/b/d", "a/bb"}},
		{"a/b/c", []string{"a/b/d", "a/bb"}},
		{"a/b/d", []string{"a/bb"}},
		{"a/bb", []string{}},
	} {
		if err := s.Delete(t.Context(), step.path); err != nil {
			t.Fatal(err)
		}
		wantAbsent(t, s, step.path)
		wantPaths(t, s, step.left...)
	}
	Put(t, s, "a", "where a directory was")
	wantContent(t, s, "a", "where a directory was")
}
