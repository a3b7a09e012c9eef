package fetch

import (
	"cmp"
	"context"
	"io"
	"io/fs"
	"slices"
	"sync"
	"time"
)

// partSize is what is asked for at once: many round trips long on most lines, and little memory.
const partSize = 4 << 20

// inParts tells whether the item is to be read in parts. Without a checksum nobody would notice if they did not fit together.
func (c *content) inParts(off int64) bool {
	split := c.m.o.SplitSize
	return split > 0 && c.checked && c.size-off >= max(split, partSize+1)
}

// parts reads an item in parts, several at once and from all sources, and hands them on in their order.
type parts struct {
	cancel context.CancelFunc
	free   chan []byte    // buffers; who has one may read a part
	queue  chan chan part // the parts, in their order
	data   []byte         // what is not yet handed on …
	buf    []byte         // … of this part
	err    error          // why there is nothing more
}

type part struct {
	buf []byte
	n   int
	err error
}

// newParts goes on with the first part, which is open. To cancel ends them all.
func newParts(ctx context.Context, cancel context.CancelFunc, first *reader) *parts {
	ps := &parts{cancel: cancel, free: first.m.buffers, queue: make(chan chan part, first.m.o.Streams)}
	go ps.ask(ctx, first)
	return ps
}

// ask begins with one part after the other, as soon as there is a buffer for it.
func (ps *parts) ask(ctx context.Context, first *reader) {
	defer close(ps.queue)
	c, r := first.content, first
	for off := first.off; off < c.size; off += partSize {
		var buf []byte
		select {
		case buf = <-ps.free:
		case <-ctx.Done():
			if r != nil {
				r.Close()
			}
			return
		}
		if buf == nil {
			buf = make([]byte, partSize)
		}
		if r == nil {
			r = c.partAt(ctx, off)
		}
		r.tour.stops[0].speed.begin() // here, so that it counts when the next part asks which source is the quickest
		result := make(chan part, 1)
		go func(r *reader) { result <- r.part(ctx, buf) }(r)
		ps.queue <- result // does not wait: there are no more buffers than places here
		r = nil
	}
}

// partAt prepares to read the part at off.
func (c *content) partAt(ctx context.Context, off int64) *reader {
	r := c.reader(off, c.m.quickest())
	r.end, r.strict = off+partSize, true
	r.goOn(ctx)
	return r
}

// part reads a part, which its first source was told of, into buf.
func (r *reader) part(ctx context.Context, buf []byte) part {
	first := r.tour.stops[0].source
	start := time.Now()
	n, err := r.readPart(ctx, buf)
	first.speed.end(r.from == first, n, time.Since(start))
	return part{buf, n, err}
}

func (r *reader) readPart(ctx context.Context, buf []byte) (int, error) {
	if r.body == nil {
		if err := r.open(ctx); err != nil {
			return 0, err
		}
	}
	defer r.Close()
	return io.ReadFull(r, buf[:r.stop()-r.off])
}

func (ps *parts) Read(p []byte) (int, error) {
	for len(ps.data) == 0 {
		if ps.err != nil {
			return 0, ps.err
		}
		ps.giveBack()
		result, ok := <-ps.queue
		if !ok {
			ps.err = io.EOF
			continue
		}
		next := <-result
		ps.buf, ps.data, ps.err = next.buf, next.buf[:next.n], next.err
	}
	n := copy(p, ps.data)
	ps.data = ps.data[n:]
	return n, nil
}

func (ps *parts) giveBack() {
	if ps.buf != nil {
		ps.free <- ps.buf
		ps.buf, ps.data = nil, nil
	}
}

// Close gives the rest of the item up.
func (ps *parts) Close() error {
	ps.cancel()
	ps.giveBack()
	for result := range ps.queue {
		ps.free <- (<-result).buf
	}
	if ps.err == nil {
		ps.err = fs.ErrClosed
	}
	return nil
}

// speed is what a source does at the moment.
type speed struct {
	mu   sync.Mutex
	busy int     // parts
	rate float64 // bytes a second of one part, of late; 0: not known
}

func (s *speed) begin() {
	s.mu.Lock()
	s.busy++
	s.mu.Unlock()
}

func (s *speed) end(well bool, n int, d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy--
	now := float64(n) / max(d.Seconds(), 1e-6)
	switch {
	case !well:
		s.rate /= 2
	case s.rate == 0:
		s.rate = now
	default:
		s.rate = s.rate*0.7 + now*0.3
	}
}

// delay is how long a new part would take, in a unit that all sources share; 0 if that should be found out.
func (s *speed) delay() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rate == 0 {
		return float64(s.busy) // one at a time, until it is known
	}
	return float64(s.busy+1) / s.rate
}

// elsewhere notes that s sends no parts, and tells whether another source may.
func (m *Mirror) elsewhere(s *source) bool {
	s.whole.Store(true)
	return slices.ContainsFunc(m.sources, func(s *source) bool { return !s.whole.Load() })
}

// quickest are the sources in the order in which they are likely to have sent a part.
func (m *Mirror) quickest() []*source {
	now := m.o.Now().UnixNano()
	type option struct {
		*source
		bad   int
		delay float64
	}
	options := make([]option, len(m.sources))
	for i, s := range m.sources {
		options[i] = option{s, s.avoided(now), s.speed.delay()}
		if s.whole.Load() {
			options[i].bad = 2
		}
	}
	slices.SortStableFunc(options, func(a, b option) int {
		return cmp.Or(a.bad-b.bad, cmp.Compare(a.delay, b.delay))
	})
	all := make([]*source, len(options))
	for i := range options {
		all[i] = options[i].source
	}
	return all
}
