package vcdiff

import (
	"fmt"
	"io"
	"math"
)

const (
	cacheBlock = 16 << 10
	cacheSlots = 256
)

// unknownSize is the size of a source that is to be found out by reading.
const unknownSize = math.MaxInt64

// sourceReader reads small pieces of a source through a cache of a few megabytes, for one goroutine.
// It is not a memory map, as a file that someone truncates must give an error and not kill the program.
type sourceReader struct {
	r    io.ReaderAt
	size int64 // what lies beyond is never read
	err  error // the first failure; the methods read nothing after it

	slots []cacheSlot
}

type cacheSlot struct {
	block int64 // the number of the block, plus one
	data  []byte
}

func newSourceReader(r io.ReaderAt, size int64) *sourceReader {
	return &sourceReader{r: r, size: size}
}

// from returns bytes that begin at off: at least one, and at most up to the end of a block. It returns nil outside of
// the source and after a failure.
func (s *sourceReader) from(off int64) []byte {
	if off < 0 || off >= s.size {
		return nil
	}
	b := s.block(off / cacheBlock)
	if in := int(off % cacheBlock); in < len(b) {
		return b[in:]
	}
	return nil
}

// upTo returns bytes that end before off: at least one, and at most from the start of a block. It returns nil outside
// of the source and after a failure.
func (s *sourceReader) upTo(off int64) []byte {
	if off <= 0 || off > s.size {
		return nil
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
	if slot.data == nil {
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
	if len(b) >= cacheBlock {
		if s.err == nil {
			s.err = readFull(s.r, b, off)
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

// readFull fills b with the bytes at off.
func readFull(r io.ReaderAt, b []byte, off int64) error {
	n, err := r.ReadAt(b, off)
	if n < len(b) {
		return short(off+int64(n), err)
	}
	return nil
}

// short is the error of a read that came only to off.
func short(off int64, err error) error {
	if err == nil || err == io.EOF {
		return fmt.Errorf("%w at byte %d", io.ErrUnexpectedEOF, off)
	}
	return err
}
