package lzma2

import (
	"encoding/binary"
	"math/bits"
)

const (
	rowLog    = 16
	shortLog  = 15
	near      = 1 << 19 // bytes before a segment that are known
	lazyMatch = 32      // a match that the one a byte later does not better
	niceMatch = 96      // a match that no other in one place betters
)

// finder finds earlier occurrences. Positions are counted over all that it was ever given, so that what it knows of
// earlier data needs no clearing: it is below base.
type finder struct {
	src   []byte
	dict  int
	base  uint32
	short [1 << shortLog]uint32 // last position of each three bytes
	rows  []row                 // the last positions of each four bytes, and of others
	tags  []tags
}

// row are the last positions with some hashes in common, and room so that no row is in two cache lines.
type row [rowSize + 1]uint32

// tags are the rest of the hash of each position in a row, a byte for each, and above them which was the last: so one
// look at few bytes tells which positions are worth a look.
type tags uint64

const (
	rowSize  = 7
	countBit = 8 * rowSize
	eachByte = 0x0001010101010101
)

// last is where in the row the last position is.
func (t tags) last() uint { return uint(t >> countBit) }

// add notes that the tag is that of the next position, and returns where in the row that is.
func (t *tags) add(tag byte) uint {
	k := t.last()
	if k++; k == rowSize {
		k = 0
	}
	*t = *t&^(0xff<<countBit|0xff<<(8*k)) | tags(k)<<countBit | tags(tag)<<(8*k)
	return k
}

// same returns a bit for each position with a tag, each in a byte of its own: that of the last position is the byte before
// the highest.
func (t tags) same(tag byte) uint64 {
	x := uint64(t) ^ uint64(tag)*eachByte
	x = ^((x&(0x7f*eachByte) + 0x7f*eachByte) | x) & (0x80 * eachByte) // where x is zero
	k := t.last()
	return (x<<(8*(rowSize-1-k)) | x>>(8*(k+1))) & (0x80 * eachByte)
}

// start makes src the data that positions are about. Of it the parts that are given are known.
func (f *finder) start(src []byte, known []span, dict int) {
	next := uint64(f.base) + uint64(len(f.src))
	if f.rows == nil {
		f.rows, f.tags = make([]row, 1<<rowLog), make([]tags, 1<<rowLog)
	}
	if next == 0 || next+uint64(len(src)) >= 1<<32 {
		clear(f.rows)
		clear(f.short[:])
		next = 1
	}
	f.src, f.dict, f.base = src, dict, uint32(next)
	for _, p := range known {
		f.insertAll(p.from, p.end)
	}
}

// hash4 says in which row a position with four bytes is, and with which tag.
func hash4(v uint32) (row uint32, tag byte) {
	h := v * 2654435761
	return h >> (32 - rowLog), byte(h >> (32 - rowLog - 8))
}

func hash3(v uint32) uint32 { return v << 8 * 506832829 >> (32 - shortLog) }

// insert makes the bytes at i known.
func (f *finder) insert(i int) {
	v := binary.LittleEndian.Uint32(f.src[i:])
	pos := f.base + uint32(i)
	r, tag := hash4(v)
	f.rows[r][f.tags[r].add(tag)] = pos
	f.short[hash3(v)] = pos
}

// insertAll makes the bytes from i to end known.
func (f *finder) insertAll(i, end int) {
	for end = min(end, len(f.src)-4); i < end; i++ {
		f.insert(i)
	}
}

// find makes the bytes at i known and returns the longest match for them, 0 if there is none, and its distance.
func (f *finder) find(i int) (length, dist int) {
	if i+4 > len(f.src) {
		return 0, 0
	}
	v := binary.LittleEndian.Uint32(f.src[i:])
	pos := f.base + uint32(i)
	here := f.src[i:min(i+maxMatch, len(f.src))]
	if short := f.short[hash3(v)]; short >= f.base && short < pos && int(pos-short) <= f.dict {
		if n := same(f.src[short-f.base:], here); n >= 3 {
			length, dist = n, int(pos-short)
		}
	}
	r, tag := hash4(v)
	row, tags := &f.rows[r], f.tags[r]
	last := tags.last() + 1
	for found := tags.same(tag); found != 0; {
		k := uint(63-bits.LeadingZeros64(found)) / 8
		found &^= 0xff << (8 * k)
		if k += last; k >= rowSize {
			k -= rowSize
		}
		cand := row[k]
		if cand < f.base || cand >= pos || int(pos-cand) > f.dict || length >= niceMatch || length == len(here) {
			break
		}
		there := f.src[cand-f.base:]
		if there[length] == here[length] {
			// One byte more does not pay for a distance that is much longer.
			if n := same(there, here); n > length+1 || n == length+1 && int(pos-cand)>>7 <= dist {
				length, dist = n, int(pos-cand)
			}
		}
	}
	f.insert(i)
	return length, dist
}

// same says how many bytes at the start of b are those of a, which is no shorter.
func same(a, b []byte) int {
	i := 0
	for ; i+8 <= len(b); i += 8 {
		if x := binary.LittleEndian.Uint64(a[i:]) ^ binary.LittleEndian.Uint64(b[i:]); x != 0 {
			return i + bits.TrailingZeros64(x)/8
		}
	}
	for i < len(b) && a[i] == b[i] {
		i++
	}
	return i
}

// distanceSlot says in which slot a distance, less one, is, and how many bits the slot leaves open.
func distanceSlot(dist uint32) (slot uint32, open int) {
	if dist < firstSlot {
		return dist, 0
	}
	top := bits.Len32(dist) - 1
	return uint32(top)<<1 | dist>>(top-1)&1, top - 1
}
