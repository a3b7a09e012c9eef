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

// patcher applies patches. What it makes is checked as what is read from the source is: it does not matter who
// made a delta, or of what.
type patcher struct {
	run    *run
	coming map[string]chan struct{} // files that patches wait for: closed once they are there
	places chan struct{}            // for as many at once as the machine has processors: each takes memory
	made   atomic.Int64             // files
	saved  atomic.Int64             // bytes: of what was made, less those of deltas that were read from the source for it
}

// mostWindow is the most of a file that a delta may make at once, which has to be held in memory with what it is made
// of. No xdelta3 before 3.2 makes larger ones, nor does package vcdiff; a file with a larger one is read whole.
const mostWindow = 16 << 20

func newPatcher(r *run, files []*file) *patcher {
	pr := &patcher{run: r, coming: map[string]chan struct{}{}, places: make(chan struct{}, min(r.Jobs, runtime.GOMAXPROCS(0)))}
	for _, f := range files {
		if p := r.patches[f.path]; p != nil {
			for _, in := range []input{p.base, p.delta} {
				if in.coming {
					pr.coming[in.path] = make(chan struct{})
				}
			}
		}
	}
	return pr
}

// needs tells whether a patch waits for the file.
func (pr *patcher) needs(path string) bool { return pr.coming[path] != nil }

// arrived lets those go on who wait for the file.
func (pr *patcher) arrived(path string) {
	if pr.needs(path) {
		close(pr.coming[path])
	}
}

// inOrder returns files so that each comes after those that it is made of: whoever waits, waits for what has begun.
func (pr *patcher) inOrder(files []*file) []*file {
	if len(pr.coming) == 0 {
		return files
	}
	depth := func(f *file) int { return pr.run.patches[f.path].after() }
	return slices.SortedStableFunc(slices.Values(files), func(a, b *file) int { return cmp.Compare(depth(a), depth(b)) })
}

// make puts f as its patch says, and tells whether it could. If not, f can still be read whole, from where this ended.
func (pr *patcher) make(ctx context.Context, f *file, put func(context.Context, string, store.Content) error) (bool, error) {
	p := pr.run.patches[f.path]
	if p == nil {
		return false, nil
	}
	for _, in := range []input{p.base, p.delta} {
		if !in.coming {
			continue
		}
		select {
		case <-pr.coming[in.path]:
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
	select {
	case pr.places <- struct{}{}:
		defer func() { <-pr.places }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	err := put(ctx, f.path, pr.run.counted(f, store.Content{Size: f.size, Digest: f.digest, Open: func(ctx context.Context, off int64) (io.ReadCloser, error) {
		return pr.run.open(ctx, p, f.size, off)
	}}))
	switch {
	case ctx.Err() != nil:
		return false, ctx.Err()
	case err != nil:
		pr.run.Log.Warn(fmt.Sprintf("%s is read whole, as it cannot be made of %s: %v", f.path, p.Path, err))
		return false, nil
	}
	pr.made.Add(1)
	pr.saved.Add(f.size)
	return true, nil
}

// open makes a file of size bytes by its patch, and reads it from byte off on.
func (r *run) open(ctx context.Context, p *patch, size, off int64) (io.ReadCloser, error) {
	base, err := r.dst.Open(ctx, p.base.path, 0)
	if err != nil {
		return nil, err
	}
	source, ok := base.(io.ReaderAt)
	if !ok {
		return nil, errors.Join(errors.New("the target cannot be read at any place"), base.Close())
	}
	ctx, cancel := context.WithCancel(ctx)
	delta, err := r.openDelta(ctx, p)
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

func (r *run) openDelta(ctx context.Context, p *patch) (io.ReadCloser, error) {
	if p.delta.source {
		in, err := r.src.Content(p.Path, p.Size, p.digest).Open(ctx, 0)
		if err != nil {
			return nil, err
		}
		return &countingReader{in, func(n int) { r.patcher.saved.Add(-int64(n)) }}, nil
	}
	return r.dst.Open(ctx, p.delta.path, 0)
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
