package lzma2

import "math"

// blockSize is the unit in which the encoder decides whether to compress.
const blockSize = 1 << 16

// pays says whether the block at i looks as if it were not compressed yet.
func (e *Encoder) pays(i int) bool {
	return Entropy(e.f.src[i:min(i+blockSize, len(e.f.src))]) < 7.9
}

// Entropy is the information in b, in bits for each byte, as far as the frequencies of its bytes tell.
func Entropy(b []byte) float64 {
	var counts [2][256]uint32
	n := len(b) &^ 1
	for i := 0; i < n; i += 2 {
		counts[0][b[i]]++
		counts[1][b[i+1]]++
	}
	sum := 0.0
	for i := range 256 {
		if c := float64(counts[0][i] + counts[1][i]); c > 0 {
			sum -= c * math.Log2(c/float64(n))
		}
	}
	if n == 0 {
		return 0
	}
	// A short sample has fewer frequencies than it has chances for.
	return sum/float64(n) + 255/(2*math.Ln2*float64(n))
}
