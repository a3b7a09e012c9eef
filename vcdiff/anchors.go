package vcdiff

import (
	"context"
)

// anchors knows the source by 64 bytes at every step. It is enough to find whatever the target has in common with the
// source for a length of step and some, wherever it went.
type anchors struct {
	step   int64
	filter *filter
	table  *hashTable
}

const anchorStep = 4 << 10

// newAnchors returns what knows nothing yet of a source of the given size. The table, which has to be freed, takes at most
// limit bytes; for a source that needs more the steps are longer.
func newAnchors(size, limit int64) *anchors {
	step := int64(anchorStep)
	for size/step*16 > limit {
		step *= 2
	}
	return &anchors{step: step, filter: new(filter), table: newHashTable(size/step+1, limit)}
}

// read reads the whole source.
func (a *anchors) read(ctx context.Context, source *input) error {
	size, step := source.size, a.step
	var buf []byte
	most := max(1<<20, step)
	for at := int64(0); at+anchorSize <= size; at += most {
		if err := ctx.Err(); err != nil {
			return err
		}
		b, err := source.view(&buf, at, int(min(most, size-at)))
		if err != nil {
			return err
		}
		for off := int64(0); off+anchorSize <= int64(len(b)); off += step {
			if here := b[off : off+anchorSize]; !constant(here) {
				h := gearHash(here)
				a.filter.add(h)
				a.table.put(h, (at+off)/step)
			}
		}
	}
	a.table.flush()
	return nil
}

// constant says whether b is one byte over and over: such places are too many to be of use.
func constant(b []byte) bool {
	return string(b[1:]) == string(b[:len(b)-1])
}

// coarseFinder finds the long matches of windows of the target.
type coarseFinder struct {
	anchors *anchors
	source  *sourceReader
	least   int // bytes of the shortest match that is kept
	found   []int64
}

const (
	leastCoarse = 2 * anchorSize
	// After a match the target may go on as the source does, a few changed bytes later.
	resumeSpan  = 4 << 10
	resumeStep  = 8
	leastResume = 32
)

// find appends the matches of window t to ms, in order, as long as there is room. They do not overlap.
func (f *coarseFinder) find(t []byte, ms []match) []match {
	free := 0 // where the last match ends
	betweenRuns(t, 0, len(t), func(lo, hi int) {
		// Anchors may reach into the runs on both sides.
		ms, free = f.scan(t, max(free, lo-anchorSize+1), min(hi+anchorSize-1, len(t)), free, ms)
	})
	return ms
}

// scan appends the matches around anchors that lie in t from i to end to ms. It takes and returns where the last ends.
func (f *coarseFinder) scan(t []byte, i, end, free int, ms []match) ([]match, int) {
	h, known := uint64(0), 0
	for i < end && len(ms) < cap(ms) {
		i, h, known = f.roll(t[:end], i, h, known)
		if i == end {
			break
		}
		m := f.best(t, free, i-anchorSize, h)
		if m.n < f.least {
			continue
		}
		for m.n > 0 && len(ms) < cap(ms) {
			ms = append(ms, m)
			free = m.end()
			m = f.resume(t, m)
		}
		i, h, known = free, 0, 0
	}
	return ms, free
}

// roll takes up bytes of t from i on until their hash may be that of an anchor, and returns where that anchor ends.
// known is the number of bytes, up to 64, that h stands for.
func (f *coarseFinder) roll(t []byte, i int, h uint64, known int) (int, uint64, int) {
	for ; known < anchorSize-1 && i < len(t); known++ {
		h = h<<1 + gear[t[i]]
		i++
	}
	filter := f.anchors.filter
	for ; i < len(t); i++ {
		h = h<<1 + gear[t[i]]
		if filter.has(h) {
			return i + 1, h, known
		}
	}
	return i, h, known
}

// best returns the longest match around the 64 bytes at i, whose hash is h, that does not begin before free.
func (f *coarseFinder) best(t []byte, free, i int, h uint64) match {
	var best match
	f.found = f.anchors.table.get(h, f.found[:0])
	for _, number := range f.found {
		src := number * f.anchors.step
		n := f.source.ahead(t[i:], src)
		if n < anchorSize {
			continue
		}
		back := f.source.behind(t[free:i], src)
		if n+back > best.n {
			best = match{pos: i - back, n: back + n, src: src - int64(back)}
		}
	}
	return best
}

// resume returns the match that goes on where m would if some bytes were the same, one of no length if there is none.
func (f *coarseFinder) resume(t []byte, m match) match {
	shift := m.ahead()
	end := min(m.end()+resumeSpan, len(t)-leastResume)
	for i := m.end() + 1; i < end; i += resumeStep {
		src := f.source.from(int64(i) + shift)
		if src == nil {
			break
		}
		if len(src) >= 8 && string(src[:8]) != string(t[i:i+8]) {
			continue
		}
		n := f.source.ahead(t[i:], int64(i)+shift)
		back := f.source.behind(t[m.end():i], int64(i)+shift)
		if n+back >= leastResume {
			return match{pos: i - back, n: n + back, src: int64(i-back) + shift}
		}
	}
	return match{}
}
