package vcdiff

import "github.com/seed-43fb3962/sstream/vcdiff/internal/lzma2"

// refiner is the second round's search in the gaps that the first round left in a window.
type refiner struct {
	fine  fineFinder
	local localFinder

	found []match // room for what one search finds
}

// refine returns the matches of the first round and what is found between them, in order: where the former were.
func (r *refiner) refine(t []byte, p *plannedWindow, ms []match) []match {
	found := r.found[: 0 : cap(r.found)-len(ms)]
	r.fine.start(t)
	gaps(ms, len(t), func(lo, hi int) { found = r.fine.find(lo, hi, found) }, func(match) {})
	ms = p.settled(merged(ms, found))

	found = r.found[: 0 : cap(r.found)-len(ms)]
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
	return p.settled(merged(ms, found))
}

// merged adds others to ms, which has room for them. Both are in order, and so is what is returned.
func merged(ms, others []match) []match {
	all := append(ms, others...)
	for i, k := len(ms)-1, len(others)-1; k >= 0; {
		if i >= 0 && ms[i].pos > others[k].pos {
			all[i+k+1] = ms[i]
			i--
		} else {
			all[i+k+1] = others[k]
			k--
		}
	}
	return all
}

// settled keeps those of ms that the stock decoder copies without undue effort.
func (p *plannedWindow) settled(ms []match) []match {
	cache := p.cache
	return newRation(&cache, p.free).filter(ms)
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
