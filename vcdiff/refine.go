package vcdiff

import "github.com/seed-43fb3962/sstream/vcdiff/internal/lzma2"

// refiner is the second round's search in the gaps that the first round left in a window.
type refiner struct {
	fine  fineFinder
	local localFinder
}

// refine returns the matches of the first round and what is found between them, in order.
func (r *refiner) refine(t []byte, p *plannedWindow) []match {
	var found []match
	r.fine.start(t)
	gaps(p.matches, len(t), func(lo, hi int) { found = r.fine.find(lo, hi, found) }, func(match) {})
	ms := settled(p, p.matches, found)

	found = found[:0]
	next, before := 0, p.before
	gaps(ms, len(t), func(lo, hi int) {
		after := before + int64(hi-lo)
		if next < len(ms) && !ms[next].self {
			after = ms[next].src
		}
		betweenRuns(t, lo, hi, func(lo, hi int) {
			if hi-lo >= leastGap && compressible(t[lo:hi]) {
				found = r.local.find(t, lo, hi, before, after, found)
			}
		})
	}, func(m match) {
		if next++; !m.self {
			before = m.src + int64(m.n)
		}
	})
	return settled(p, ms, found)
}

// settled returns those of ms and others that the stock decoder copies without undue effort, in order.
func settled(p *plannedWindow, ms, others []match) []match {
	all := make([]match, 0, len(ms)+len(others))
	for _, m := range ms {
		for len(others) > 0 && others[0].pos < m.pos {
			all = append(all, others[0])
			others = others[1:]
		}
		all = append(all, m)
	}
	cache := p.cache
	return newRation(&cache, p.free).filter(append(all, others...))
}

// gaps calls gap for each part of a window of n bytes that lies between the matches, and each for these, in order.
func gaps(ms []match, n int, gap func(lo, hi int), each func(m match)) {
	at := 0
	for _, m := range ms {
		if m.pos > at {
			gap(at, m.pos)
		}
		each(m)
		at = m.end()
	}
	if n > at {
		gap(at, n)
	}
}

// compressible says whether b may have something in common with anything by chance: compressed data has not.
func compressible(b []byte) bool {
	const enough = 16 << 10
	if len(b) < 1<<10 {
		return true
	}
	return lzma2.Entropy(b[:min(len(b), enough)]) < 7.9
}
