package vcdiff

import (
	"encoding/binary"
	"math"
	"slices"
)

// emitter makes the sections of a window. It is used for one window after the other.
type emitter struct {
	cache             addressCache
	section           [sections][]byte
	segment, position int64 // length and start of the part of the source that is used
	copied, added     int64
}

// leastRun is the length from which a run of one byte is told as such.
const leastRun = 32

// make makes the sections for window t, of which the matches are to be copied, in order.
func (e *emitter) make(t []byte, ms []match) {
	e.cache = addressCache{steady: true}
	for i := range e.section {
		e.section[i] = e.section[i][:0]
	}
	e.copied, e.added = 0, 0
	literal := len(t)
	for _, m := range ms {
		literal -= m.n
	}
	e.section[dataSection] = slices.Grow(e.section[dataSection], literal)
	e.position, e.segment = span(ms)
	at := 0
	for _, m := range ms {
		e.literals(t[at:m.pos])
		e.copy(m)
		at = m.end()
	}
	e.literals(t[at:])
}

// span returns the part of the source that all matches come from.
func span(ms []match) (position, length int64) {
	lo, hi := int64(math.MaxInt64), int64(0)
	for _, m := range ms {
		if !m.self {
			lo = min(lo, m.src)
			hi = max(hi, m.src+int64(m.n))
		}
	}
	if hi == 0 {
		return 0, 0
	}
	return lo, hi - lo
}

// literals writes what is not copied: runs of one byte, and bytes as they are.
func (e *emitter) literals(b []byte) {
	for start := 0; start < len(b); {
		at, n := nextRun(b, start)
		e.add(b[start:at])
		if n > 0 {
			e.size(codeRun, n)
			e.section[dataSection] = append(e.section[dataSection], b[at])
		}
		start = at + n
	}
}

// nextRun returns where in b, from start on, the next run begins, and how long it is. Without one it is the end.
func nextRun(b []byte, start int) (at, n int) {
	// A run that is long enough holds eight bytes at one of these places.
	for i := start; i+8 <= len(b); i += leastRun / 2 {
		v := binary.LittleEndian.Uint64(b[i:])
		if !oneByte(v) {
			continue
		}
		lo, hi := i, i+runLength(b[i:])
		for lo > start && b[lo-1] == b[i] {
			lo--
		}
		if hi-lo >= leastRun {
			return lo, hi - lo
		}
	}
	return len(b), 0
}

func (e *emitter) add(b []byte) {
	if len(b) == 0 {
		return
	}
	e.added += int64(len(b))
	if len(b) <= 17 {
		e.section[instSection] = append(e.section[instSection], codeAdd+byte(len(b)))
	} else {
		e.size(codeAdd, len(b))
	}
	e.section[dataSection] = append(e.section[dataSection], b...)
}

func (e *emitter) copy(m match) {
	from := m.src - e.position
	if m.self {
		from = m.src + e.segment
	} else {
		e.copied += int64(m.n)
	}
	addr, mode := e.cache.encode(e.section[addrSection], uint64(from), uint64(e.segment)+uint64(m.pos))
	e.section[addrSection] = addr
	code := codeCopy + mode*copyCodes
	if m.n >= 4 && m.n <= 18 {
		e.section[instSection] = append(e.section[instSection], code+byte(m.n)-3)
	} else {
		e.size(code, m.n)
	}
}

// size writes an instruction whose size follows its code.
func (e *emitter) size(code byte, n int) {
	e.section[instSection] = appendVarint(append(e.section[instSection], code), uint64(n))
}
