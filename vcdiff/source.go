package vcdiff

import "io"

const (
	cacheBlock = 16 << 10
	cacheSlots = 256
)

// sourceReader reads small pieces of a source for one goroutine: through a cache of a few megabytes if the source is
// not mapped.
type sourceReader struct {
	*input
	err   error // the first failure; the methods read nothing after it
	slots []cacheSlot
}

type cacheSlot struct {
	block int64 // the number of the block, plus one
	data  []byte
}

// from returns bytes that begin at off: at least one, and as many as are at hand. It returns nil outside of the source
// and after a failure.
func (s *sourceReader) from(off int64) []byte {
	if off < 0 || off >= s.size {
		return nil
	}
	if s.data != nil {
		return s.data[off:]
	}
	b := s.block(off / cacheBlock)
	if in := int(off % cacheBlock); in < len(b) {
		return b[in:]
	}
	return nil
}

// upTo returns bytes that end before off: at least one, and as many as are at hand. It returns nil outside of the
// source and after a failure.
func (s *sourceReader) upTo(off int64) []byte {
	if off <= 0 || off > s.size {
		return nil
	}
	if s.data != nil {
		return s.data[:off]
	}
	b := s.block((off - 1) / cacheBlock)
	if in := int((off-1)%cacheBlock) + 1; in <= len(b) {
		return b[:in]
	}
	return nil
}

func (s *sourceReader) block(n int64) []byte {
	if s.slots == nil {
		s.slots = make([]cacheSlot, cacheSlots)
	}
	slot := &s.slots[n%cacheSlots]
	if slot.block == n+1 {
		return slot.data
	}
	if s.err != nil {
		return nil
	}
	if cap(slot.data) == 0 {
		slot.data = make([]byte, cacheBlock)
	}
	at := n * cacheBlock
	slot.block = 0
	slot.data = slot.data[:min(cacheBlock, s.size-at)]
	got, err := s.r.ReadAt(slot.data, at)
	if got < len(slot.data) && !(err == io.EOF && s.size == unknownSize) {
		s.err = short(at+int64(got), err)
		return nil
	}
	slot.data = slot.data[:got]
	slot.block = n + 1
	return slot.data
}

// read fills b with the bytes at off.
func (s *sourceReader) read(b []byte, off int64) error {
	if s.data != nil || len(b) >= cacheBlock {
		if s.err == nil {
			s.err = s.input.read(b, off)
		}
		return s.err
	}
	for len(b) > 0 {
		from := s.from(off)
		if from == nil {
			break
		}
		n := copy(b, from)
		b, off = b[n:], off+int64(n)
	}
	if len(b) > 0 && s.err == nil {
		s.err = io.ErrUnexpectedEOF
	}
	return s.err
}
