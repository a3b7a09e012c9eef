package storetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/seed-43fb3962/sstream/store"
)

func testCancelled(t *testing.T, s store.Store) {
	Put(t, s, "path", "old")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	errs := map[string]error{}
	_, errs["Open"] = s.Open(ctx, "path", 0)
	_, errs["Stat"] = s.Stat(ctx, "path")
	errs["Put"] = s.Put(ctx, "path", Content([]byte("new")))
	errs["Delete"] = s.Delete(ctx, "path")
	if x, ok := s.(store.Syncer); ok {
		errs["PutSoon"] = x.PutSoon(ctx, "path", Content([]byte("new")))
		errs["Sync"] = x.Sync(ctx)
	}
	if x, ok := s.(store.Replacer); ok {
		errs["Replace"] = x.Replace(ctx, Contents(map[string][]byte{"path": []byte("new"), "x/y": nil}), nil)
	}
	if x, ok := s.(store.Copier); ok {
		errs["Copy"] = x.Copy(ctx, "path", "copy")
	}
	for op, err := range errs {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s with a cancelled context: %v", op, err)
		}
	}
	wantContent(t, s, "path", "old")
	wantPaths(t, s, "path")
}

// testCancelledWhileReading: a reader that never ends on its own heeds the context, and so does Put.
func testCancelledWhileReading(t *testing.T, s store.Store) {
	Put(t, s, "path", "old")
	data := big(3)
	c := Content([]byte(data))
	ctx, cancel := context.WithCancel(t.Context())
	c.Open = func(ctx context.Context, off int64) (io.ReadCloser, error) {
		cut := readerFunc(func([]byte) (int, error) {
			cancel()
			return 0, ctx.Err()
		})
		return io.NopCloser(io.MultiReader(strings.NewReader(data[off:1<<20]), cut)), nil
	}
	if err := s.Put(ctx, "path", c); !errors.Is(err, context.Canceled) {
		t.Errorf("Put: %v, want context.Canceled", err)
	}
	wantContent(t, s, "path", "old")
	Put(t, s, "path", data)
	wantContent(t, s, "path", data)
}

func testReadersDuringPut(t *testing.T, s store.Store) {
	versions := map[string]bool{}
	for i := range 8 {
		versions[big(i)] = true
	}
	Put(t, s, "a/path", big(0))
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for {
				if got, ok := Get(t, s, "a/path"); !ok || !versions[got] {
					t.Errorf("a reader sees %d bytes (%v) that nobody wrote", len(got), ok)
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
	for i := range 16 {
		Put(t, s, "a/path", big(i%8))
	}
	close(stop)
	readers.Wait()
}

func testWritersOfOnePath(t *testing.T, s store.Store) {
	var writers sync.WaitGroup
	versions := map[string]bool{}
	for i := range 6 {
		data := big(i)
		versions[data] = true
		writers.Go(func() {
			if err := s.Put(t.Context(), "a/path", Content([]byte(data))); err != nil {
				t.Errorf("Put: %v", err)
			}
		})
	}
	writers.Wait()
	if got, ok := Get(t, s, "a/path"); !ok || !versions[got] {
		t.Errorf("at the path are %d bytes (%v) that nobody wrote", len(got), ok)
	}
	wantPaths(t, s, "a/path")
}

// testWritersAndDeletes: a path that goes must not take the one beside it along, nor its directory from under a write.
func testWritersAndDeletes(t *testing.T, s store.Store) {
	var workers sync.WaitGroup
	for w := range 4 {
		workers.Go(func() {
			for i := range 50 {
				path := fmt.Sprintf("dir/sub/%d", w)
				if err := s.Put(t.Context(), path, Content([]byte(path))); err != nil {
					t.Errorf("Put: %v", err)
					return
				}
				if got, ok := Get(t, s, path); !ok || got != path {
					t.Errorf("round %d: at %s is %q (%v)", i, path, got, ok)
					return
				}
				if err := s.Delete(t.Context(), path); err != nil {
					t.Errorf("Delete: %v", err)
					return
				}
			}
		})
	}
	workers.Wait()
	wantPaths(t, s)
}
