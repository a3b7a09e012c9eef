package vcdiff

import (
	"encoding/binary"
	"math"
)

// emitter makes the sections of a window. It is used for one window after the other.
type emitter struct {
	cache   addressCache
	section [sections][]byte

	segment, position int64 // length and start of the part of the source that is used
	copied, added     int64
}

// leastRun is the length from which a run of one byte is told as such.
const leastRun = 32

// make makes the sections for window t, of which the matches are to be copied, in order.
func (e *emitter) make(t []byte, ms []match) {
	e.cache = addressCache{}
	for i := range e.section {
		e.section[i] = e.section[i][:0]
	}
	e.copied, e.added = 0, 0
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
	if len(ms) == 0 {
		return 0, 0
	}
	lo, hi := int64(math.MaxInt64), int64(0)
	for _, m := range ms {
		lo = min(lo, m.src)
		hi = max(hi, m.src+int64(m.n))
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
		if v != v>>8|v<<56 {
			continue
		}
		lo, hi := i, i+8
		for lo > start && b[lo-1] == b[i] {
			lo--
		}
		for hi < len(b) && b[hi] == b[i] {
			hi++
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
	e.copied += int64(m.n)
	here := uint64(e.segment) + uint64(m.pos)
	addr, mode := e.cache.encode(e.section[addrSection], uint64(m.src-e.position), here)
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

// head appends all of a window that precedes its sections.
func (e *emitter) head(b []byte, target int, adler uint32) []byte {
	bits := byte(windowAdler)
	if e.segment > 0 {
		bits |= windowSource
	}
	b = append(b, bits)
	if e.segment > 0 {
		b = appendVarint(b, uint64(e.segment))
		b = appendVarint(b, uint64(e.position))
	}
	body := appendVarint(nil, uint64(target))
	body = append(body, 0)
	length := 4
	for _, s := range e.section {
		body = appendVarint(body, uint64(len(s)))
		length += len(s)
	}
	b = appendVarint(b, uint64(len(body)+length))
	b = append(b, body...)
	return binary.BigEndian.AppendUint32(b, adler)
}
