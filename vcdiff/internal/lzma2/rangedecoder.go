package lzma2

// rangeDecoder reads the bits of one chunk. Beyond the end of the chunk it reads zeros, and finished says no.
type rangeDecoder struct {
	src       []byte
	pos       int
	rng, code uint32
}

func (r *rangeDecoder) start() bool {
	if len(r.src) < 5 || r.src[0] != 0 {
		return false
	}
	r.rng = 1<<32 - 1
	for _, b := range r.src[1:5] {
		r.code = r.code<<8 | uint32(b)
	}
	r.pos = 5
	return r.code < r.rng
}

func (r *rangeDecoder) finished() bool {
	r.normalize()
	return r.pos == len(r.src) && r.code == 0
}

func (r *rangeDecoder) normalize() {
	if r.rng < rangeTop {
		r.rng <<= 8
		r.code <<= 8
		if r.pos < len(r.src) {
			r.code |= uint32(r.src[r.pos])
		}
		r.pos++
	}
}

func (r *rangeDecoder) bit(p *prob) uint32 {
	r.normalize()
	bound := (r.rng >> probBits) * uint32(*p)
	if r.code < bound {
		r.rng = bound
		*p += (1<<probBits - *p) >> probMove
		return 0
	}
	r.rng -= bound
	r.code -= bound
	*p -= *p >> probMove
	return 1
}

// literal is eight times bit, with all that it needs in registers and no branch on what it reads, as what it reads
// is often random.
func (r *rangeDecoder) literal(probs *[literalCodes]prob) byte {
	rng, code, pos := r.rng, r.code, r.pos
	symbol := uint32(1)
	for range 8 {
		if rng < rangeTop {
			rng <<= 8
			code <<= 8
			if pos < len(r.src) {
				code |= uint32(r.src[pos])
			}
			pos++
		}
		p := &probs[symbol&0xff]
		bound := (rng >> probBits) * uint32(*p)
		// one is all ones if the bit is 1
		one := ^uint32(int32(int64(uint64(code)-uint64(bound)) >> 32))
		rng = bound + one&(rng-2*bound)
		code -= bound & one
		goal := (1<<probBits)&^one | (1<<probMove-1)&one
		*p = prob(int32(*p) + (int32(goal)-int32(*p))>>probMove)
		symbol = symbol<<1 - one
	}
	r.rng, r.code, r.pos = rng, code, pos
	return byte(symbol)
}

// matchedLiteral reads a byte of which match, the byte at the last distance, is a hint: it differs from that one.
func (r *rangeDecoder) matchedLiteral(probs *[literalCodes]prob, match byte) byte {
	symbol, offset, m := uint32(1), uint32(0x100), uint32(match)
	for symbol < 0x100 {
		m <<= 1
		hint := m & offset
		b := r.bit(&probs[offset+hint+symbol])
		symbol = symbol<<1 | b
		if b == 0 {
			offset &^= hint
		} else {
			offset &= hint
		}
	}
	return byte(symbol)
}

// tree reads bits, most significant first.
func (r *rangeDecoder) tree(probs []prob, bits int) uint32 {
	symbol := uint32(1)
	for range bits {
		symbol = symbol<<1 | r.bit(&probs[symbol])
	}
	return symbol - 1<<bits
}

// reverseTree reads bits, least significant first. The probabilities start at probs[base+1].
func (r *rangeDecoder) reverseTree(probs []prob, base uint32, bits int) uint32 {
	symbol, v := uint32(1), uint32(0)
	for i := range bits {
		b := r.bit(&probs[base+symbol])
		symbol = symbol<<1 | b
		v |= b << i
	}
	return v
}

// direct reads bits of even odds.
func (r *rangeDecoder) direct(bits int) uint32 {
	var v uint32
	for range bits {
		r.normalize()
		r.rng >>= 1
		r.code -= r.rng
		sign := uint32(int32(r.code) >> 31) // all ones if the bit is 0
		r.code += r.rng & sign
		v = v<<1 + sign + 1
	}
	return v
}

func (r *rangeDecoder) length(l *lengthProbs, at uint32) int {
	if r.bit(&l.choice) == 0 {
		return minMatch + int(r.tree(l.low[at][:], 3))
	}
	if r.bit(&l.choice2) == 0 {
		return minMatch + 8 + int(r.tree(l.mid[at][:], 3))
	}
	return minMatch + 16 + int(r.tree(l.high[:], 8))
}

// distance reads a distance, less one.
func (r *rangeDecoder) distance(m *model, state int) uint32 {
	slot := r.tree(m.slot[state][:], 6)
	if slot < firstSlot {
		return slot
	}
	bits := int(slot/2 - 1)
	base := (2 | slot&1) << bits
	if slot < directSlot {
		return base + r.reverseTree(m.special[:], base-slot, bits)
	}
	return base + r.direct(bits-alignBits)<<alignBits + r.reverseTree(m.align[:], 0, alignBits)
}
