package lzma2

import (
	"slices"
	"sync"

	"github.com/seed-43fb3962/sstream/vcdiff/internal/offheap"
)

// Stream is what one LZMA2 stream holds, as far back as its dictionary goes. Its pieces are added in order; then any
// number of encoders compress segments of it at the same time. Each has a model of its own, and needs to know only what
// bytes came before, not how they were compressed.
type Stream struct {
	dict, slack int
	far         farFinder

	halves  [2]half
	current int
	base    int64 // the place in the stream of the first byte of the current half, a multiple of 16
	cut     int   // where in the current half the open segment begins
	matches []farMatch
	matched []span // of the current half, from shortly before the open segment on
}

// span is a part of what a stream holds that is compressed by what it repeats. In others encoders find nothing.
type span struct{ from, end int }

// half is a buffer that is filled while encoders may still be reading the other one.
type half struct {
	buf   []byte
	users sync.WaitGroup
}

// NewStream returns an empty stream. It holds up to twice dict and slack bytes, and waits for encoders only when what
// was added before the last slack bytes is still being compressed. dict is at least 4 KiB. It has to be closed.
func NewStream(dict, slack int) *Stream {
	return &Stream{dict: dict, slack: slack, far: farFinder{dict: dict}}
}

// StreamMemory is about the most that a stream takes, in bytes.
func StreamMemory(dict, slack int) int64 {
	return 2*(int64(dict)+int64(slack)) + int64(dict)/2 // the halves, and the finder's table
}

// Begun says whether anything was added.
func (s *Stream) Begun() bool { return s.base > 0 || len(s.halves[s.current].buf) > 0 }

// Add appends a piece to the open segment, of which Encoder.Look says how it is to be compressed.
func (s *Stream) Add(b []byte, efforts []Effort) {
	h := &s.halves[s.current]
	if len(h.buf)+len(b) > s.dict+s.slack {
		h = s.turn()
	}
	h.grow(len(b), s.dict+s.slack)
	at := len(h.buf)
	h.buf = append(h.buf, b...)
	for i := 0; i < len(b); {
		effort, end := run(efforts, i, len(b))
		if effort == Matched {
			s.matches = s.far.find(h.buf[:at+end], at+i, s.base, s.matches)
			s.matched = append(s.matched, span{at + i, at + end})
		}
		i = end
	}
}

// turn goes over to the other half with all that is still of use.
func (s *Stream) turn() *half {
	from := &s.halves[s.current]
	s.current = 1 - s.current
	to := &s.halves[s.current]
	to.users.Wait()
	keep := max(0, s.cut-s.dict) &^ 15
	to.buf = to.buf[:0]
	to.grow(len(from.buf)-keep, s.dict+s.slack)
	to.buf = append(to.buf, from.buf[keep:]...)
	s.base += int64(keep)
	s.cut -= keep
	for i := range s.matched {
		s.matched[i].from -= keep
		s.matched[i].end -= keep
	}
	return to
}

// grow makes room for n more bytes, and at once for the most that there will be, of which memory is taken as it is used.
func (h *half) grow(n, most int) {
	if need := len(h.buf) + n; need > cap(h.buf) {
		old := h.buf
		h.buf = append(offheap.Make[byte](max(need, most))[:0], old...)
		offheap.Free(old) // only a half that no encoder reads has to become larger than most
	}
}

// Close frees what the stream holds, after all segments were released.
func (s *Stream) Close() {
	for i := range s.halves {
		offheap.Free(s.halves[i].buf)
		s.halves[i].buf = nil
	}
	offheap.Free(s.far.table)
	s.far.table = nil
}

// Segment is a part of a stream that is compressed from a new state on.
type Segment struct {
	src   []byte // with what comes before, as far as the dictionary goes
	from  int    // where it begins
	dict  int
	first bool
	far   []farMatch // that begin in it, counted as in src
	known []span     // shortly before it, counted as in src; none if nothing in it is matched
	users *sync.WaitGroup
}

// Cut ends the open segment, which is all since the last call. It has to be released.
func (s *Stream) Cut() *Segment {
	h := &s.halves[s.current]
	lo := max(0, s.cut-s.dict) &^ 15
	g := &Segment{src: h.buf[lo:len(h.buf):len(h.buf)], from: s.cut - lo, dict: s.dict, users: &h.users}
	g.first = s.base == 0 && s.cut == 0
	g.far = slices.Clone(s.matches)
	for i := range g.far {
		g.far[i].at -= s.base + int64(lo)
	}
	g.known = s.known(lo)
	s.cut, s.matches = len(h.buf), s.matches[:0]
	h.users.Add(1)
	return g
}

// known returns what encoders of the open segment have to know of what is shortly before it, counted from lo on.
func (s *Stream) known(lo int) []span {
	least := max(lo, s.cut-near)
	s.matched = slices.DeleteFunc(s.matched, func(p span) bool { return p.end <= least })
	if n := len(s.matched); n == 0 || s.matched[n-1].end <= s.cut {
		return nil // nothing in it is matched
	}
	var known []span
	for _, p := range s.matched {
		if from, end := max(p.from, least), min(p.end, s.cut); from < end {
			known = append(known, span{from - lo, end - lo})
		}
	}
	return known
}

// Release says that g is compressed.
func (g *Segment) Release() { g.users.Done() }
