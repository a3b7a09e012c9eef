package mirror

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync/atomic"

	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/vcdiff"
)

// kitchen makes files by recipes. What it makes is checked as what is read from the source is: it does not matter who
// made a delta, or of what.
type kitchen struct {
	run    *run
	coming map[string]chan struct{} // files that recipes wait for: closed once they are there
	places chan struct{}            // for as many at once as the machine has processors: each takes memory
	made   atomic.Int64             // files
	saved  atomic.Int64             // bytes
}

// mostWindow is the most of a file that a delta may make at once, which has to be held in memory with what it is made
// of. No xdelta3 before 3.2 makes larger ones, nor does package vcdiff; a file with a larger one is read whole.
const mostWindow = 16 << 20

func newKitchen(r *run, files []*file) *kitchen {
	k := &kitchen{run: r, coming: map[string]chan struct{}{}, places: make(chan struct{}, min(r.Jobs, runtime.GOMAXPROCS(0)))}
	for _, f := range files {
		if rc := r.recipes[f.path]; rc != nil {
			for _, in := range []ingredient{rc.base, rc.delta} {
				if in.coming {
					k.coming[in.path] = make(chan struct{})
				}
			}
		}
	}
	return k
}

// needs tells whether a recipe waits for the file.
func (k *kitchen) needs(path string) bool { return k.coming[path] != nil }

// arrived lets those go on who wait for the file.
func (k *kitchen) arrived(path string) {
	if k.needs(path) {
		close(k.coming[path])
	}
}

// inOrder returns files so that each comes after those that it is made of: whoever waits, waits for what has begun.
func (k *kitchen) inOrder(files []*file) []*file {
	if len(k.coming) == 0 {
		return files
	}
	depth := func(f *file) int { return k.run.recipes[f.path].after() }
	return slices.SortedStableFunc(slices.Values(files), func(a, b *file) int { return cmp.Compare(depth(a), depth(b)) })
}

// make puts f as its recipe says, and tells whether it could. If not, f can still be read whole, from where this ended.
func (k *kitchen) make(ctx context.Context, f *file, put func(context.Context, string, store.Content) error) (bool, error) {
	rc := k.run.recipes[f.path]
	if rc == nil {
		return false, nil
	}
	for _, in := range []ingredient{rc.base, rc.delta} {
		if !in.coming {
			continue
		}
		select {
		case <-k.coming[in.path]:
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
	select {
	case k.places <- struct{}{}:
		defer func() { <-k.places }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	err := put(ctx, f.path, k.run.counted(f, store.Content{Size: f.size, Digest: f.digest, Open: func(ctx context.Context, off int64) (io.ReadCloser, error) {
		return k.run.open(ctx, rc, f.size, off)
	}}))
	switch {
	case ctx.Err() != nil:
		return false, ctx.Err()
	case err != nil:
		k.run.Log.Warn(fmt.Sprintf("%s is read whole, as it cannot be made of %s: %v", f.path, rc.Path, err))
		return false, nil
	}
	k.made.Add(1)
	k.saved.Add(rc.Saves)
	return true, nil
}

// open makes a file of size bytes by its recipe, and reads it from byte off on.
func (r *run) open(ctx context.Context, rc *recipe, size, off int64) (io.ReadCloser, error) {
	base, err := r.dst.Open(ctx, rc.base.path, 0)
	if err != nil {
		return nil, err
	}
	source, ok := base.(io.ReaderAt)
	if !ok {
		return nil, errors.Join(errors.New("the target cannot be read at any place"), base.Close())
	}
	ctx, cancel := context.WithCancel(ctx)
	delta, err := r.openDelta(ctx, rc)
	if err != nil {
		cancel()
		return nil, errors.Join(err, base.Close())
	}
	out, in := io.Pipe()
	m := &making{PipeReader: out, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(m.done)
		_, err := vcdiff.Decode(ctx, &rest{in, off}, source, delta, &vcdiff.DecodeOptions{MaxSize: size, MaxWindow: mostWindow})
		in.CloseWithError(errors.Join(err, delta.Close(), base.Close()))
	}()
	return m, nil
}

func (r *run) openDelta(ctx context.Context, rc *recipe) (io.ReadCloser, error) {
	if rc.delta.source {
		return r.src.Content(rc.Path, rc.Size, rc.digest).Open(ctx, 0)
	}
	return r.dst.Open(ctx, rc.delta.path, 0)
}

// making is a file that is being made.
type making struct {
	*io.PipeReader
	cancel func()
	done   chan struct{}
}

// Close returns once nothing is read any more.
func (m *making) Close() error {
	m.cancel()
	err := m.PipeReader.Close()
	<-m.done
	return err
}

// rest passes on what follows the first skip bytes.
type rest struct {
	io.Writer
	skip int64
}

func (r *rest) Write(p []byte) (int, error) {
	n := min(r.skip, int64(len(p)))
	r.skip -= n
	if n == int64(len(p)) {
		return len(p), nil
	}
	k, err := r.Writer.Write(p[n:])
	return int(n) + k, err
}
