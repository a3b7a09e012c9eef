package streams

import (
	"strings"
	"testing"
)

// TestSkipPlain puts every pair of bytes anywhere into a word, as what a byte is taken for may depend on the one before it.
func TestSkipPlain(t *testing.T) {
	plain := func(c byte) bool { return c >= ' ' && c != '"' && c != '\\' && c < 0x7f }
	for pair := range 1 << 16 {
		a, b := byte(pair>>8), byte(pair)
		for before := range 7 {
			s := strings.Repeat("x", before) + string([]byte{a, b}) + "xxxxxxx"
			want := len(s)
			if !plain(a) {
				want = before
			} else if !plain(b) {
				want = before + 1
			}
			if got := skipPlain(s, 0); got != want {
				t.Fatalf("%q: %d, want %d", s, got, want)
			}
		}
	}
}
