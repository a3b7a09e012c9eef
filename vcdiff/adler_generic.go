//go:build !amd64 || purego

package vcdiff

import "encoding/binary"

// adlerStripe is 16 words. The sums over them fit in lanes of 16 bits: 255*16*15/2 is below 65536.
const adlerStripe = 16 * 8

// adlerSums returns the sum of the bytes of b, and their sum with the first counted len(b) times and the last once.
func adlerSums(b *[adlerBlock]byte) (plain, weighted uint64) {
	const (
		bytes = 0x00ff00ff00ff00ff
		pairs = 0x0000ffff0000ffff
	)
	// Lanes of 32 bits: the sum of the bytes at each place of a word, and of these sums before each word.
	var even0, even1, odd0, odd1 uint64 // places 0 and 4, 2 and 6, 1 and 5, 3 and 7
	var before0, before1 uint64         // places of both
	for at := 0; at < adlerBlock; at += adlerStripe {
		s := (*[adlerStripe]byte)(b[at:])
		var even, odd, evens, odds uint64 // lanes of 16 bits
		for i := 0; i < adlerStripe; i += 16 {
			w := binary.LittleEndian.Uint64(s[i:])
			evens += even
			odds += odd
			even += w & bytes
			odd += w >> 8 & bytes
			w = binary.LittleEndian.Uint64(s[i+8:])
			evens += even
			odds += odd
			even += w & bytes
			odd += w >> 8 & bytes
		}
		before0 += (even0+odd0)*(adlerStripe/8) + evens&pairs + odds&pairs
		before1 += (even1+odd1)*(adlerStripe/8) + evens>>16&pairs + odds>>16&pairs
		even0 += even & pairs
		even1 += even >> 16 & pairs
		odd0 += odd & pairs
		odd1 += odd >> 16 & pairs
	}
	lanes := func(v uint64) (lo, hi uint64) { return v & 0xffffffff, v >> 32 }
	e0, e4 := lanes(even0)
	e2, e6 := lanes(even1)
	o1, o5 := lanes(odd0)
	o3, o7 := lanes(odd1)
	b0, b4 := lanes(before0)
	b2, b6 := lanes(before1)
	plain = e0 + o1 + e2 + o3 + e4 + o5 + e6 + o7
	weighted = 8*(b0+b2+b4+b6) + 8*e0 + 7*o1 + 6*e2 + 5*o3 + 4*e4 + 3*o5 + 2*e6 + o7
	return plain, weighted
}
