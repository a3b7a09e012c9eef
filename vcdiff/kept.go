package vcdiff

import "encoding/binary"

// keptMatches are the matches of a window with the source, packed: a target has many windows. For each there is how far
// it begins after the last one, its length, and how much farther ahead in the source it is than the last.
type keptMatches []byte

// keep packs ms, in order. If they take more than room bytes, the shortest are left out.
func keep(ms []match, room int) keptMatches {
	var b []byte
	for least := 0; ; least = 2*least + 1 {
		b = b[:0]
		var last match
		for _, m := range ms {
			if m.n < least {
				continue
			}
			b = binary.AppendUvarint(b, uint64(m.pos-last.end()))
			b = binary.AppendUvarint(b, uint64(m.n))
			b = binary.AppendVarint(b, m.ahead()-last.ahead())
			last = m
		}
		if len(b) <= room {
			return append(keptMatches(nil), b...)
		}
	}
}

// appendTo appends what was kept to ms.
func (k keptMatches) appendTo(ms []match) []match {
	var m match
	for len(k) > 0 {
		gap, n := binary.Uvarint(k)
		k = k[n:]
		length, n := binary.Uvarint(k)
		k = k[n:]
		farther, n := binary.Varint(k)
		k = k[n:]
		pos := m.end() + int(gap)
		m = match{pos: pos, n: int(length), src: int64(pos) + m.ahead() + farther}
		ms = append(ms, m)
	}
	return ms
}
