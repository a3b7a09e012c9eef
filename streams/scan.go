package streams

import "math/bits"

// The bytes that [skipPlain] stops at, eight at a time: a word whose bytes are tested together.
const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// skipPlain returns the place of the first byte of s, from i on, that JSON text may have to escape: a control
// character, a quote, a backslash, DEL, or a byte of a character beyond ASCII. It returns len(s) if there is none.
func skipPlain(s string, i int) int {
	for ; i+8 <= len(s); i += 8 {
		w := word(s, i)
		control := (w - ' '*ones) &^ w
		special := zeroByte(w^'"'*ones) | zeroByte(w^'\\'*ones) | zeroByte(w^0x7f*ones)
		if found := (control | special | w) & highs; found != 0 {
			return i + bits.TrailingZeros64(found)/8 // a byte before it cannot be mistaken, only one after it
		}
	}
	for ; i < len(s); i++ {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= 0x7f {
			break
		}
	}
	return i
}

// skipBlanks returns the place of the first byte of s, from i on, that is not white space in JSON.
func skipBlanks(s string, i int) int {
	for i < len(s) {
		switch s[i] {
		case ' ':
			i++
			for i+8 <= len(s) && word(s, i) == ' '*ones {
				i += 8
			}
		case '\n', '\r', '\t':
			i++
		default:
			return i
		}
	}
	return i
}

// word returns eight bytes of s, the first one lowest.
func word(s string, i int) uint64 {
	b := s[i : i+8]
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
		uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
}

// zeroByte has a high bit set if a byte of w is zero; only the lowest one that is set is sure.
func zeroByte(w uint64) uint64 { return (w - ones) &^ w }
