package storetest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"

	"github.com/seed-43fb3962/sstream/store"
)

// ErrFault is the error of a write that [Faulty] fails.
var ErrFault = errors.New("the store fails on purpose")

// Faulty is a store whose writes fail on purpose, to see what a run leaves behind that breaks off there:
//
//	for at := 1; ; at++ {
//		f := &storetest.Faulty{Store: s, At: at}
//		err := run(f)
//		if f.Writes() < at {
//			break // the run got by without so many writes
//		}
//		… // err is not nil; what s holds is good; and the next run converges
//	}
//
// It has every power that a store can have; those that Store lacks fail with [errors.ErrUnsupported].
type Faulty struct {
	store.Store
	At      int  // the write that fails, counted from 1; 0: none
	Applied bool // the write that fails is carried out, and only reported as failed; false: it is not carried out
	Crash   bool // no later write is carried out either, as if the run had been killed; false: later writes succeed

	mu    sync.Mutex
	trace []string
}

// Writes returns how many writes there were.
func (f *Faulty) Writes() int { return len(f.Trace()) }

// Trace returns the writes so far, in the form "put PATH".
func (f *Faulty) Trace() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.trace...)
}

// write carries a write out, or not.
func (f *Faulty) write(what string, do func() error) error {
	f.mu.Lock()
	f.trace = append(f.trace, what)
	n := len(f.trace)
	f.mu.Unlock()
	if f.At == 0 || n < f.At || n > f.At && !f.Crash {
		return do()
	}
	if n == f.At && f.Applied {
		if err := do(); err != nil {
			return err
		}
	}
	return fmt.Errorf("%s (write %d): %w", what, n, ErrFault)
}

// Put implements [store.Store].
func (f *Faulty) Put(ctx context.Context, path string, c store.Content) error {
	return f.write("put "+path, func() error { return f.Store.Put(ctx, path, c) })
}

// Delete implements [store.Store].
func (f *Faulty) Delete(ctx context.Context, path string) error {
	return f.write("delete "+path, func() error { return f.Store.Delete(ctx, path) })
}

// PutSoon implements [store.Syncer]. It is Put if Store is no Syncer.
func (f *Faulty) PutSoon(ctx context.Context, path string, c store.Content) error {
	return f.write("put "+path, func() error {
		if s, ok := f.Store.(store.Syncer); ok {
			return s.PutSoon(ctx, path, c)
		}
		return f.Store.Put(ctx, path, c)
	})
}

// Sync implements [store.Syncer].
func (f *Faulty) Sync(ctx context.Context) error {
	s, ok := f.Store.(store.Syncer)
	if !ok {
		return nil
	}
	return f.write("sync", func() error { return s.Sync(ctx) })
}

// Replace implements [store.Replacer].
func (f *Faulty) Replace(ctx context.Context, docs map[string]store.Content, gone []string) error {
	s, ok := f.Store.(store.Replacer)
	if !ok {
		return errors.ErrUnsupported
	}
	return f.write("replace", func() error { return s.Replace(ctx, docs, gone) })
}

// Copy implements [store.Copier].
func (f *Faulty) Copy(ctx context.Context, from, to string) error {
	s, ok := f.Store.(store.Copier)
	if !ok {
		return errors.ErrUnsupported
	}
	return f.write("copy "+to, func() error { return s.Copy(ctx, from, to) })
}

// Adopt implements [store.Adopter].
func (f *Faulty) Adopt(ctx context.Context, file, path string, c store.Content) error {
	s, ok := f.Store.(store.Adopter)
	if !ok {
		return errors.ErrUnsupported
	}
	return f.write("adopt "+path, func() error { return s.Adopt(ctx, file, path, c) })
}

// List implements [store.Lister].
func (f *Faulty) List(ctx context.Context, prefix string) iter.Seq2[string, error] {
	if s, ok := f.Store.(store.Lister); ok {
		return s.List(ctx, prefix)
	}
	return func(yield func(string, error) bool) { yield("", errors.ErrUnsupported) }
}

// Free implements [store.Limited].
func (f *Faulty) Free(ctx context.Context) (int64, error) {
	if s, ok := f.Store.(store.Limited); ok {
		return s.Free(ctx)
	}
	return 0, errors.ErrUnsupported
}

// Lock implements [store.Locker].
func (f *Faulty) Lock(ctx context.Context) (unlock func() error, err error) {
	if s, ok := f.Store.(store.Locker); ok {
		return s.Lock(ctx)
	}
	return nil, errors.ErrUnsupported
}
