package lzma2

import "encoding/binary"

// Encoder compresses segments of streams, one after the other.
type Encoder struct {
	f    finder
	r    rangeEncoder
	m    model
	far  []farMatch // of the segment, those that end before here left out
	at   int        // where in the segment the next chunk begins
	from int        // where its piece begins
	end  int        // and ends
	miss int        // positions since the last match

	efforts []Effort // of the blocks of the piece

	needDict, needProps, needState bool
	scratch                        []byte
}

// The properties that all is written with: three bits of the byte before as context, positions modulo four.
const (
	encodeLC    = 3
	encodePB    = 2
	encodeProps = encodePB*45 + encodeLC
)

// Start makes g what Next compresses, piece by piece.
func (e *Encoder) Start(g *Segment) {
	e.f.start(g.src, g.known, g.dict)
	e.far = g.far
	e.m.lc, e.m.lp, e.m.pb = encodeLC, 0, encodePB
	e.needDict, e.needProps, e.needState = g.first, true, true
	e.at, e.end, e.miss = g.from, g.from, 0
}

// Piece makes the next n bytes of the segment what Next compresses, with the efforts that Look asked for.
func (e *Encoder) Piece(n int, efforts []Effort) {
	e.from, e.end, e.efforts = e.end, e.end+n, efforts
}

// Next appends some chunks to dst, of which the first of a stream has a new dictionary. It works for less than a tenth of
// a second, and returns false if nothing is left of the piece.
func (e *Encoder) Next(dst []byte) ([]byte, bool) {
	if e.at == e.end {
		return dst, false
	}
	effort, end := run(e.efforts, e.at-e.from, e.end-e.from)
	if end += e.from; effort == Stored {
		dst, e.at = e.store(dst, e.at, end), end
	} else {
		dst, e.at = e.chunk(dst, e.at, end, effort)
	}
	return dst, true
}

// Encode appends all of src to dst as the chunks of a stream of its own.
func (e *Encoder) Encode(dst, src []byte) []byte {
	efforts := e.Look(src, nil)
	if efforts == nil {
		efforts = make([]Effort, len(src)/blockSize+1)
	}
	s := NewStream(max(len(src), 1<<12), 0)
	defer s.Close()
	s.Add(src, efforts)
	g := s.Cut()
	defer g.Release()
	e.Start(g)
	e.Piece(len(src), efforts)
	for more := true; more; {
		dst, more = e.Next(dst)
	}
	return dst
}

// store appends stored chunks.
func (e *Encoder) store(dst []byte, i, end int) []byte {
	for i < end {
		n := min(maxStored, end-i)
		control := byte(controlStored)
		if e.needDict {
			control = controlStoredReset
			e.needDict = false
		}
		dst = append(dst, control)
		dst = binary.BigEndian.AppendUint16(dst, uint16(n-1))
		dst = append(dst, e.f.src[i:i+n]...)
		i += n
	}
	e.needState = true
	return dst
}

// chunk appends a chunk of what begins at i and says where it ends, at most at end.
func (e *Encoder) chunk(dst []byte, i, end int, effort Effort) ([]byte, int) {
	if e.needState {
		e.m.reset()
	}
	e.r.start(e.scratch[:0])
	compress := e.matched
	if effort == Literals {
		compress = e.literals
	}
	to := compress(i, min(end, i+maxChunk-maxMatch))
	packed := e.r.finish()
	e.scratch = packed
	if len(packed) >= to-i {
		return e.store(dst, i, to), to
	}
	n := uint32(to - i - 1)
	head := byte(controlLZMA)
	switch {
	case e.needDict:
		head = controlDict
	case e.needProps:
		head = controlProps
	case e.needState:
		head = controlState
	}
	dst = append(dst, head|byte(n>>16))
	dst = binary.BigEndian.AppendUint16(dst, uint16(n))
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(packed)-1))
	if e.needProps {
		dst = append(dst, encodeProps)
	}
	e.needDict, e.needProps, e.needState = false, false, false
	return append(dst, packed...), to
}

// full is the size of a chunk to which one symbol, and the end, can still be added.
const full = maxCompressed - 64

// literals codes what begins at i byte by byte until a chunk is full, and says where it stopped, at most at end.
func (e *Encoder) literals(i, end int) int {
	for ; i < end && len(e.r.out) < full; i++ {
		e.literal(i)
	}
	return i
}

// matched codes what begins at i until a chunk is full, and says where it stopped, at most at end.
func (e *Encoder) matched(i, end int) int {
	length, dist := 0, 0
	found := false // length and dist are those at i
	for i < end && len(e.r.out) < full {
		if !found {
			length, dist = e.find(i)
		}
		found = false
		which, repLength := e.longestRep(i, end)
		length = min(length, end-i)
		if worthRep(repLength, length, dist) {
			e.rep(i, which, repLength)
			e.f.insertAll(i+1, i+repLength)
			i += repLength
			continue
		}
		if !worthMatch(length, dist) {
			e.literal(i)
			i++
			continue
		}
		if length < lazyMatch && i+1 < end {
			// One byte later there may be a better one.
			next, nextDist := e.find(i + 1)
			_, nextRep := e.longestRep(i+1, end)
			if better(next, nextDist, length, dist) || nextRep >= max(minMatch, length-1) {
				e.literal(i)
				i++
				length, dist, found = next, nextDist, true
				continue
			}
			e.match(i, length, dist)
			e.f.insertAll(i+2, i+length)
		} else {
			e.match(i, length, dist)
			e.f.insertAll(i+1, i+length)
		}
		i += length
	}
	return i
}

// find is the best match that is known at i. After many misses it looks at few positions only: most likely there is
// nothing.
func (e *Encoder) find(i int) (length, dist int) {
	far := e.farMatch(i)
	if far.n < niceMatch && e.miss > 256 && i%min(e.miss/256+1, 16) != 0 {
		e.miss++
		return 0, 0
	}
	e.miss++
	if far.n >= niceMatch {
		e.f.insertAll(i, i+1)
	} else {
		length, dist = e.f.find(i)
	}
	if far.n > length+1 { // one byte does not pay for the distance
		length, dist = min(far.n, maxMatch), far.dist
	}
	if length > 0 {
		e.miss = 0
	}
	return length, dist
}

// farMatch is what is left at i of a match from afar, of no length if there is none.
func (e *Encoder) farMatch(i int) farMatch {
	for len(e.far) > 0 && int(e.far[0].at)+e.far[0].n <= i {
		e.far = e.far[1:]
	}
	if len(e.far) == 0 || int(e.far[0].at) > i {
		return farMatch{}
	}
	m := e.far[0]
	m.n -= i - int(m.at)
	return m
}

// worthMatch says whether a match beats literals.
func worthMatch(length, dist int) bool {
	switch length {
	case 0, 1, 2:
		return false
	case 3:
		return dist <= 1<<12
	case 4:
		return dist <= 1<<16
	}
	return true
}

// worthRep says whether a match at a recent distance, which needs no distance told, beats a literal and another match.
func worthRep(rep, length, dist int) bool {
	switch {
	case rep < minMatch:
		return false
	case dist > 1<<15:
		return rep+3 >= length
	case dist > 1<<9:
		return rep+2 >= length
	}
	return rep+1 >= length
}

// better says whether a match one byte later is worth the literal before it.
func better(next, nextDist, length, dist int) bool {
	gain := 4*(next-length) - costBits(nextDist) + costBits(dist)
	return next > 2 && gain > 4
}

// costBits is about what a distance costs.
func costBits(dist int) int {
	_, open := distanceSlot(uint32(dist))
	return open
}

func (e *Encoder) longestRep(i, end int) (which, length int) {
	here := e.f.src[i:min(i+maxMatch, end)]
	for k, rep := range e.m.reps {
		from := i - int(rep) - 1
		if from < 0 || e.f.src[from] != here[0] {
			continue
		}
		if n := same(e.f.src[from:], here); n > length {
			which, length = k, n
		}
	}
	return which, length
}

func (e *Encoder) literal(i int) {
	m := &e.m
	src := e.f.src
	e.r.bit(&m.isMatch[m.state][i&(1<<m.pb-1)], 0)
	var prev byte
	if i > 0 {
		prev = src[i-1]
	}
	probs := m.literalProbs(uint32(i), prev)
	if m.state < litStates {
		e.r.literal(probs, src[i])
	} else {
		e.r.matchedLiteral(probs, src[i], src[i-1-int(m.reps[0])])
	}
	m.state = afterLiteral(m.state)
}

func (e *Encoder) match(i, length, dist int) {
	m := &e.m
	at := uint32(i) & (1<<m.pb - 1)
	e.r.bit(&m.isMatch[m.state][at], 1)
	e.r.bit(&m.isRep[m.state], 0)
	e.r.length(&m.matchLen, at, length)
	e.r.distance(m, lenState(length), uint32(dist-1))
	m.reps = [4]uint32{uint32(dist - 1), m.reps[0], m.reps[1], m.reps[2]}
	m.state = afterMatch(m.state)
}

func (e *Encoder) rep(i, which, length int) {
	m, s := &e.m, e.m.state
	at := uint32(i) & (1<<m.pb - 1)
	e.r.bit(&m.isMatch[s][at], 1)
	e.r.bit(&m.isRep[s], 1)
	if which == 0 {
		e.r.bit(&m.isRepMore[0][s], 0)
		e.r.bit(&m.isRep0Long[s][at], 1)
	} else {
		e.r.bit(&m.isRepMore[0][s], 1)
		e.r.bit(&m.isRepMore[1][s], uint32(min(which-1, 1)))
		if which > 1 {
			e.r.bit(&m.isRepMore[2][s], uint32(which-2))
		}
		m.useRep(which)
	}
	e.r.length(&m.repLen, at, length)
	m.state = afterRep(s)
}
