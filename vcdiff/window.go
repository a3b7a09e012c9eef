package vcdiff

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/seed-43fb3962/sstream/vcdiff/internal/offheap"
)

// The first bytes of a delta, and the bits of its header and of the windows (RFC 3284, section 4).
const (
	magic = "\xd6\xc3\xc4\x00"

	headSecondary = 1 << 0
	headCodeTable = 1 << 1
	headAppHeader = 1 << 2 // not in the RFC, as all of xdelta3's

	windowSource = 1 << 0
	windowTarget = 1 << 1
	windowAdler  = 1 << 2 // not in the RFC either

	maxAppHeader = 1 << 20
)

// The sections of a window, in their order.
const (
	dataSection = iota // bytes of ADD and RUN
	instSection        // codes and sizes
	addrSection        // addresses of COPY
	sections
)

// window is one window of a delta, its sections uncompressed.
type window struct {
	fromSource bool
	segment    uint64 // length and position of the part of the source that addresses begin with
	position   uint64
	size       int // of what it makes
	hasAdler   bool
	adler      uint32
	section    [sections][]byte
	stored     [sections]int // sizes of the sections as they are in the delta
}

// deltaReader reads the header and the windows of a delta.
type deltaReader struct {
	r         *bufio.Reader
	maxWindow int
	secondary Secondary
	app       []byte // nil if there is none
	pieces    [sections]xzDecoder
	body      []byte // of the window, off the heap
}

func newDeltaReader(r io.Reader, maxWindow int) (*deltaReader, error) {
	d := &deltaReader{r: bufio.NewReaderSize(r, 1<<16), maxWindow: maxWindow}
	if err := d.header(); err != nil {
		return nil, fmt.Errorf("header: %w", cutShort(err))
	}
	return d, nil
}

// cutShort makes an end inside of something what it is: damage.
func cutShort(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return fmt.Errorf("%w: cut short", ErrCorrupt)
	}
	return err
}

func (d *deltaReader) header() error {
	var start [len(magic) + 1]byte
	if n, err := io.ReadFull(d.r, start[:]); err != nil {
		if n > 0 && string(start[:min(n, len(magic))]) != magic[:min(n, len(magic))] {
			return fmt.Errorf("%w: not a VCDIFF file", ErrCorrupt)
		}
		return err
	}
	if string(start[:len(magic)]) != magic {
		return fmt.Errorf("%w: not a VCDIFF file", ErrCorrupt)
	}
	bits := start[len(magic)]
	if bits&^(headSecondary|headCodeTable|headAppHeader) != 0 {
		return fmt.Errorf("%w: header bits %#x", ErrUnsupported, bits)
	}
	if bits&headSecondary != 0 {
		id, err := d.r.ReadByte()
		if err != nil {
			return err
		}
		d.secondary = Secondary(id)
	}
	if bits&headCodeTable != 0 {
		return fmt.Errorf("%w: it has a code table of its own", ErrUnsupported)
	}
	if bits&headAppHeader != 0 {
		n, err := readVarint(d.r)
		if err != nil {
			return err
		}
		if n > maxAppHeader {
			return fmt.Errorf("%w: application header of %d bytes", ErrCorrupt, n)
		}
		d.app = make([]byte, n)
		if _, err := io.ReadFull(d.r, d.app); err != nil {
			return err
		}
	}
	return nil
}

// next reads a window. Its sections are valid until the next call. It returns io.EOF after the last one.
func (d *deltaReader) next(w *window) error {
	bits, err := d.r.ReadByte()
	if err != nil {
		return err
	}
	if err := d.window(w, bits); err != nil {
		return cutShort(err)
	}
	return nil
}

func (d *deltaReader) window(w *window, bits byte) error {
	*w = window{fromSource: bits&windowSource != 0, hasAdler: bits&windowAdler != 0}
	switch {
	case bits&^(windowSource|windowTarget|windowAdler) != 0:
		return fmt.Errorf("%w: window bits %#x", ErrCorrupt, bits)
	case bits&windowTarget != 0:
		return fmt.Errorf("%w: it copies from earlier windows of the target (VCD_TARGET)", ErrUnsupported)
	}
	var err error
	if w.fromSource {
		if w.segment, err = readVarint(d.r); err != nil {
			return err
		}
		if w.position, err = readVarint(d.r); err != nil {
			return err
		}
		if w.position > math.MaxInt64-w.segment {
			return fmt.Errorf("%w: source segment out of range", ErrCorrupt)
		}
	}
	length, err := readVarint(d.r)
	if err != nil {
		return err
	}
	if most := 6*uint64(d.maxWindow) + 1<<10; length > most {
		return fmt.Errorf("%w: window of %d bytes, above %d", ErrUnsupported, length, most)
	}
	if int(length) > cap(d.body) {
		offheap.Free(d.body)
		d.body = offheap.Make[byte](int(length)) // memory is taken for what is there, not for what is announced
	}
	d.body = d.body[:length]
	if _, err := io.ReadFull(d.r, d.body); err != nil {
		return err
	}
	return d.parse(w, d.body)
}

// close frees what the reader holds, the sections of the last window included.
func (d *deltaReader) close() {
	offheap.Free(d.body)
	d.body = nil
	for _, p := range d.pieces {
		if p.lzma != nil {
			p.lzma.Close()
		}
	}
}

// parse reads all of a window that its length covers.
func (d *deltaReader) parse(w *window, b []byte) error {
	size, b, err := varint(b)
	if err != nil {
		return err
	}
	if size > uint64(d.maxWindow) {
		return fmt.Errorf("%w: window for %d bytes, above %d", ErrUnsupported, size, d.maxWindow)
	}
	w.size = int(size)
	if len(b) == 0 {
		return io.ErrUnexpectedEOF
	}
	packed := b[0]
	b = b[1:]
	var lengths [sections]uint64
	sum := uint64(0)
	for i := range lengths {
		if lengths[i], b, err = varint(b); err != nil {
			return err
		}
		if lengths[i] > uint64(len(b)) {
			return fmt.Errorf("%w: section of %d bytes is too long", ErrCorrupt, lengths[i])
		}
		sum += lengths[i]
	}
	if w.hasAdler {
		if len(b) < 4 {
			return io.ErrUnexpectedEOF
		}
		w.adler = binary.BigEndian.Uint32(b)
		b = b[4:]
	}
	if sum != uint64(len(b)) {
		return fmt.Errorf("%w: sections of %d bytes where there are %d", ErrCorrupt, sum, len(b))
	}
	for i := range lengths {
		w.section[i], b = b[:lengths[i]], b[lengths[i]:]
		w.stored[i] = len(w.section[i])
	}
	return d.unpack(w, packed)
}

// unpack undoes the secondary compression of the sections of w that packed has a bit for.
func (d *deltaReader) unpack(w *window, packed byte) error {
	if packed == 0 {
		return nil
	}
	if packed >= 1<<sections || d.secondary == None {
		return fmt.Errorf("%w: section bits %#x", ErrCorrupt, packed)
	}
	if d.secondary != LZMA {
		return fmt.Errorf("%w: it is compressed with %v (xdelta3 -S %v); make it with -S lzma or -S none",
			ErrUnsupported, d.secondary, d.secondary)
	}
	for i := range w.section {
		if packed&(1<<i) == 0 {
			continue
		}
		// No sensible instructions take more than two bytes for one of the target.
		most := 2*w.size + 64
		if i == dataSection {
			most = w.size
		}
		var err error
		if w.section[i], err = d.pieces[i].decode(w.section[i], most); err != nil {
			return err
		}
	}
	return nil
}

// step is an instruction with all that belongs to it: ADD has n bytes of data, RUN one, COPY an address.
type step struct {
	kind byte
	n    int
	addr uint64
	data []byte
}

// steps calls do for each instruction, and checks that together they make a window of the right size from all that the
// sections hold.
func (w *window) steps(do func(s step) error) error {
	data, inst, addr := w.section[dataSection], w.section[instSection], w.section[addrSection]
	cache := new(addressCache)
	made := 0
	for len(inst) > 0 {
		pair := &defaultTable[inst[0]]
		inst = inst[1:]
		for _, in := range pair {
			if in.kind == noop {
				break
			}
			n := uint64(in.size)
			var err error
			if n == 0 {
				if n, inst, err = varint(inst); err != nil {
					return err
				}
			}
			if n > uint64(w.size-made) {
				return fmt.Errorf("%w: instructions make too much", ErrCorrupt)
			}
			s := step{kind: in.kind, n: int(n)}
			switch in.kind {
			case cpy:
				s.addr, addr, err = cache.decode(addr, in.mode, w.segment+uint64(made))
				if err != nil {
					return err
				}
			case run:
				s.data, data = cut(data, 1)
			default:
				s.data, data = cut(data, s.n)
			}
			if in.kind != cpy && s.data == nil {
				return fmt.Errorf("%w: no data left", ErrCorrupt)
			}
			if err := do(s); err != nil {
				return err
			}
			made += s.n
		}
	}
	if made != w.size || len(data) > 0 || len(addr) > 0 {
		return fmt.Errorf("%w: instructions make %d bytes of %d and leave %d bytes of data and %d of addresses",
			ErrCorrupt, made, w.size, len(data), len(addr))
	}
	return nil
}

// cut returns the first n bytes of b, nil if it has fewer, and the rest.
func cut(b []byte, n int) (head, rest []byte) {
	if n > len(b) {
		return nil, b
	}
	return b[:n:n], b[n:]
}
