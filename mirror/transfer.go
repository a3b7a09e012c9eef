package mirror

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/seed-43fb3962/sstream/fetch"
	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/streams"
)

// transfer brings files to the target, several at once. The first error ends it; what is whole by then stays. Content
// that several files have comes once, for the others when it is there. Files that replace others come last, so that what is
// published is not true for the shortest time.
func (r *run) transfer(ctx context.Context, report *Report) error {
	files := r.files
	total := sizes(files)
	if r.Progress != nil {
		r.Progress.Start(len(files), total)
	}
	if len(files) == 0 {
		return nil
	}
	finder := newFinder(r)
	r.patcher = newPatcher(r, files)
	var fresh, replacing []*file
	for _, f := range files {
		if f.known {
			replacing = append(replacing, f)
		} else {
			fresh = append(fresh, f)
		}
	}
	fresh, again := finder.repeated(fresh)
	var adopted atomic.Int64
	for _, batch := range [][]*file{fresh, again, replacing} {
		if err := r.bringAll(ctx, batch, finder, &adopted); err != nil {
			return err
		}
		if s, ok := r.dst.(store.Syncer); ok && len(batch) > 0 {
			if err := s.Sync(ctx); err != nil {
				return fmt.Errorf("target: %w", err)
			}
		}
	}
	report.Items, report.Bytes, report.Adopted = len(files), total, int(adopted.Load())
	report.Made, report.Saved = int(r.patcher.made.Load()), r.patcher.saved.Load()
	return nil
}

func (r *run) bringAll(ctx context.Context, files []*file, finder *finder, adopted *atomic.Int64) error {
	return fetch.Share(ctx, r.Jobs, r.patcher.inOrder(files), r.isSmall, func(ctx context.Context, files []*file) error {
		return r.bringSome(ctx, files, finder, adopted)
	})
}

// isSmall tells whether f may be asked for together with others.
func (r *run) isSmall(f *file) bool { return f.item().Small() && r.patches[f.path] == nil }

func (f *file) item() fetch.Item { return fetch.Item{Path: f.path, Size: f.size, Digest: f.digest} }

// bringSome makes files whole in the target, one after the other: as they lie there, from elsewhere on this machine, made of
// a delta, or from the source.
func (r *run) bringSome(ctx context.Context, files []*file, finder *finder, adopted *atomic.Int64) error {
	var missing []*file
	var items []fetch.Item
	for _, f := range files {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		found, err := finder.find(ctx, f)
		if err == nil && !found {
			missing = append(missing, f)
			items = append(items, f.item())
			continue
		}
		if err := r.done(f, err); err != nil {
			return err
		}
		adopted.Add(1)
	}
	pipeline := r.src.Pipeline(items)
	defer pipeline.Close()
	for i, f := range missing {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := r.done(f, r.bring(ctx, f, pipeline.Content(i))); err != nil {
			return err
		}
	}
	return nil
}

// done tells who watches or waits for f how that ended, and returns the error.
func (r *run) done(f *file, err error) error {
	if r.Progress != nil {
		r.Progress.Done(f.path, err)
	}
	if err == nil {
		r.patcher.arrived(f.path)
	}
	return err
}

// bring makes one file whole in the target that is not to be found on this machine.
func (r *run) bring(ctx context.Context, f *file, content store.Content) error {
	put := r.dst.Put
	if s, ok := r.dst.(store.Syncer); ok && !r.patcher.needs(f.path) {
		put = s.PutSoon
	}
	if made, err := r.patcher.make(ctx, f, put); made || err != nil {
		return err
	}
	content = r.counted(f, content)
	err := put(ctx, f.path, content)
	if is[*store.ContentError](err) {
		err = put(ctx, f.path, content) // another mirror is asked, and no proxy that keeps something else
	}
	if err == nil || ctx.Err() != nil || is[readError](err) || is[*store.ContentError](err) {
		return err
	}
	return fmt.Errorf("target: %w", err)
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// counted tells how many bytes are read of c, the content of f. Its errors are a [readError].
func (r *run) counted(f *file, c store.Content) store.Content {
	open, count := c.Open, func(int) {}
	if r.Progress != nil {
		count = func(n int) { r.Progress.Bytes(f.path, n) }
	}
	c.Open = func(ctx context.Context, off int64) (io.ReadCloser, error) {
		in, err := open(ctx, off)
		if err != nil {
			return nil, readError{err}
		}
		return &countingReader{in, count}, nil
	}
	return c
}

// readError is an error of what a file is read from, not of the target.
type readError struct{ error }

func (e readError) Unwrap() error { return e.error }

type countingReader struct {
	io.ReadCloser
	read func(n int)
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.read(n)
	if err != nil && err != io.EOF {
		err = readError{err}
	}
	return n, err
}

// finder looks for content that need not be read from the source.
type finder struct {
	run    *run
	byHash map[streams.Digest]string // files of the target whose content is known to be right
	mu     sync.Mutex
	seeds  map[int64][]string // files of the seed directories by size; nil until the first is needed
}

func newFinder(r *run) *finder {
	f := &finder{run: r, byHash: map[streams.Digest]string{}}
	for _, part := range r.parts {
		for e := range part.Plan.Have.All() {
			path := e.Item.Str("path")
			digest := streams.DigestOf(e.Get)
			if digest.Algorithm != "" && r.ledger.has(path, part.ContentID, e.Ref) {
				f.byHash[digest] = path
			}
		}
	}
	return f
}

// repeated takes out of files those that will find their content in one of the rest, once these are there.
func (x *finder) repeated(files []*file) (rest, again []*file) {
	if _, ok := x.run.dst.(store.Copier); !ok {
		return files, nil
	}
	alike := slices.Clone(files)
	slices.SortStableFunc(alike, func(a, b *file) int { return strings.Compare(a.digest.Hex, b.digest.Hex) })
	later := map[*file]bool{}
	for i := 1; i < len(alike); i++ {
		first, f := alike[i-1], alike[i]
		if f.digest != first.digest || f.digest.Algorithm == "" || x.run.patcher.needs(f.path) {
			continue
		}
		if _, there := x.byHash[f.digest]; !there || later[first] {
			later[f] = true
			x.byHash[f.digest] = cmp.Or(x.byHash[f.digest], first.path)
		}
	}
	if len(later) == 0 {
		return files, nil
	}
	for _, f := range files {
		if later[f] {
			again = append(again, f)
		} else {
			rest = append(rest, f)
		}
	}
	return rest, again
}

// mayFind tells whether find may make f of other content on this machine.
func (x *finder) mayFind(f *file) bool {
	if f.digest.Algorithm == "" {
		return false
	}
	_, copies := x.run.dst.(store.Copier)
	_, there := x.byHash[f.digest]
	return copies && there && !f.known || len(x.seedsFor(f)) > 0
}

// find makes f whole without the source, if it can.
func (x *finder) find(ctx context.Context, f *file) (bool, error) {
	if f.digest.Algorithm == "" {
		return false, nil
	}
	if ok, err := x.inPlace(ctx, f); ok || err != nil {
		return ok, err
	}
	if copier, ok := x.run.dst.(store.Copier); ok && !f.known { // a copy appears before it is checked
		if from, ok := x.byHash[f.digest]; ok && from != f.path {
			if copier.Copy(ctx, from, f.path) == nil {
				ok, err := x.inPlace(ctx, f)
				if ok || err != nil {
					return ok, err
				}
			}
		}
	}
	return x.fromSeed(ctx, f)
}

// inPlace tells whether the target has the right bytes at f's path already: left by an interrupted run, or put there
// by somebody else.
func (x *finder) inPlace(ctx context.Context, f *file) (bool, error) {
	info, err := x.run.dst.Stat(ctx, f.path)
	if err != nil || f.size >= 0 && info.Size != f.size {
		return false, nil
	}
	in, err := x.run.dst.Open(ctx, f.path, 0)
	if err != nil {
		return false, nil
	}
	defer in.Close()
	ok, err := f.digest.Check(in)
	if err != nil {
		return false, ctx.Err()
	}
	return ok, ctx.Err()
}
