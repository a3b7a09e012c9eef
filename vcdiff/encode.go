package vcdiff

import (
	"context"
	"fmt"
	"io"

	"github.com/seed-43fb3962/sstream/vcdiff/internal/offheap"
)

// Stats says what [Encoder.Encode] did. Sizes are in bytes.
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

// Encoder makes a delta from a source.
type Encoder struct {
	w      io.Writer
	source io.ReaderAt
	size   int64
	o      *Options
}

// NewEncoder returns an encoder that writes deltas from a source of the given size to w. o may be nil. A file as the
// source, or as a target, is mapped into memory while it is worked on, as [Map] does it; such pages are the system's, and
// not counted as memory that is used.
func NewEncoder(w io.Writer, source io.ReaderAt, size int64, o *Options) *Encoder {
	return &Encoder{w, source, size, o}
}

// Encode writes a delta that makes target, which is of the given size, from the source. Both are read at many places, by
// several goroutines at once, more than once: that is why a target is not written to an encoder as to a compressor.
//
// What is written depends on the source, the target and the options alone, except for Options.Workers. One delta is one
// file: for a second one there has to be another writer, and so another encoder.
//
// The error has [ErrNotWorthwhile] in its chain if Options.MaxRatio was exceeded; what was written by then is of no use.
func (e *Encoder) Encode(ctx context.Context, target io.ReaderAt, size int64) (Stats, error) {
	s, err := e.o.settled()
	if err == nil {
		err = s.check(e.size, size)
	}
	if err != nil {
		return Stats{}, fmt.Errorf("vcdiff: %w", err)
	}
	d := &encoding{Options: s, w: e.w, source: newInput(e.source, e.size), target: newInput(target, size)}
	defer d.source.close()
	defer d.target.close()
	if err := guarded(func() error { return d.run(ctx) }); err != nil {
		return d.stats, fmt.Errorf("vcdiff: %w", err)
	}
	return d.stats, nil
}

// encoding makes one delta, in two rounds over the windows of the target: the first finds what is long and may come from
// anywhere, the second finds the rest in what the first left, and writes.
type encoding struct {
	Options
	w      io.Writer
	source *input
	target *input

	windows []plannedWindow
	last    match // of those settled, counted from the start of the target
	gatherer
	stats Stats
}

// plannedWindow is what the first round knows about a window.
type plannedWindow struct {
	kept   keptMatches
	adler  uint32
	before int64      // where in the source the match before the window ends
	cache  stockCache // what the stock decoder holds when it comes to the window
	free   int        // blocks that it may read without more ado
}

// worker is what works on one window at a time.
type worker struct {
	buf     []byte  // of a target window, if the target is not mapped
	matches []match // of a window
	room    []byte  // of the emitter and the packer
	source  *sourceReader
	coarse  coarseFinder
	refiner refiner
	emitter emitter
	packer  packer
}

func (e *encoding) run(ctx context.Context) error {
	e.stats.Target = e.target.size
	count := int(windowCount(e.target.size, e.WindowSize))
	e.windows = make([]plannedWindow, count)
	workers := make([]*worker, min(e.Workers, count))
	for i := range workers {
		workers[i] = e.newWorker()
		defer workers[i].free()
	}
	if err := e.firstRound(ctx, workers); err != nil {
		return err
	}
	return e.secondRound(ctx, workers)
}

func (e *encoding) newWorker() *worker {
	n := int(min(int64(e.WindowSize), e.target.size))
	w := &worker{source: &sourceReader{input: e.source}}
	w.buf = offheap.Make[byte](n)
	w.matches = offheap.Make[match](mostMatches(n))
	w.refiner.found = offheap.Make[match](mostMatches(n))
	w.refiner.local.buf = offheap.Make[byte](localRoom)[:0]
	// What a window adds is at most the window; batches are of up to batchSize and a window more.
	w.room = offheap.Make[byte](2*n + 2*batchSize)
	w.emitter.section[dataSection] = w.room[:0:n]
	w.packer.out[dataSection] = w.room[n:n]
	return w
}

func (w *worker) free() {
	for _, b := range [][]byte{w.buf, w.refiner.local.buf, w.room} {
		offheap.Free(b)
	}
	offheap.Free(w.matches)
	offheap.Free(w.refiner.found)
}

// firstRound finds the long matches of all windows.
func (e *encoding) firstRound(ctx context.Context, workers []*worker) error {
	a := newAnchors(e.source.size, e.anchorMemory())
	defer a.table.free()
	if err := a.read(ctx, e.source); err != nil {
		return fmt.Errorf("cannot read source: %w", err)
	}
	for _, w := range workers {
		w.coarse = coarseFinder{anchors: a, source: w.source, least: e.leastMatch()}
	}
	if err := e.worthwhile(ctx, workers[0]); err != nil {
		return err
	}
	cache := newStockCache()
	return inOrder(ctx, workers, len(e.windows), e.plan, func(w *worker, k int) (later func(context.Context) error) {
		e.settle(k, w.matches, &cache)
		return nil
	})
}

// secondRound finds the short matches in what is left of the windows, and writes these.
func (e *encoding) secondRound(ctx context.Context, workers []*worker) error {
	used := newSourceMap(e.source.size)
	for _, p := range e.windows {
		for _, m := range p.kept.appendTo(workers[0].matches[:0]) {
			used.use(m.src, m.n)
		}
	}
	fine := newFineIndex(used.unused(e.source.size), e.fineMemory())
	defer fine.table.free()
	if err := fine.read(ctx, e.source, used); err != nil {
		return fmt.Errorf("cannot read source: %w", err)
	}
	for _, w := range workers {
		w.refiner.fine = fineFinder{index: fine, source: w.source}
		w.refiner.local.source = w.source
		w.coarse = coarseFinder{}
	}
	head := []byte(magic + "\x00")
	if !e.NoSecondary {
		head = []byte{magic[0], magic[1], magic[2], magic[3], headSecondary, byte(LZMA)}
	}
	if err := e.write(head); err != nil {
		return err
	}
	e.gatherer = newGatherer(&e.Options, e.target.size)
	defer e.gatherer.close()
	return inOrder(ctx, workers, len(e.windows), e.encode, e.gather)
}

// leastMatch is the length below which matches are not looked for in the first round, so that what is kept of them for
// the second fits in its share of the memory.
func (e *encoding) leastMatch() int {
	const each = 16 // bytes, at the most
	return int(max(leastCoarse, e.target.size*each/e.matchMemory()))
}

// span says where in the target window k is.
func (e *encoding) span(k int) (at int64, n int) {
	at = int64(k) * int64(e.WindowSize)
	return at, int(min(int64(e.WindowSize), e.target.size-at))
}

// plan is the first round for window k.
func (e *encoding) plan(w *worker, k int) error {
	at, n := e.span(k)
	t, err := e.target.view(&w.buf, at, n)
	if err != nil {
		return fmt.Errorf("cannot read target: %w", err)
	}
	e.windows[k].adler = adler32(t)
	w.matches = w.coarse.find(t, w.matches[:0])
	return w.readError()
}

func (w *worker) readError() error {
	if w.source.err != nil {
		return fmt.Errorf("cannot read source: %w", w.source.err)
	}
	return nil
}

// settle keeps those of the matches of window k, the next one, that cost the stock decoder no more than they are worth.
func (e *encoding) settle(k int, ms []match, cache *stockCache) {
	_, n := e.span(k)
	p := &e.windows[k]
	p.free = freeMisses(e.source.size, n)
	p.cache, p.before = *cache, e.last.src+int64(e.last.n)
	ms = newRation(cache, p.free).filter(ms)
	p.kept = keep(ms, int(e.matchMemory()*int64(n)/max(e.target.size, 1)))
	if len(ms) > 0 {
		e.last = ms[len(ms)-1]
	}
}

// encode is the second round for window k.
func (e *encoding) encode(w *worker, k int) error {
	at, n := e.span(k)
	t, err := e.target.view(&w.buf, at, n)
	if err != nil {
		return fmt.Errorf("cannot read target: %w", err)
	}
	p := &e.windows[k]
	ms := w.refiner.refine(t, p, p.kept.appendTo(w.matches[:0]))
	p.kept = nil
	w.emitter.make(t, within(ms, maxSegment-int64(e.WindowSize)))
	if !e.NoSecondary {
		w.packer.look(&w.emitter.section)
	}
	return w.readError()
}

// gather adds window k to those that are compressed together.
func (e *encoding) gather(w *worker, k int) (later func(context.Context) error) {
	_, n := e.span(k)
	e.stats.Copied += w.emitter.copied
	e.stats.Added += w.emitter.added
	b := e.add(w, n, e.windows[k].adler, k == len(e.windows)-1)
	if b == nil {
		return nil
	}
	return func(ctx context.Context) error { return e.finish(ctx, w, b) }
}

// finish compresses and writes a batch.
func (e *encoding) finish(ctx context.Context, w *worker, b *batch) error {
	if err := w.packer.pack(ctx, b); err != nil {
		return err
	}
	select {
	case <-b.before:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if err := w.packer.write(e.write, b); err != nil {
		return err
	}
	if err := e.tooLarge(); err != nil {
		return err
	}
	close(b.written)
	return nil
}

func (e *encoding) write(b []byte) error {
	n, err := e.w.Write(b)
	e.stats.Delta += int64(n)
	return err
}
