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

// Effort is how a block is compressed.
type Effort byte

const (
	Stored   Effort = iota // not at all
	Literals               // byte by byte: what is compressed already repeats nothing
	Matched                // by what it repeats
)

// Look says how to compress each block of src, in efforts if there is room. It is nil if none is worth it.
func (e *Encoder) Look(src []byte, efforts []Effort) []Effort {
	efforts = efforts[:0]
	most := Stored
	var dense []int // the blocks that are compressed already
	information := 0.0
	for i := 0; i < len(src); i += blockSize {
		b := src[i:min(i+blockSize, len(src))]
		effort := Matched
		if h := Entropy(b[:min(len(b), trialSize)]); h >= clearGain {
			dense = append(dense, len(efforts))
			information += h
			effort = Stored
		}
		most = max(most, effort)
		efforts = append(efforts, effort)
	}
	if information < trialGain*float64(len(dense)) && e.trial(src, dense) {
		for _, block := range dense {
			efforts[block] = Literals
		}
		most = max(most, Literals)
	}
	if most == Stored {
		return nil
	}
	return efforts
}

// run returns the effort of the block at i, and the end of the last block after it of the same. efforts are those of n bytes.
func run(efforts []Effort, i, n int) (Effort, int) {
	block := i / blockSize
	effort := efforts[block]
	for block < len(efforts) && efforts[block] == effort {
		block++
	}
	return effort, min(block*blockSize, n)
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
func (e *Encoder) Estimate(b []byte) float64 {
	b = b[:min(len(b), trialSize)]
	if h := Entropy(b); h > clearGain || len(b) < 64 {
		return 1
	}
	return min(1, float64(len(e.Encode(nil, b)))/float64(len(b)))
}
