package vcdiff

import (
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"
)

// match says that n bytes at pos in the target window are those at src in the source, or in the window itself.
type match struct {
	pos, n int
	src    int64
	self   bool // src is a place in the window, before pos
}

func (m match) end() int { return m.pos + m.n }

// ahead says how much farther in the source than in the target window m is.
func (m match) ahead() int64 { return m.src - int64(m.pos) }

// mostMatches is how many matches there is room for in a window. Code in which every pointer has changed has fewer.
func mostMatches(window int) int { return max(window/32, 4<<10) }

// samePrefix says how many bytes a and b have in common at their start.
func samePrefix(a, b []byte) int {
	n := min(len(a), len(b))
	i := 0
	for ; i+256 <= n && string(a[i:i+256]) == string(b[i:i+256]); i += 256 {
	}
	for ; i+8 <= n; i += 8 {
		if x := binary.LittleEndian.Uint64(a[i:]) ^ binary.LittleEndian.Uint64(b[i:]); x != 0 {
			return i + bits.TrailingZeros64(x)/8
		}
	}
	for i < n && a[i] == b[i] {
		i++
	}
	return i
}

// sameSuffix says how many bytes a and b have in common at their end.
func sameSuffix(a, b []byte) int {
	n := min(len(a), len(b))
	a, b = a[len(a)-n:], b[len(b)-n:]
	for ; n >= 256 && string(a[n-256:n]) == string(b[n-256:n]); n -= 256 {
	}
	for ; n >= 8; n -= 8 {
		if x := binary.LittleEndian.Uint64(a[n-8:]) ^ binary.LittleEndian.Uint64(b[n-8:]); x != 0 {
			return len(a) - n + bits.LeadingZeros64(x)/8
		}
	}
	for n > 0 && a[n-1] == b[n-1] {
		n--
	}
	return len(a) - n
}

// ahead says how many bytes of t are those at off in the source.
func (s *sourceReader) ahead(t []byte, off int64) int {
	n := 0
	for n < len(t) {
		b := s.from(off + int64(n))
		same := samePrefix(t[n:], b)
		n += same
		if same < len(b) || len(b) == 0 {
			break
		}
	}
	return n
}

// behind says how many bytes at the end of t are those before off in the source.
func (s *sourceReader) behind(t []byte, off int64) int {
	n := 0
	for n < len(t) {
		b := s.upTo(off - int64(n))
		same := sameSuffix(t[:len(t)-n], b)
		n += same
		if same < len(b) || len(b) == 0 {
			break
		}
	}
	return n
}

// maxSegment is the most that addresses in a window may reach: stock xdelta3 counts them in 32 bits.
const maxSegment = 1<<32 - 1

// within returns those matches that lie in one part of the source of the given length: the part from which most bytes
// are copied. Others are taken out of ms, which stays in order.
func within(ms []match, length int64) []match {
	if _, n := span(ms); n <= length {
		return ms
	}
	bySource := slices.DeleteFunc(slices.Clone(ms), func(m match) bool { return m.self })
	slices.SortFunc(bySource, func(a, b match) int { return cmp.Compare(a.src, b.src) })
	var lo, best int64
	sum, first := 0, 0
	most := -1
	for _, m := range bySource {
		sum += m.n
		for ; bySource[first].src < m.src+int64(m.n)-length; first++ {
			sum -= bySource[first].n
		}
		if lo = bySource[first].src; sum > most {
			most, best = sum, lo
		}
	}
	return slices.DeleteFunc(ms, func(m match) bool {
		return !m.self && (m.src < best || m.src+int64(m.n) > best+length)
	})
}
