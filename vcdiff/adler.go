package vcdiff

// adlerBlock is the length of the pieces of which adlerSums is told: none of its sums overflows.
const adlerBlock = 2 << 10

// adler32 is the Adler-32 checksum of b. It takes many bytes at a time, which makes it many times as fast as one that
// takes one: with images that hardly differ that would be most of all the work.
func adler32(b []byte) uint32 {
	const mod = 65521
	sum, sums := uint64(1), uint64(0)
	for len(b) >= adlerBlock {
		plain, weighted := adlerSums((*[adlerBlock]byte)(b))
		sums = (sums + adlerBlock*sum + weighted) % mod
		sum = (sum + plain) % mod
		b = b[adlerBlock:]
	}
	for _, c := range b {
		sum += uint64(c)
		sums += sum
	}
	return uint32(sums%mod<<16 | sum%mod)
}
