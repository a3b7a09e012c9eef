package lzma2

import "math"

// blockSize is the unit in which the encoder decides whether to compress.
const blockSize = 1 << 16

const (
	// Blocks below this are compressed without further ado.
	clearGain = 7.9
	// Others only if a trial with some of them makes them smaller by this part: what is compressed already, by zlib or
	// zstd, may lose a little more, at a price in time that is no better than that of all compression.
	leastGain = 0.008
	// A trial takes a small part of the blocks, after a look at their bytes: what xz wrote is not worth one.
	trialPart = 4 // one block in so many
	trialSize = 16 << 10
	trialGain = 7.99
)

// Look says for each block of src whether to compress it, in pays if there is room; nil if none are to be compressed.
func (e *Encoder) Look(src []byte, pays []bool) []bool {
	pays = pays[:0]
	any := false
	var dense []int // the blocks that are compressed already
	information := 0.0
	for i := 0; i < len(src); i += blockSize {
		b := src[i:min(i+blockSize, len(src))]
		h := Entropy(b[:min(len(b), trialSize)])
		if h >= clearGain {
			dense = append(dense, len(pays))
			information += h
		}
		any = any || h < clearGain
		pays = append(pays, h < clearGain)
	}
	if information < trialGain*float64(len(dense)) && e.trial(src, dense) {
		for _, block := range dense {
			pays[block] = true
		}
		any = true
	}
	if !any {
		return nil
	}
	return pays
}

// trial says whether some of the blocks of src that are compressed already become smaller as literals.
func (e *Encoder) trial(src []byte, blocks []int) bool {
	e.f.src = src
	e.m.lc, e.m.lp, e.m.pb = encodeLC, 0, encodePB
	e.m.reset()
	e.r.start(e.scratch[:0])
	tried := 0
	for k := 0; k < len(blocks); k += trialPart {
		i := blocks[k] * blockSize
		end := min(i+trialSize, len(src))
		for ; i < end; i++ {
			e.literal(i)
			tried++
		}
	}
	e.scratch = e.r.finish()
	return float64(len(e.scratch)) < float64(tried)*(1-leastGain)
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

// Estimate is about how large b would become, as a part of its length, by a look at its beginning.
func Estimate(b []byte) float64 {
	b = b[:min(len(b), trialSize)]
	if h := Entropy(b); h > clearGain || len(b) < 64 {
		return 1
	}
	var e Encoder
	return min(1, float64(len(e.Encode(nil, b)))/float64(len(b)))
}
