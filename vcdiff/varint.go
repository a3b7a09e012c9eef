package vcdiff

import (
	"fmt"
	"io"
	"math"
)

// Integers are written in base 128, most significant digit first, with the high bit set on all digits but the last
// (RFC 3284, section 2).

func appendVarint(b []byte, v uint64) []byte {
	for n := varintSize(v) - 1; n > 0; n-- {
		b = append(b, byte(v>>(7*n))|0x80)
	}
	return append(b, byte(v)&0x7f)
}

func varintSize(v uint64) int {
	n := 1
	for v >>= 7; v != 0; v >>= 7 {
		n++
	}
	return n
}

// readVarint reads an integer from r. Integers of more than 63 bits are corrupt.
func readVarint(r io.ByteReader) (uint64, error) {
	var v uint64
	for {
		b, err := r.ReadByte()
		if err != nil {
			return 0, err
		}
		if v > math.MaxInt64>>7 {
			return 0, fmt.Errorf("%w: integer out of range", ErrCorrupt)
		}
		v = v<<7 | uint64(b&0x7f)
		if b < 0x80 {
			return v, nil
		}
	}
}

// varint cuts an integer off the front of b.
func varint(b []byte) (v uint64, rest []byte, err error) {
	for i, c := range b {
		if v > math.MaxInt64>>7 {
			return 0, nil, fmt.Errorf("%w: integer out of range", ErrCorrupt)
		}
		v = v<<7 | uint64(c&0x7f)
		if c < 0x80 {
			return v, b[i+1:], nil
		}
	}
	return 0, nil, fmt.Errorf("%w: section ends inside an integer", ErrCorrupt)
}
