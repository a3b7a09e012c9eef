package vcdiff

import (
	"encoding/binary"
)

// localFinder finds short matches for a gap between two copies, in the source near to what these copy.
type localFinder struct {
	source *sourceReader
	heads  [1 << localLog]uint32 // the last place of each eight bytes, counted over all that was ever looked at
	base   uint32                // the count at the start of buf
	buf    []byte                // the neighbourhood, with room for localRoom bytes
	parts  []part
}

// part is a piece of the source, at from to end of the buffer.
type part struct {
	src       int64
	from, end int
}

const (
	localLog    = 16
	localWord   = 8       // bytes that are hashed
	leastLocal  = 24      // bytes of the shortest match that is kept
	leastNear   = 16      // if it is about as far ahead as the one before: then so is most of its address
	nearAhead   = 1 << 8  // what that means
	leastSteady = 8       // if it is as far ahead, which costs next to nothing to tell
	leastGap    = 16      // gaps that are shorter are not looked at
	localSpan   = 1 << 20 // the most that is looked at on one side
	leastReach  = 256
	mostReach   = 64 << 10
	localRoom   = 2 * (localSpan + 2*mostReach)
)

// find appends the matches of t[lo:hi] to ms, in order, as long as there is room. The source matches the target up to before, and again from after.
// New programs differ from old ones in the addresses that they hold, every few bytes, and go on in step between these:
// so what lies as far ahead as in the match before is preferred.
func (l *localFinder) find(t []byte, lo, hi int, before, after int64, ms []match) []match {
	l.gather(hi-lo, before, after)
	if len(l.buf) < localWord {
		return ms
	}
	l.index()
	ahead := before - int64(lo)
	free := lo
	for i := lo; i+localWord <= hi && len(ms) < cap(ms); {
		v := binary.LittleEndian.Uint64(t[i:])
		if oneByte(v) {
			i += runLength(t[i:hi])
			continue
		}
		m := l.steady(t, free, hi, i, v, ahead)
		if m.n < leastSteady {
			m = l.known(t, free, hi, i, v)
			if m.n < leastNear || m.n < leastLocal && max(m.ahead()-ahead, ahead-m.ahead()) > nearAhead {
				i += 1 + (i-free)>>7
				continue
			}
		}
		ms = append(ms, m)
		free, i = m.end(), m.end()
		ahead = m.ahead()
	}
	return ms
}

// steady returns the match of t[i:], which begins with v, with what is so far ahead in the source, one of no length if
// there is none.
func (l *localFinder) steady(t []byte, lo, hi, i int, v uint64, ahead int64) match {
	at := l.place(int64(i) + ahead)
	if at < 0 || at+localWord > len(l.buf) || binary.LittleEndian.Uint64(l.buf[at:]) != v {
		return match{}
	}
	return l.extend(t, lo, hi, i, at)
}

// known returns the match of t[i:], which begins with v, with the last place that has the same eight bytes.
func (l *localFinder) known(t []byte, lo, hi, i int, v uint64) match {
	at := l.heads[localHash(v)]
	if at < l.base {
		return match{}
	}
	return l.extend(t, lo, hi, i, int(at-l.base))
}

// place says where in the buffer a place of the source is, -1 if it is not there.
func (l *localFinder) place(src int64) int {
	for _, p := range l.parts {
		if d := src - p.src; d >= 0 && d < int64(p.end-p.from) {
			return p.from + int(d)
		}
	}
	return -1
}

// gather reads the neighbourhood of a gap of n bytes.
func (l *localFinder) gather(n int, before, after int64) {
	l.advance()
	reach := int64(min(max(n, leastReach), mostReach))
	span := int64(min(n, localSpan))
	if d := after - before; d >= 0 && d <= span+mostReach {
		l.read(before-reach, after+reach)
		return
	}
	l.read(before-reach, before+span+reach)
	l.read(after-span-reach, after+reach)
}

// advance makes all that is known too old to be found.
func (l *localFinder) advance() {
	next := uint64(l.base) + uint64(len(l.buf))
	if next == 0 || next > 1<<31 {
		clear(l.heads[:])
		next = 1
	}
	l.base, l.buf, l.parts = uint32(next), l.buf[:0], l.parts[:0]
}

// read adds a piece of the source to the neighbourhood.
func (l *localFinder) read(from, to int64) {
	from, to = max(from, 0), min(to, l.source.size)
	if from >= to {
		return
	}
	at, n := len(l.buf), int(to-from)
	l.buf = l.buf[:at+n]
	if l.source.read(l.buf[at:], from) == nil {
		l.parts = append(l.parts, part{src: from, from: at, end: at + n})
	}
}

func localHash(v uint64) uint64 { return v * 0x9fb21c651e98df25 >> (64 - localLog) }

func (l *localFinder) index() {
	for i := 0; i+localWord <= len(l.buf); i++ {
		if v := binary.LittleEndian.Uint64(l.buf[i:]); !oneByte(v) {
			l.heads[localHash(v)] = l.base + uint32(i)
		}
	}
}

// extend returns the match of t[i:] with what is at place at of the neighbourhood, both ways.
func (l *localFinder) extend(t []byte, lo, hi, i, at int) match {
	for _, p := range l.parts {
		if at < p.from || at >= p.end {
			continue
		}
		n := samePrefix(t[i:hi], l.buf[at:p.end])
		if n < localWord {
			break
		}
		back := sameSuffix(t[lo:i], l.buf[p.from:at])
		return match{pos: i - back, n: n + back, src: p.src + int64(at-p.from-back)}
	}
	return match{}
}
