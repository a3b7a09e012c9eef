package store

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/seed-43fb3962/sstream/streams"
)

// Memory keeps content in memory, for tests and dry experiments. The zero value is empty and ready for use.
// Like [Dir] it is a [Syncer], [Replacer], [Lister], [Copier] and [Locker].
type Memory struct {
	Now func() time.Time // the time of Info.Modified; nil: it is not known

	mu    sync.RWMutex
	files map[string]memoryFile
	lock  chan struct{} // holds a value while the lock is held
}

// memoryFile is never changed, only replaced: readers keep what they opened.
type memoryFile struct {
	data     []byte
	modified time.Time
}

// Open implements [Source].
func (m *Memory) Open(ctx context.Context, path string, off int64) (io.ReadCloser, error) {
	f, err := m.find(ctx, "open", path)
	if err != nil {
		return nil, err
	}
	return io.NopCloser(bytes.NewReader(f.data[min(off, int64(len(f.data))):])), nil
}

// Stat implements [Store].
func (m *Memory) Stat(ctx context.Context, path string) (Info, error) {
	f, err := m.find(ctx, "stat", path)
	if err != nil {
		return Info{}, err
	}
	return Info{Size: int64(len(f.data)), Modified: f.modified}, nil
}

func (m *Memory) find(ctx context.Context, op, path string) (memoryFile, error) {
	if err := check(ctx, path); err != nil {
		return memoryFile{}, err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	f, ok := m.files[path]
	if !ok {
		return memoryFile{}, &fs.PathError{Op: op, Path: path, Err: fs.ErrNotExist}
	}
	return f, nil
}

// Put implements [Store].
func (m *Memory) Put(ctx context.Context, path string, c Content) error {
	if err := check(ctx, path); err != nil {
		return err
	}
	return m.Replace(ctx, map[string]Content{path: c}, nil)
}

// PutSoon implements [Syncer]: it is Put.
func (m *Memory) PutSoon(ctx context.Context, path string, c Content) error {
	return m.Put(ctx, path, c)
}

// Sync implements [Syncer]. It has nothing to do.
func (m *Memory) Sync(ctx context.Context) error { return ctx.Err() }

// Delete implements [Store].
func (m *Memory) Delete(ctx context.Context, path string) error {
	return m.Replace(ctx, nil, []string{path})
}

// Replace implements [Replacer].
func (m *Memory) Replace(ctx context.Context, docs map[string]Content, gone []string) error {
	for _, path := range slices.Concat(slices.Sorted(maps.Keys(docs)), gone) {
		if err := check(ctx, path); err != nil {
			return err
		}
	}
	read := make(map[string][]byte)
	for path, c := range docs {
		data, err := c.read(ctx, path)
		if err != nil {
			return err
		}
		read[path] = data
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.files == nil {
		m.files = make(map[string]memoryFile)
	}
	for _, path := range gone {
		delete(m.files, path)
	}
	var now time.Time
	if m.Now != nil {
		now = m.Now()
	}
	for path, data := range read {
		m.files[path] = memoryFile{data, now}
	}
	return nil
}

// List implements [Lister].
func (m *Memory) List(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		m.mu.RLock()
		paths := slices.Sorted(maps.Keys(m.files))
		m.mu.RUnlock()
		for _, path := range paths {
			if err := ctx.Err(); err != nil {
				yield("", err)
				return
			}
			if strings.HasPrefix(path, prefix) && !yield(path, nil) {
				return
			}
		}
	}
}

// Copy implements [Copier].
func (m *Memory) Copy(ctx context.Context, from, to string) error {
	if err := check(ctx, to); err != nil {
		return err
	}
	f, err := m.find(ctx, "copy", from)
	if err != nil {
		return err
	}
	return m.Replace(ctx, map[string]Content{to: Bytes(f.data)}, nil)
}

// Lock implements [Locker].
func (m *Memory) Lock(ctx context.Context) (unlock func() error, err error) {
	m.mu.Lock()
	if m.lock == nil {
		m.lock = make(chan struct{}, 1)
	}
	lock := m.lock
	m.mu.Unlock()
	unlock = func() error { <-lock; return nil }
	select {
	case lock <- struct{}{}:
		return unlock, nil
	default:
	}
	select {
	case lock <- struct{}{}:
		return unlock, nil
	case <-ctx.Done():
		return nil, &lockedError{"memory", "this process", 0, context.Cause(ctx)}
	}
}

// check refuses what no store may do: anything for a caller who has gone, or at an unsafe path.
func check(ctx context.Context, path string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return streams.CheckPath(path)
}
