package storetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/seed-43fb3962/sstream/store"
)

// power returns s as a P, or skips the test.
func power[P any](t *testing.T, s store.Store) P {
	t.Helper()
	p, ok := s.(P)
	if !ok {
		t.Skipf("%T is not a %T", s, (*P)(nil))
	}
	return p
}

func testSyncer(t *testing.T, s store.Store) {
	sync := power[store.Syncer](t, s)
	var want []string
	put := func(n int, dir string) {
		for i := range n {
			path := fmt.Sprintf("%s/%02d/%02d", dir, i%7, i)
			if err := sync.PutSoon(t.Context(), path, Content([]byte(path))); err != nil {
				t.Fatal(err)
			}
			want = append(want, path)
		}
	}
	check := func() {
		t.Helper()
		if err := sync.Sync(t.Context()); err != nil {
			t.Fatalf("Sync: %v", err)
		}
		for _, path := range want {
			wantContent(t, s, path, path)
		}
		slices.Sort(want)
		wantPaths(t, s, want...)
	}
	check()
	put(5, "few")
	check()
	put(100, "many")
	check()
	put(100, "many") // again
	want = slices.Compact(slices.Sorted(slices.Values(want)))
	check()

	wrong := Content([]byte("right"))
	wrong.Open = store.Bytes([]byte("wrong")).Open
	if err := sync.PutSoon(t.Context(), "wrong", wrong); !errors.As(err, new(*store.ContentError)) {
		t.Errorf("PutSoon of wrong content: %v, want a ContentError", err)
	}
	check()
}

// testSyncerOrder: whatever follows a PutSoon of the same path wins, and what was promised is kept.
func testSyncerOrder(t *testing.T, s store.Store) {
	sync := power[store.Syncer](t, s)
	soon := func(path, data string) {
		t.Helper()
		if err := sync.PutSoon(t.Context(), path, Content([]byte(data))); err != nil {
			t.Fatal(err)
		}
	}
	soon("twice", "1")
	soon("twice", "2")
	soon("put", "1")
	Put(t, s, "put", "2")
	wantContent(t, s, "put", "2")
	soon("delete", "1")
	if err := s.Delete(t.Context(), "delete"); err != nil {
		t.Fatal(err)
	}
	soon("failed", "1")
	broken := store.Content{Size: 1, Open: func(context.Context, int64) (io.ReadCloser, error) { return nil, fs.ErrPermission }}
	if err := sync.PutSoon(t.Context(), "failed", broken); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("PutSoon: %v, want the source's error", err)
	}
	if err := sync.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantContent(t, s, "twice", "2")
	wantContent(t, s, "put", "2")
	wantContent(t, s, "failed", "1")
	wantAbsent(t, s, "delete")
}

func docs(pairs ...string) map[string][]byte {
	m := make(map[string][]byte)
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = []byte(pairs[i+1])
	}
	return m
}

// Contents are documents as Replace takes them.
func Contents(docs map[string][]byte) map[string]store.Content {
	m := make(map[string]store.Content)
	for path, data := range docs {
		m[path] = store.Bytes(data)
	}
	return m
}

func testReplacer(t *testing.T, s store.Store) {
	replacer := power[store.Replacer](t, s)
	for i, step := range []struct {
		docs map[string][]byte
		gone []string
		want map[string][]byte
	}{
		{nil, nil, docs()},
		{docs("s/v1/index.json", "1", "s/v1/a.json", "1", "s/v1/deep/b.json", "1"), nil,
			docs("s/v1/index.json", "1", "s/v1/a.json", "1", "s/v1/deep/b.json", "1")},
		{docs("s/v1/index.json", "2", "s/v1/c.json", "2"), []string{"s/v1/a.json"},
			docs("s/v1/index.json", "2", "s/v1/c.json", "2", "s/v1/deep/b.json", "1")},
		{docs("s/v1/index.json", "3"), nil,
			docs("s/v1/index.json", "3", "s/v1/c.json", "2", "s/v1/deep/b.json", "1")},
		{docs("s/v1/index.json", "4", "s/v1/d.json", ""), []string{"s/v1/deep/b.json", "s/v1/never-there"},
			docs("s/v1/index.json", "4", "s/v1/c.json", "2", "s/v1/d.json", "")},
		{nil, []string{"s/v1/d.json"}, docs("s/v1/index.json", "4", "s/v1/c.json", "2")},
		{nil, []string{"s/v1/index.json", "s/v1/c.json"}, docs()},
		{docs("s/v1/index.json", "5", "s/v1/c.json", "5"), nil, docs("s/v1/index.json", "5", "s/v1/c.json", "5")},
	} {
		if err := replacer.Replace(t.Context(), Contents(step.docs), step.gone); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		for path, data := range step.want {
			wantContent(t, s, path, string(data))
		}
		for _, path := range step.gone {
			wantAbsent(t, s, path)
		}
		wantPaths(t, s, slices.Sorted(maps.Keys(step.want))...)
	}
}

// testReplacerUnsupported: a store that cannot replace as one says so, and has done nothing.
func testReplacerUnsupported(t *testing.T, s store.Store) {
	replacer := power[store.Replacer](t, s)
	Put(t, s, "one/index.json", "old")
	err := replacer.Replace(t.Context(), Contents(docs("one/index.json", "new", "two/index.json", "new")), nil)
	if errors.Is(err, errors.ErrUnsupported) {
		wantContent(t, s, "one/index.json", "old")
		wantPaths(t, s, "one/index.json")
		return
	}
	if err != nil {
		t.Fatalf("Replace in two directories: %v, want nil or errors.ErrUnsupported", err)
	}
	wantContent(t, s, "one/index.json", "new")
	wantContent(t, s, "two/index.json", "new")
}

// testReplacerBroken: if one document does not read as it says, or not to its end, none is replaced.
func testReplacerBroken(t *testing.T, s store.Store) {
	replacer := power[store.Replacer](t, s)
	old := docs("s/a", "old", "s/b", "old")
	if err := replacer.Replace(t.Context(), Contents(old), nil); err != nil {
		t.Fatal(err)
	}
	short, broken := store.Bytes([]byte("new")), errors.New("the source is broken")
	short.Size++
	for name, step := range map[string]struct {
		b    store.Content
		want func(error) bool
	}{
		"shorter than it says": {short, func(err error) bool { var e *store.ContentError; return errors.As(err, &e) }},
		"broken": {
			store.Rendered(func(w io.Writer) error { return errors.Join(write(w, "ne"), broken) }),
			func(err error) bool { return errors.Is(err, broken) },
		},
	} {
		next := Contents(docs("s/a", "new"))
		next["s/b"] = step.b
		if err := replacer.Replace(t.Context(), next, nil); !step.want(err) {
			t.Errorf("%s: Replace: %v", name, err)
		}
		for path, data := range old {
			wantContent(t, s, path, string(data))
		}
	}
	next := Contents(docs("s/a", "new"))
	next["s/b"] = store.Rendered(func(w io.Writer) error { return errors.Join(write(w, "n"), write(w, "ew")) })
	if err := replacer.Replace(t.Context(), next, nil); err != nil {
		t.Fatal(err)
	}
	wantContent(t, s, "s/a", "new")
	wantContent(t, s, "s/b", "new")
}

func write(w io.Writer, text string) error {
	_, err := io.WriteString(w, text)
	return err
}

// testReadersDuringReplace: each document is there and whole at any time, and a reader that has seen a new index finds
// everything else new as well.
func testReadersDuringReplace(t *testing.T, s store.Store) {
	replacer := power[store.Replacer](t, s)
	generation := func(i int) map[string][]byte {
		return docs("s/index", fmt.Sprintf("%06d", i), "s/a", fmt.Sprintf("%06d", i)+big(0)[:50_000], "s/b/c", fmt.Sprintf("%06d", i))
	}
	if err := replacer.Replace(t.Context(), Contents(generation(0)), nil); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for {
				index, ok := Get(t, s, "s/index")
				a, ok2 := Get(t, s, "s/a")
				c, ok3 := Get(t, s, "s/b/c")
				if !ok || !ok2 || !ok3 || len(index) != 6 || len(a) != 50_006 || len(c) != 6 {
					t.Errorf("a reader sees parts: %q %v, %d %v, %q %v", index, ok, len(a), ok2, c, ok3)
					return
				}
				if a[:6] < index || c < a[:6] {
					t.Errorf("a reader sees index %s, and later a of %s and c of %s", index, a[:6], c)
					return
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	for i := range 12 {
		if err := replacer.Replace(t.Context(), Contents(generation(i+1)), nil); err != nil {
			t.Error(err)
			break
		}
	}
	close(stop)
	readers.Wait()
}

func testLister(t *testing.T, s store.Store) {
	power[store.Lister](t, s)
	for _, path := range []string{"a/b", "a.b", "a-b", "a0", "a/b.c", "ab/c", "b", "a/a/a", "É", "a b/c"} {
		Put(t, s, path, path)
	}
	for prefix, want := range map[string][]string{
		"":       {"a b/c", "a-b", "a.b", "a/a/a", "a/b", "a/b.c", "a0", "ab/c", "b", "É"},
		"a":      {"a b/c", "a-b", "a.b", "a/a/a", "a/b", "a/b.c", "a0", "ab/c"},
		"a/":     {"a/a/a", "a/b", "a/b.c"},
		"a/b":    {"a/b", "a/b.c"},
		"a/b/":   {},
		"a/a/":   {"a/a/a"},
		"b":      {"b"},
		"none/":  {},
		"../":    {},
		"/":      {},
		"a/../b": {},
	} {
		if got := List(t, s, prefix); !slices.Equal(got, want) {
			t.Errorf("List(%q) = %q, want %q", prefix, got, want)
		}
	}
	for range s.(store.Lister).List(t.Context(), "") {
		break // a listing may be left
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range s.(store.Lister).List(ctx, "") {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("List with a cancelled context: %v", err)
		}
	}
}

func testCopier(t *testing.T, s store.Store) {
	copier := power[store.Copier](t, s)
	data := big(1)
	Put(t, s, "from/here", data)
	Put(t, s, "there", "old")
	for _, to := range []string{"to/a/new/place", "there", "there", "from/here"} {
		if err := copier.Copy(t.Context(), "from/here", to); err != nil {
			t.Fatalf("Copy to %s: %v", to, err)
		}
		wantContent(t, s, to, data)
	}
	Put(t, s, "there", "changed") // each name goes its own way from now on
	wantContent(t, s, "from/here", data)
	if err := s.Delete(t.Context(), "from/here"); err != nil {
		t.Fatal(err)
	}
	wantContent(t, s, "to/a/new/place", data)
	if err := copier.Copy(t.Context(), "from/here", "there"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Copy of nothing: %v, want fs.ErrNotExist", err)
	}
	wantPaths(t, s, "there", "to/a/new/place")
	wantContent(t, s, "there", "changed")
}

func testAdopter(t *testing.T, s store.Store) {
	adopter := power[store.Adopter](t, s)
	data := big(1)
	file := filepath.Join(t.TempDir(), "seed.img")
	if err := os.WriteFile(file, []byte(data), 0o644); err != nil {
		t.Fatal(err)
	}
	c := Content([]byte(data))
	c.Open = nil // is not asked
	for range 2 {
		if err := adopter.Adopt(t.Context(), file, "a/disk.img", c); err != nil {
			t.Fatal(err)
		}
		wantContent(t, s, "a/disk.img", data)
	}
	for _, wrong := range []store.Content{Content([]byte(data[1:])), Content([]byte(strings.ToUpper(data[:1]) + "x" + data[2:]))} {
		if err := adopter.Adopt(t.Context(), file, "wrong", wrong); !errors.As(err, new(*store.ContentError)) {
			t.Errorf("Adopt of something else: %v, want a ContentError", err)
		}
	}
	if err := adopter.Adopt(t.Context(), file+".not", "wrong", c); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Adopt of nothing: %v, want fs.ErrNotExist", err)
	}
	if err := adopter.Adopt(t.Context(), filepath.Dir(file), "wrong", c); err == nil {
		t.Error("a directory is adopted")
	}
	wantPaths(t, s, "a/disk.img")
	Put(t, s, "a/disk.img", "changed") // the file is its owner's still
	if got, err := os.ReadFile(file); err != nil || string(got) != data {
		t.Errorf("the adopted file has changed: %d bytes, %v", len(got), err)
	}
}

func testLimited(t *testing.T, s store.Store) {
	free, err := power[store.Limited](t, s).Free(t.Context())
	if err != nil || free <= 0 {
		t.Errorf("Free() = %d, %v", free, err)
	}
}

func testLocker(t *testing.T, s store.Store) {
	locker := power[store.Locker](t, s)
	unlock, err := locker.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	asking, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := locker.Lock(asking); err == nil || !errors.Is(err, context.Canceled) {
		t.Fatalf("a second Lock: %v, want an error that wraps the context's", err)
	}
	Put(t, s, "path", "the lock keeps runs out, not writes")
	wantPaths(t, s, "path")
	got := make(chan error)
	go func() {
		unlock, err := locker.Lock(t.Context())
		if err == nil {
			err = unlock()
		}
		got <- err
	}()
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	if err := <-got; err != nil {
		t.Errorf("a Lock that waited: %v", err)
	}
	unlock, err = locker.Lock(asking) // asks, and does not wait
	if err != nil {
		t.Fatalf("Lock with a context that is done: %v", err)
	}
	if err := unlock(); err != nil {
		t.Error(err)
	}
}
