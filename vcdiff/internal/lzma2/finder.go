package lzma2

import (
	"encoding/binary"
	"math/bits"
)

const (
	hashLog   = 18
	shortLog  = 15
	chainLog  = 20
	chainMask = 1<<chainLog - 1
	near      = 1 << chainLog // bytes before a segment that are known
	depth     = 8             // matches looked at in one place
	niceMatch = 96            // a match that is not bettered
)

// finder finds earlier occurrences. Positions are counted over all that it was ever given, so that what it knows of
// earlier data needs no clearing: it is below base.
type finder struct {
	src   []byte
	dict  int
	base  uint32
	heads [1 << hashLog]uint32  // last position of each four bytes
	short [1 << shortLog]uint32 // last position of each three bytes
	chain []uint32              // the position before, of the same four bytes
}

// start makes src the data that positions are about. Of it the parts that are given are known.
func (f *finder) start(src []byte, known []span, dict int) {
	next := uint64(f.base) + uint64(len(f.src))
	if f.chain == nil {
		f.chain = make([]uint32, 1<<chainLog)
	}
	if next == 0 || next+uint64(len(src)) >= 1<<32 {
		clear(f.heads[:])
		clear(f.short[:])
		next = 1
	}
	f.src, f.dict, f.base = src, dict, uint32(next)
	for _, p := range known {
		f.insertAll(p.from, p.end)
	}
}

func hash4(v uint32) uint32 { return v * 2654435761 >> (32 - hashLog) }
func hash3(v uint32) uint32 { return v << 8 * 506832829 >> (32 - shortLog) }

// insert makes the bytes at i known and returns the last positions of the same four and three bytes.
func (f *finder) insert(i int) (long, short uint32) {
	v := binary.LittleEndian.Uint32(f.src[i:])
	pos := f.base + uint32(i)
	h, s := hash4(v), hash3(v)
	long, short = f.heads[h], f.short[s]
	f.heads[h], f.short[s] = pos, pos
	f.chain[pos&chainMask] = long
	return long, short
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
	cand, short := f.insert(i)
	pos := f.base + uint32(i)
	here := f.src[i:min(i+maxMatch, len(f.src))]
	if short >= f.base && short < pos && int(pos-short) <= f.dict {
		if n := same(f.src[short-f.base:], here); n >= 3 {
			length, dist = n, int(pos-short)
		}
	}
	for range depth {
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
		if pos-cand > chainMask {
			break
		}
		next := f.chain[cand&chainMask]
		if next >= cand {
			break
		}
		cand = next
	}
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
