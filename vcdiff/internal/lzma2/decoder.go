package lzma2

import (
	"encoding/binary"
	"fmt"

	"github.com/seed-43fb3962/sstream/vcdiff/internal/offheap"
)

// Decoder reads one LZMA2 stream that comes in pieces.
type Decoder struct {
	dict int
	buf  []byte // what was decoded since the dictionary was new, as far back as the dictionary goes; off the heap
	m    model

	needDict, needProps, needState bool
}

// NewDecoder returns a decoder for streams with a dictionary of at most dict bytes. It has to be closed. Its memory grows
// with what it reads, up to five quarters of dict and the longest piece.
func NewDecoder(dict int) *Decoder {
	return &Decoder{dict: max(dict, 1<<12), needDict: true, needProps: true, needState: true}
}

// Decode reads the chunks in src, which must hold n bytes, and returns these. They are valid until the next call.
func (d *Decoder) Decode(src []byte, n int) ([]byte, error) {
	// Positions count modulo 16, and moving the dictionary has to be rarer than filling it.
	if extra := (len(d.buf) - d.dict) &^ 15; extra > d.dict/4 {
		d.buf = append(d.buf[:0], d.buf[extra:]...)
	}
	d.grow(n)
	start := len(d.buf)
	want := start + n
	for len(src) > 0 {
		control := src[0]
		if control == controlEnd {
			return nil, fmt.Errorf("%w: the stream ends too early", ErrCorrupt)
		}
		if control == controlStoredReset || control >= controlDict {
			if len(d.buf) > start {
				return nil, fmt.Errorf("%w: new dictionary inside a piece", ErrCorrupt)
			}
			d.buf, start, want = d.buf[:0], 0, n
			d.needDict, d.needProps = false, true
		}
		if d.needDict {
			return nil, fmt.Errorf("%w: no dictionary", ErrCorrupt)
		}
		var err error
		if control < controlLZMA {
			src, err = d.stored(src, want)
		} else {
			src, err = d.chunk(src, want)
		}
		if err != nil {
			return nil, err
		}
	}
	if len(d.buf) != want {
		return nil, fmt.Errorf("%w: holds %d bytes, not %d", ErrCorrupt, len(d.buf)-start, n)
	}
	return d.buf[start:], nil
}

// grow makes room for n more bytes, and at once for all that is remembered, of which memory is taken as it is used.
func (d *Decoder) grow(n int) {
	if cap(d.buf)-len(d.buf) >= n {
		return
	}
	old := d.buf
	d.buf = append(offheap.Make[byte](d.dict + d.dict/4 + 16 + n)[:0], old...)
	offheap.Free(old)
}

// Close frees what d holds, what Decode returned last included.
func (d *Decoder) Close() {
	offheap.Free(d.buf)
	d.buf = nil
}

// stored reads a stored chunk.
func (d *Decoder) stored(src []byte, want int) ([]byte, error) {
	if src[0] > controlStored || len(src) < 3 {
		return nil, fmt.Errorf("%w: bad chunk", ErrCorrupt)
	}
	n := int(binary.BigEndian.Uint16(src[1:])) + 1
	src = src[3:]
	if n > len(src) || n > want-len(d.buf) {
		return nil, fmt.Errorf("%w: chunk too long", ErrCorrupt)
	}
	d.buf = append(d.buf, src[:n]...)
	return src[n:], nil
}

// chunk reads an LZMA chunk.
func (d *Decoder) chunk(src []byte, want int) ([]byte, error) {
	if len(src) < 6 {
		return nil, fmt.Errorf("%w: bad chunk", ErrCorrupt)
	}
	control := src[0]
	n := int(control&0x1f)<<16 + int(binary.BigEndian.Uint16(src[1:])) + 1
	packed := int(binary.BigEndian.Uint16(src[3:])) + 1
	props := src[5]
	src = src[5:]
	if control >= controlProps {
		if !d.m.setProps(props) {
			return nil, fmt.Errorf("%w: bad properties", ErrCorrupt)
		}
		src = src[1:]
		d.needProps = false
	}
	if control >= controlState {
		d.m.reset()
		d.needState = false
	}
	if d.needProps || d.needState {
		return nil, fmt.Errorf("%w: chunk without properties", ErrCorrupt)
	}
	if packed > len(src) || n > want-len(d.buf) {
		return nil, fmt.Errorf("%w: chunk too long", ErrCorrupt)
	}
	if err := d.lzma(src[:packed], n); err != nil {
		return nil, err
	}
	return src[packed:], nil
}

func (m *model) setProps(b byte) bool {
	lc, lp, pb := uint32(b%9), uint32(b/9%5), uint32(b/45)
	if lc+lp > maxLiteralLog || pb > maxPositionLog {
		return false
	}
	m.lc, m.lp, m.pb = lc, lp, pb
	return true
}

// lzma decodes n bytes from src, all of it.
func (d *Decoder) lzma(src []byte, n int) error {
	r := rangeDecoder{src: src}
	if !r.start() {
		return fmt.Errorf("%w: bad chunk", ErrCorrupt)
	}
	m := &d.m
	end := len(d.buf) + n
	for len(d.buf) < end {
		pos := uint32(len(d.buf))
		at := pos & (1<<m.pb - 1)
		if r.bit(&m.isMatch[m.state][at]) == 0 {
			d.literalByte(&r, pos)
			continue
		}
		length, err := d.match(&r, at)
		if err != nil {
			return err
		}
		dist := int64(m.reps[0]) + 1 // more than an int of 32 bits holds, if the chunk is hostile
		if dist > int64(min(len(d.buf), d.dict)) || length > end-len(d.buf) {
			return fmt.Errorf("%w: bad match", ErrCorrupt)
		}
		d.buf = appendMatch(d.buf, int(dist), length)
	}
	if !r.finished() {
		return fmt.Errorf("%w: bad chunk", ErrCorrupt)
	}
	return nil
}

// appendMatch appends the n bytes of b that lie dist before its end. The two may overlap.
func appendMatch(b []byte, dist, n int) []byte {
	for n > dist {
		b = append(b, b[len(b)-dist:]...)
		n -= dist
	}
	from := len(b) - dist
	return append(b, b[from:from+n]...)
}

func (d *Decoder) literalByte(r *rangeDecoder, pos uint32) {
	m := &d.m
	var prev byte
	if pos > 0 {
		prev = d.buf[pos-1]
	}
	probs := m.literalProbs(pos, prev)
	var b byte
	if m.state < litStates {
		b = r.literal(probs)
	} else {
		b = r.matchedLiteral(probs, d.buf[pos-1-m.reps[0]])
	}
	d.buf = append(d.buf, b)
	m.state = afterLiteral(m.state)
}

// match reads a match: its distance comes first in the reps.
func (d *Decoder) match(r *rangeDecoder, at uint32) (int, error) {
	m := &d.m
	s := m.state
	if r.bit(&m.isRep[s]) == 0 {
		n := r.length(&m.matchLen, at)
		dist := r.distance(m, lenState(n))
		if dist == 1<<32-1 {
			return 0, fmt.Errorf("%w: end mark", ErrCorrupt)
		}
		m.reps = [4]uint32{dist, m.reps[0], m.reps[1], m.reps[2]}
		m.state = afterMatch(s)
		return n, nil
	}
	if r.bit(&m.isRepMore[0][s]) == 0 {
		if r.bit(&m.isRep0Long[s][at]) == 0 {
			m.state = afterShortRep(s)
			return 1, nil
		}
	} else {
		which := 1
		if r.bit(&m.isRepMore[1][s]) == 1 {
			which = 2 + int(r.bit(&m.isRepMore[2][s]))
		}
		m.useRep(which)
	}
	m.state = afterRep(s)
	return r.length(&m.repLen, at), nil
}

// useRep brings a recent distance to the front.
func (m *model) useRep(which int) {
	dist := m.reps[which]
	copy(m.reps[1:which+1], m.reps[:which])
	m.reps[0] = dist
}
