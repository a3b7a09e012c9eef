package vcdiff

import (
	"context"
	"math/bits"
)

// fineIndex knows those parts of the source that the first round copied nothing from by 32 bytes at places that their
// content picks, so that the same content is picked in the target.
type fineIndex struct {
	pick   uint // the bits of a hash that are zero at a picked place
	filter *filter
	table  *hashTable
}

const (
	fineSize     = 32 // bytes that a gear hash depends on when it is shifted by two bits for each
	leastPick    = 4  // one place in 16
	densePick    = 6  // of what is compressed already one in 64: if it is the same, then for long
	usedGranule  = 4 << 10
	leastFine    = fineSize
	bytesPerSlot = 16 // of a table, half full
)

// sourceMap says which granules of the source are copied from in all their length.
type sourceMap []uint64

func newSourceMap(size int64) sourceMap { return make(sourceMap, size/usedGranule/64+1) }

func (m sourceMap) use(src int64, n int) {
	last := (src + int64(n)) / usedGranule
	for g := (src + usedGranule - 1) / usedGranule; g < last; g++ {
		m[g/64] |= 1 << (g % 64)
	}
}

func (m sourceMap) used(granule int64) bool { return m[granule/64]>>(granule%64)&1 != 0 }

// unused counts the bytes of a source of the given size that are not used.
func (m sourceMap) unused(size int64) int64 {
	n := size
	for _, w := range m {
		n -= int64(bits.OnesCount64(w)) * usedGranule
	}
	return n
}

// newFineIndex returns what knows nothing yet of the unused bytes of a source, which are so many. The table, which has to
// be freed, takes at most limit bytes; if there is more to know, fewer places are picked.
func newFineIndex(unused, limit int64) *fineIndex {
	f := &fineIndex{pick: leastPick, filter: new(filter)}
	for unused>>f.pick*bytesPerSlot > limit {
		f.pick++
	}
	f.table = newHashTable(unused>>f.pick/2+1, limit)
	return f
}

// read reads the unused parts of the source.
func (f *fineIndex) read(ctx context.Context, source *input, used sourceMap) error {
	size := source.size
	const most = 1 << 20
	var buf []byte
	for at := int64(0); at < size; {
		end := at
		for end < size && end-at < most && !used.used(end/usedGranule) {
			end = min(end+usedGranule, size)
		}
		if end == at {
			at += usedGranule
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		b, err := source.view(&buf, at, int(end-at))
		if err != nil {
			return err
		}
		f.add(b, at)
		at = end
	}
	f.table.flush()
	return nil
}

// add makes b, which is at off in the source, known.
func (f *fineIndex) add(b []byte, off int64) {
	betweenRuns(b, 0, len(b), func(lo, hi int) { f.addPart(b[lo:hi], off+int64(lo)) })
}

func (f *fineIndex) addPart(b []byte, off int64) {
	roll := fineRoll{pick: f.pick}
	if !compressible(b) {
		roll.pick = max(roll.pick, densePick)
	}
	for i := roll.next(b, 0); i >= 0; i = roll.next(b, i) {
		if !constant(b[i-fineSize : i]) {
			f.filter.add(spread(roll.h))
			f.table.put(roll.h, off+int64(i)-fineSize)
		}
	}
}

// fineRoll finds the picked places of something.
type fineRoll struct {
	pick  uint
	h     uint64
	known int
}

// next takes up bytes of b from i on, and returns where the 32 bytes of the next picked place end, -1 if there is none.
func (r *fineRoll) next(b []byte, i int) int {
	for ; r.known < fineSize-1 && i < len(b); r.known++ {
		r.h = r.h<<2 + gear[b[i]]
		i++
	}
	h, shift := r.h, 64-r.pick
	for ; i < len(b); i++ {
		h = h<<2 + gear[b[i]]
		if h>>shift == 0 {
			r.h = h
			return i + 1
		}
	}
	return -1
}

// fineFinder finds shorter matches in what the first round left of a window, with the source and with the window.
type fineFinder struct {
	index  *fineIndex
	source *sourceReader
	found  []int64

	t     []byte // the window
	heads [1 << selfLog]uint32
	base  uint32
}

const selfLog = 16

// start makes t the window that places are about.
func (f *fineFinder) start(t []byte) {
	if next := uint64(f.base) + uint64(len(f.t)); next == 0 || next+uint64(len(t)) >= 1<<32 {
		clear(f.heads[:])
		f.base = 1
	} else {
		f.base = uint32(next)
	}
	f.t = t
}

// find appends the matches of the gap from lo to hi to ms, in order, as long as there is room. Gaps come in order.
func (f *fineFinder) find(lo, hi int, ms []match) []match {
	betweenRuns(f.t, lo, hi, func(lo, hi int) { ms = f.findPart(lo, hi, ms) })
	return ms
}

func (f *fineFinder) findPart(lo, hi int, ms []match) []match {
	b := f.t[:hi]
	pick := f.index.pick
	if !compressible(b[lo:]) {
		pick = max(pick, densePick)
	}
	roll := fineRoll{pick: pick}
	for i := roll.next(b, lo); i >= 0 && len(ms) < cap(ms); i = roll.next(b, i) {
		m := f.best(b, lo, i-fineSize, roll.h)
		if m.n < leastFine {
			continue
		}
		ms = append(ms, m)
		lo, i = m.end(), m.end()
		roll = fineRoll{pick: pick}
	}
	return ms
}

// best returns the longest match around the picked place at i of t that does not begin before lo.
func (f *fineFinder) best(t []byte, lo, i int, h uint64) match {
	best := f.inWindow(t, lo, i, h)
	if !f.index.filter.has(spread(h)) {
		return best
	}
	f.found = f.index.table.get(h, f.found[:0])
	for _, src := range f.found {
		n := f.source.ahead(t[i:], src)
		if n < fineSize {
			continue
		}
		back := f.source.behind(t[lo:i], src)
		if n+back >= best.n {
			best = match{pos: i - back, n: back + n, src: src - int64(back)}
		}
	}
	return best
}

// inWindow returns the match with an earlier picked place of the window, and makes this one known.
func (f *fineFinder) inWindow(t []byte, lo, i int, h uint64) match {
	head := &f.heads[spread(h)>>(64-selfLog)]
	last := *head
	*head = f.base + uint32(i)
	if last < f.base {
		return match{} // in an earlier window
	}
	from := int(last - f.base)
	n := samePrefix(t[i:], f.t[from:])
	if n < fineSize {
		return match{}
	}
	back := sameSuffix(t[lo:i], t[:from])
	return match{pos: i - back, n: n + back, src: int64(from - back), self: true}
}
