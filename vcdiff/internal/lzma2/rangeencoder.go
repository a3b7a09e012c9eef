package lzma2

// rangeEncoder appends the bits of one chunk to out, which begins with a zero byte that catches no carry in the end.
type rangeEncoder struct {
	out []byte
	low uint64 // the next 32 bits of output, with the carry above them
	rng uint32
}

func (r *rangeEncoder) start(out []byte) {
	r.out, r.low, r.rng = append(out, 0), 0, 1<<32-1
}

// finish returns all that was encoded.
func (r *rangeEncoder) finish() []byte {
	for range 4 {
		r.shift()
	}
	return r.out
}

// shift moves a byte from low to out.
func (r *rangeEncoder) shift() {
	if r.low>>32 != 0 {
		r.carry()
	}
	r.out = append(r.out, byte(r.low>>24))
	r.low = r.low << 8 & 0xffffffff
}

func (r *rangeEncoder) carry() {
	i := len(r.out) - 1
	for ; r.out[i] == 0xff; i-- {
		r.out[i] = 0
	}
	r.out[i]++
	r.low &= 0xffffffff
}

func (r *rangeEncoder) bit(p *prob, b uint32) {
	bound := (r.rng >> probBits) * uint32(*p)
	if b == 0 {
		r.rng = bound
		*p += (1<<probBits - *p) >> probMove
	} else {
		r.low += uint64(bound)
		r.rng -= bound
		*p -= *p >> probMove
	}
	if r.rng < rangeTop {
		r.rng <<= 8
		r.shift()
	}
}

// literal is eight times bit, with all that it needs in registers and no branch on what it writes, as what it writes
// is often random.
func (r *rangeEncoder) literal(probs *[literalCodes]prob, b byte) {
	low, rng := r.low, r.rng
	symbol := uint32(b) | 0x100
	for i := 7; i >= 0; i-- {
		p := &probs[symbol>>(i+1)&0xff]
		one := -(symbol >> i & 1) // all ones if the bit is 1
		bound := (rng >> probBits) * uint32(*p)
		low += uint64(bound & one)
		rng = bound + one&(rng-2*bound)
		goal := (1<<probBits)&^one | (1<<probMove-1)&one
		*p = prob(int32(*p) + (int32(goal)-int32(*p))>>probMove)
		if rng < rangeTop {
			rng <<= 8
			if low>>32 != 0 {
				r.low = low
				r.carry()
				low = r.low
			}
			r.out = append(r.out, byte(low>>24))
			low = low << 8 & 0xffffffff
		}
	}
	r.low, r.rng = low, rng
}

// matchedLiteral writes a byte of which match, the byte at the last distance, is a hint: it differs from that one.
func (r *rangeEncoder) matchedLiteral(probs *[literalCodes]prob, b, match byte) {
	symbol, offset, m := uint32(b)|0x100, uint32(0x100), uint32(match)
	for i := 7; i >= 0; i-- {
		m <<= 1
		hint := m & offset
		bit := symbol >> i & 1
		r.bit(&probs[offset+hint+symbol>>(i+1)], bit)
		if bit == 0 {
			offset &^= hint
		} else {
			offset &= hint
		}
	}
}

// tree writes bits, most significant first.
func (r *rangeEncoder) tree(probs []prob, bits int, v uint32) {
	symbol := uint32(1)
	for i := bits - 1; i >= 0; i-- {
		b := v >> i & 1
		r.bit(&probs[symbol], b)
		symbol = symbol<<1 | b
	}
}

// reverseTree writes bits, least significant first. The probabilities start at probs[base+1].
func (r *rangeEncoder) reverseTree(probs []prob, base uint32, bits int, v uint32) {
	symbol := uint32(1)
	for range bits {
		r.bit(&probs[base+symbol], v&1)
		symbol = symbol<<1 | v&1
		v >>= 1
	}
}

// direct writes bits of even odds.
func (r *rangeEncoder) direct(bits int, v uint32) {
	for i := bits - 1; i >= 0; i-- {
		r.rng >>= 1
		r.low += uint64(r.rng & -(v >> i & 1))
		if r.rng < rangeTop {
			r.rng <<= 8
			r.shift()
		}
	}
}

func (r *rangeEncoder) length(l *lengthProbs, at uint32, n int) {
	n -= minMatch
	switch {
	case n < 8:
		r.bit(&l.choice, 0)
		r.tree(l.low[at][:], 3, uint32(n))
	case n < 16:
		r.bit(&l.choice, 1)
		r.bit(&l.choice2, 0)
		r.tree(l.mid[at][:], 3, uint32(n-8))
	default:
		r.bit(&l.choice, 1)
		r.bit(&l.choice2, 1)
		r.tree(l.high[:], 8, uint32(n-16))
	}
}

// distance writes a distance, less one.
func (r *rangeEncoder) distance(m *model, state int, dist uint32) {
	slot, bits := distanceSlot(dist)
	r.tree(m.slot[state][:], 6, slot)
	if slot < firstSlot {
		return
	}
	base := (2 | slot&1) << bits
	rest := dist - base
	if slot < directSlot {
		r.reverseTree(m.special[:], base-slot, bits, rest)
		return
	}
	r.direct(bits-alignBits, rest>>alignBits)
	r.reverseTree(m.align[:], 0, alignBits, rest)
}
