package vcdiff

import (
	"context"
	"fmt"
	"hash/adler32"
	"io"
)

// Stats says what [Encode] did. Sizes are in bytes.
type Stats struct {
	Target int64 // size of the target
	Delta  int64 // bytes written
	Copied int64 // bytes of the target that are copied from the source
	Added  int64 // bytes of the target that the delta holds, before they are compressed once more
}

// Ratio is the size of the delta as a part of that of the target, 1 for an empty one.
func (s Stats) Ratio() float64 {
	if s.Target == 0 {
		return 1
	}
	return float64(s.Delta) / float64(s.Target)
}

// Encode writes to w a delta that makes target from source, of which it reads the given sizes. Both are read at many
// places, by several goroutines at once, more than once.
//
// What is written depends on source, target and o alone, except for o.Workers.
//
// The error has [ErrNotWorthwhile] in its chain if o.MaxRatio was exceeded; what was written by then is of no use.
func Encode(ctx context.Context, w io.Writer, source io.ReaderAt, sourceSize int64, target io.ReaderAt, targetSize int64, o *Options) (Stats, error) {
	s, err := o.settled()
	if err != nil {
		return Stats{}, fmt.Errorf("vcdiff: %w", err)
	}
	e := &encoder{Options: s, w: w, source: source, sourceSize: sourceSize, target: target, targetSize: targetSize}
	if err := e.run(ctx); err != nil {
		return e.stats, fmt.Errorf("vcdiff: %w", err)
	}
	return e.stats, nil
}

// encoder makes one delta, in two rounds over the windows of the target: the first finds what is long and may come from
// anywhere, the second finds the rest in what the first left, and writes.
type encoder struct {
	Options
	w          io.Writer
	source     io.ReaderAt
	sourceSize int64
	target     io.ReaderAt
	targetSize int64

	windows []plannedWindow
	started [sections]bool // sections of which a compressed one was written
	stats   Stats
}

// plannedWindow is what the first round knows about a window.
type plannedWindow struct {
	matches []match
	cache   stockCache // what the stock decoder holds when it comes to the window
}

// worker is what works on one window at a time.
type worker struct {
	buf     []byte // of a target window
	source  *sourceReader
	coarse  coarseFinder
	emitter emitter
	head    []byte
}

func (e *encoder) run(ctx context.Context) error {
	e.stats.Target = e.targetSize
	a, err := newAnchors(ctx, e.source, e.sourceSize, e.anchorMemory())
	if err != nil {
		return fmt.Errorf("cannot read source: %w", err)
	}
	workers := make([]*worker, e.Workers)
	for i := range workers {
		source := newSourceReader(e.source, e.sourceSize)
		workers[i] = &worker{
			buf:    make([]byte, min(int64(e.WindowSize), e.targetSize)),
			source: source,
			coarse: coarseFinder{anchors: a, source: source, least: e.leastMatch()},
		}
	}
	// Even an empty target has a window: without one stock xdelta3 has "nothing to output".
	count := max(1, int((e.targetSize+int64(e.WindowSize)-1)/int64(e.WindowSize)))
	e.windows = make([]plannedWindow, count)
	cache := newStockCache()
	err = inOrder(ctx, workers, count, e.plan, func(_ context.Context, _ *worker, k int) error {
		e.windows[k].settle(&cache)
		return nil
	})
	if err != nil {
		return err
	}
	if err := e.write([]byte(magic + "\x00")); err != nil {
		return err
	}
	return inOrder(ctx, workers, count, e.encode, e.finish)
}

// leastMatch is the length below which matches are not kept from the first round to the second, so that they fit in
// their share of the memory.
func (e *encoder) leastMatch() int {
	const each = 24
	return int(max(leastCoarse, e.targetSize*each/e.matchMemory()))
}

// load reads window k of the target.
func (e *encoder) load(w *worker, k int) ([]byte, error) {
	at := int64(k) * int64(e.WindowSize)
	t := w.buf[:min(int64(e.WindowSize), e.targetSize-at)]
	if err := readFull(e.target, t, at); err != nil {
		return nil, fmt.Errorf("cannot read target: %w", err)
	}
	return t, nil
}

// plan is the first round for window k.
func (e *encoder) plan(_ context.Context, w *worker, k int) error {
	t, err := e.load(w, k)
	if err != nil {
		return err
	}
	e.windows[k].matches = w.coarse.find(t, nil)
	return w.readError()
}

func (w *worker) readError() error {
	if w.source.err != nil {
		return fmt.Errorf("cannot read source: %w", w.source.err)
	}
	return nil
}

// settle drops the matches that cost the stock decoder more than they are worth.
func (p *plannedWindow) settle(cache *stockCache) {
	p.cache = *cache
	kept := p.matches[:0]
	for _, m := range p.matches {
		if cache.worth(m) {
			kept = append(kept, m)
		}
	}
	p.matches = kept
}

// encode is the second round for window k.
func (e *encoder) encode(ctx context.Context, w *worker, k int) error {
	t, err := e.load(w, k)
	if err != nil {
		return err
	}
	ms := within(e.windows[k].matches, maxSegment-int64(e.WindowSize))
	e.windows[k].matches = nil
	w.emitter.make(t, ms)
	w.head = w.emitter.head(w.head[:0], len(t), adler32.Checksum(t))
	return w.readError()
}

// finish writes window k.
func (e *encoder) finish(_ context.Context, w *worker, _ int) error {
	e.stats.Copied += w.emitter.copied
	e.stats.Added += w.emitter.added
	for _, b := range [][]byte{w.head, w.emitter.section[dataSection], w.emitter.section[instSection], w.emitter.section[addrSection]} {
		if err := e.write(b); err != nil {
			return err
		}
	}
	return nil
}

func (e *encoder) write(b []byte) error {
	n, err := e.w.Write(b)
	e.stats.Delta += int64(n)
	return err
}
