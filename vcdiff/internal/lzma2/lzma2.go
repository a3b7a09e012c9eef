// Package lzma2 reads and writes LZMA2, the chunked form of LZMA inside an xz block, in the dialect that VCDIFF sections
// need: a stream that never ends and whose pieces each hold whole chunks.
//
// The encoder is made for speed on what is left of disk images once the copies are taken out: much of it is compressed
// already, so it looks before it works, and stores what does not pay.
package lzma2

import "errors"

// ErrCorrupt is in the chain of every error about data that is not LZMA2.
var ErrCorrupt = errors.New("corrupt LZMA2 data")

// Control bytes of chunks. The values from controlLZMA on carry bits 16 to 20 of the size in their low five bits.
const (
	controlEnd         = 0x00
	controlStoredReset = 0x01 // stored, with a new dictionary
	controlStored      = 0x02
	controlLZMA        = 0x80 // goes on in the state that the last chunk left
	controlState       = 0xa0 // new state
	controlProps       = 0xc0 // new state and properties
	controlDict        = 0xe0 // new state, properties and dictionary
)

const (
	maxChunk       = 1 << 21 // bytes that an LZMA chunk can stand for
	maxCompressed  = 1 << 16 // bytes of an LZMA chunk
	maxStored      = 1 << 16 // bytes of a stored chunk
	maxPositionLog = 4
	maxLiteralLog  = 4 // literal context and position bits together, in LZMA2

	numStates    = 12
	litStates    = 7 // the states below are those after a literal
	minMatch     = 2
	maxMatch     = 273
	posSlots     = 64
	firstSlot    = 4  // the first slot with more than its own number to tell
	directSlot   = 14 // the first slot with bits of even odds
	alignBits    = 4
	lenStates    = 4
	probInit     = 1 << 10
	probBits     = 11
	probMove     = 5
	rangeTop     = 1 << 24
	literalCodes = 0x300
)

type prob = uint16

// lengthProbs are the odds of match lengths: eight short ones, eight middle ones and 256 long ones.
type lengthProbs struct {
	choice, choice2 prob
	low, mid        [1 << maxPositionLog][8]prob
	high            [256]prob
}

// model is all that adapts while a stream is coded, the same on both sides.
type model struct {
	state uint32
	reps  [4]uint32 // distances less one, most recent first

	isMatch    [numStates][1 << maxPositionLog]prob
	isRep      [numStates]prob
	isRep0Long [numStates][1 << maxPositionLog]prob
	isRepMore  [3][numStates]prob // rep 0 or more, 1 or more, 2 or 3
	slot       [lenStates][posSlots]prob
	special    [128]prob // bit trees of the slots below directSlot, at the distance's base less the slot
	align      [1 << alignBits]prob
	matchLen   lengthProbs
	repLen     lengthProbs
	literal    [literalCodes << maxLiteralLog]prob

	lc, lp, pb uint32
}

// reset forgets what was learned. The properties stay.
func (m *model) reset() {
	lc, lp, pb := m.lc, m.lp, m.pb
	*m = *freshModel
	m.lc, m.lp, m.pb = lc, lp, pb
}

var freshModel = newFreshModel()

func newFreshModel() *model {
	m := new(model)
	fill := func(p []prob) {
		for i := range p {
			p[i] = probInit
		}
	}
	for s := range numStates {
		fill(m.isMatch[s][:])
		fill(m.isRep0Long[s][:])
	}
	fill(m.isRep[:])
	for i := range m.isRepMore {
		fill(m.isRepMore[i][:])
	}
	for i := range m.slot {
		fill(m.slot[i][:])
	}
	fill(m.special[:])
	fill(m.align[:])
	for _, l := range []*lengthProbs{&m.matchLen, &m.repLen} {
		l.choice, l.choice2 = probInit, probInit
		for i := range l.low {
			fill(l.low[i][:])
			fill(l.mid[i][:])
		}
		fill(l.high[:])
	}
	fill(m.literal[:])
	return m
}

// The next state after each kind of symbol.
func afterLiteral(s uint32) uint32 {
	switch {
	case s < 4:
		return 0
	case s < 10:
		return s - 3
	}
	return s - 6
}

func afterOther(s, early, late uint32) uint32 {
	if s < litStates {
		return early
	}
	return late
}

func afterMatch(s uint32) uint32    { return afterOther(s, 7, 10) }
func afterRep(s uint32) uint32      { return afterOther(s, 8, 11) }
func afterShortRep(s uint32) uint32 { return afterOther(s, 9, 11) }

// lenState is the context of a distance: the length of its match.
func lenState(n int) int { return min(n-minMatch, lenStates-1) }

// literalProbs are the odds of the byte at pos that comes after prev.
func (m *model) literalProbs(pos uint32, prev byte) *[literalCodes]prob {
	context := (pos&(1<<m.lp-1))<<m.lc | uint32(prev)>>(8-m.lc)
	return (*[literalCodes]prob)(m.literal[literalCodes*context:])
}
