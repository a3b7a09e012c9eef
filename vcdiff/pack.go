package vcdiff

import (
	"context"
	"encoding/binary"
	"math"
	"slices"
	"unsafe"

	"github.com/seed-43fb3962/sstream/vcdiff/internal/lzma2"
)

// The compressed sections of one kind are the pieces of one LZMA stream, in which each may repeat what an earlier one
// held. What a compressor needs to know of these is their bytes, not how they were compressed. So windows are gathered,
// in order, into batches; the batches are compressed at the same time, each from a new state on; and written in order.

// batch is some windows that are compressed one after the other.
type batch struct {
	windows  []packedWindow
	size     int // in memory
	segments [sections]*lzma2.Segment
	before   <-chan struct{} // closed when the batch before is written
	written  chan struct{}
}

// packedWindow is a window of a batch, and what becomes of its sections.
type packedWindow struct {
	size              int
	adler             uint32
	segment, position int64
	length            [sections]int
	raw               [sections][]byte         // the sections that are not compressed
	efforts           [sections][]lzma2.Effort // how to compress the others
	first             [sections]bool           // whether it is the first compressed one of its kind
}

const (
	// batchSize is the size from which a batch is full. A new state costs some thousand bytes.
	batchSize = 1 << 20
	// leastPacked is the size from which sections are tried to be compressed.
	leastPacked = 32
)

// gatherer makes batches of windows.
type gatherer struct {
	streams [sections]*lzma2.Stream // nil if nothing is to be compressed
	open    *batch
}

// newGatherer returns a gatherer for the windows of a target. It has to be closed.
func newGatherer(o *Options, target int64) gatherer {
	g := gatherer{open: &batch{written: make(chan struct{})}}
	before := make(chan struct{})
	close(before)
	g.open.before = before
	if !o.NoSecondary {
		most := int(min(max(target, leastWindow), math.MaxInt32))
		for i := range g.streams {
			dict, slack := o.dictionary(i)
			g.streams[i] = lzma2.NewStream(min(dict, most), min(slack, most))
		}
	}
	return g
}

// close frees what is kept of the sections, when all batches are written.
func (g *gatherer) close() {
	for _, s := range g.streams {
		if s != nil {
			s.Close()
		}
	}
}

// add adds a window, for which the worker w has sections. It returns the batch, to be written by w before it does
// anything else, if it is full or the window is the last.
func (g *gatherer) add(w *worker, size int, adler uint32, last bool) *batch {
	b := g.open
	p := packedWindow{size: size, adler: adler, segment: w.emitter.segment, position: w.emitter.position}
	b.size += int(unsafe.Sizeof(p))
	for _, s := range w.emitter.section {
		b.size += len(s)
	}
	full := last || b.size >= batchSize
	for i, s := range w.emitter.section {
		p.length[i] = len(s)
		switch {
		case len(w.packer.looks[i]) > 0:
			p.efforts[i] = slices.Clone(w.packer.looks[i])
			p.first[i] = !g.streams[i].Begun()
			g.streams[i].Add(s, p.efforts[i])
		case full:
			p.raw[i] = s
		default:
			p.raw[i] = slices.Clone(s)
		}
	}
	b.windows = append(b.windows, p)
	if !full {
		return nil
	}
	for i, s := range g.streams {
		if s != nil {
			b.segments[i] = s.Cut()
		}
	}
	g.open = &batch{before: b.written, written: make(chan struct{})}
	return b
}

// packer compresses the sections of one batch after the other.
type packer struct {
	lzma  lzma2.Encoder
	looks [sections][]lzma2.Effort // how to compress the sections of a window, empty for those that stay as they are
	out   [sections][]byte         // what was compressed, of all windows of a batch
	ends  [sections][]int          // where in it that of each window ends
}

// look sees which of the sections are worth compressing.
func (p *packer) look(section *[sections][]byte) {
	for i, s := range section {
		p.looks[i] = p.looks[i][:0]
		if len(s) >= leastPacked {
			p.looks[i] = p.lzma.Look(s, p.looks[i])
		}
	}
}

// pack compresses the sections of b.
func (p *packer) pack(ctx context.Context, b *batch) error {
	defer func() {
		for _, g := range b.segments {
			if g != nil {
				g.Release()
			}
		}
	}()
	for i, g := range b.segments {
		p.out[i], p.ends[i] = p.out[i][:0], p.ends[i][:0]
		if g == nil {
			continue
		}
		p.lzma.Start(g)
		for k := range b.windows {
			if err := p.piece(ctx, &b.windows[k], i); err != nil {
				return err
			}
		}
	}
	return nil
}

// piece compresses one section of a window.
func (p *packer) piece(ctx context.Context, w *packedWindow, i int) error {
	out := p.out[i]
	if w.efforts[i] != nil {
		out = appendVarint(out, uint64(w.length[i]))
		if w.first[i] {
			out = appendXZHeader(out, mostDictionary)
		}
		p.lzma.Piece(w.length[i], w.efforts[i])
		for more := true; more; {
			if err := ctx.Err(); err != nil {
				return err
			}
			out, more = p.lzma.Next(out)
		}
	}
	p.out[i], p.ends[i] = out, append(p.ends[i], len(out))
	return nil
}

// write writes the windows of b, which was packed.
func (p *packer) write(write func([]byte) error, b *batch) error {
	var head []byte
	var at [sections]int
	for k := range b.windows {
		v := &b.windows[k]
		parts := v.raw
		for i := range parts {
			if v.efforts[i] != nil {
				parts[i] = p.out[i][at[i]:p.ends[i][k]]
				at[i] = p.ends[i][k]
			}
		}
		head = v.head(head[:0], &parts)
		for _, part := range append([][]byte{head}, parts[:]...) {
			if err := write(part); err != nil {
				return err
			}
		}
	}
	return nil
}

// head appends to b all of a window but its sections, for which parts are written.
func (w *packedWindow) head(b []byte, parts *[sections][]byte) []byte {
	bits, length := byte(0), 0
	for i, part := range parts {
		length += len(part)
		if w.efforts[i] != nil {
			bits |= 1 << i
		}
	}
	body := append(appendVarint(nil, uint64(w.size)), bits)
	for _, part := range parts {
		body = appendVarint(body, uint64(len(part)))
	}
	body = binary.BigEndian.AppendUint32(body, w.adler)
	if w.segment == 0 {
		b = append(b, windowAdler)
	} else {
		b = append(b, windowAdler|windowSource)
		b = appendVarint(b, uint64(w.segment))
		b = appendVarint(b, uint64(w.position))
	}
	return append(appendVarint(b, uint64(len(body)+length)), body...)
}
