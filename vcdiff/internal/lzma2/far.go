package lzma2

import (
	"math/bits"

	"github.com/seed-43fb3962/sstream/vcdiff/internal/offheap"
)

// farMatch says that n bytes are the same as those dist before them.
type farMatch struct {
	at   int64
	n    int
	dist int
}

// farFinder finds long matches anywhere in the dictionary, by farSize bytes at places that their content picks. The
// encoders look only nearby for themselves.
type farFinder struct {
	dict  int
	log   uint
	table []uint32 // the last place in the stream, in 32 bits, of each hash; one for each place that is picked
}

const (
	farSize  = 16
	farShift = 64 / farSize
	farPick  = 3 // one place in eight
)

// farGear is a number for each byte value, of which a hash is made that rolls.
var farGear = newFarGear()

func newFarGear() *[256]uint64 {
	g := new([256]uint64)
	x := uint64(1)
	for i := range g { // xorshift64
		for range 16 {
			x ^= x << 13
			x ^= x >> 7
			x ^= x << 17
		}
		g[i] = x
	}
	return g
}

// find appends the matches of what begins in buf at i. The first byte of buf is at base in the stream.
func (f *farFinder) find(buf []byte, i int, base int64, ms []farMatch) []farMatch {
	if len(buf)-i < farSize {
		return ms
	}
	if f.table == nil {
		f.log = uint(bits.Len(uint(f.dict-1))) - farPick
		f.table = offheap.Make[uint32](1 << f.log)
	}
	h, free := uint64(0), i
	known := i + farSize - 1
	for ; i < known; i++ {
		h = h<<farShift + farGear[buf[i]]
	}
	for ; i < len(buf); i++ {
		h = h<<farShift + farGear[buf[i]]
		if h>>(64-farPick) != 0 {
			continue
		}
		at := i + 1 - farSize
		slot := &f.table[h<<farPick>>(64-f.log)]
		dist := uint32(base) + uint32(at) - *slot
		*slot = uint32(base) + uint32(at)
		if at < free || dist == 0 || int64(dist) > int64(min(at, f.dict)) {
			continue
		}
		if m := matchAt(buf, free, at, int(dist)); m.n >= farSize {
			free = int(m.at) + m.n
			m.at += base
			ms = append(ms, m)
		}
	}
	return ms
}

// matchAt returns the match at the given distance around at that begins at or after free.
func matchAt(buf []byte, free, at, dist int) farMatch {
	n := same(buf[at-dist:], buf[at:])
	for n > 0 && at > free && at > dist && buf[at-1] == buf[at-1-dist] {
		at--
		n++
	}
	return farMatch{at: int64(at), n: n, dist: dist}
}
