package vcdiff

import "fmt"

// The sizes of the address caches that the default code table goes with (RFC 3284, section 5.1).
const (
	nearSlots = 4
	sameSlots = 3
)

// The ways to write the address of a COPY (RFC 3284, section 5.3): as it is, as a distance back from here, as a
// distance from one of the near addresses, or as one byte that picks an address that was used before.
const (
	modeSelf = 0
	modeHere = 1
	modeNear = 2
	modeSame = modeNear + nearSlots
)

// addressCache remembers the addresses of recent COPY instructions. Encoder and decoder keep it in step; it starts
// empty in each window.
type addressCache struct {
	near [nearSlots]uint64
	next int
	same [sameSlots * 256]uint64

	back   uint64 // of the last address from there
	steady bool   // write the same distance back as before in the same way, for a compressor that makes nothing of it
}

func (c *addressCache) update(addr uint64) {
	c.near[c.next] = addr
	c.next = (c.next + 1) % nearSlots
	c.same[addr%(sameSlots*256)] = addr
}

// encode appends addr, written in the shortest way, to b and says in which mode that is. here is the address of the
// next byte of the target.
func (c *addressCache) encode(b []byte, addr, here uint64) ([]byte, byte) {
	back := c.back
	c.back = here - addr
	if c.steady && c.back == back {
		c.update(addr)
		return appendVarint(b, back), modeHere
	}
	slot := addr % (sameSlots * 256)
	if c.same[slot] == addr {
		c.update(addr)
		return append(b, byte(slot)), modeSame + byte(slot/256)
	}
	mode, best := byte(modeSelf), addr
	if d := here - addr; d < best {
		mode, best = modeHere, d
	}
	for i, near := range c.near {
		if addr >= near && varintSize(addr-near) < varintSize(best) {
			mode, best = modeNear+byte(i), addr-near
		}
	}
	c.update(addr)
	return appendVarint(b, best), mode
}

// decode cuts the address of a COPY off the front of b. What it returns is below here.
func (c *addressCache) decode(b []byte, mode byte, here uint64) (addr uint64, rest []byte, err error) {
	if mode >= modeSame {
		if len(b) == 0 {
			return 0, nil, fmt.Errorf("%w: no address left", ErrCorrupt)
		}
		addr, rest = c.same[int(mode-modeSame)*256+int(b[0])], b[1:]
	} else {
		if addr, rest, err = varint(b); err != nil {
			return 0, nil, err
		}
		switch {
		case mode == modeHere:
			addr = here - addr // above here where it wraps
		case mode >= modeNear:
			addr += c.near[mode-modeNear]
		}
	}
	if addr >= here {
		return 0, nil, fmt.Errorf("%w: copy from address %d, which is not below %d", ErrCorrupt, addr, here)
	}
	c.update(addr)
	return addr, rest, nil
}
