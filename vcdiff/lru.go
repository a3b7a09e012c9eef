package vcdiff

// Stock xdelta3 reads the source of a delta in blocks of 2 MiB of which it keeps the 32 that it used last. A COPY from
// elsewhere reads a whole block, so a delta with many small copies from all over a large source is small and yet takes
// minutes to apply. The encoder therefore does as that cache does, and has a copy pay for the blocks that it misses.

const (
	stockBlock  = 2 << 20
	stockBlocks = 32
	missWorth   = 4 << 10 // bytes that a copy has to have for each block that it misses
)

// stockCache is the blocks that the stock decoder holds, the one used last first. Free places are -1.
type stockCache [stockBlocks]int32

func newStockCache() stockCache {
	var c stockCache
	for i := range c {
		c[i] = -1
	}
	return c
}

// misses counts the blocks of a copy that would have to be read.
func (c *stockCache) misses(off int64, n int) int {
	count := 0
	for b := off / stockBlock; b <= (off+int64(n)-1)/stockBlock; b++ {
		if c.find(int32(b)) < 0 {
			count++
		}
	}
	return count
}

// use reads the blocks of a copy.
func (c *stockCache) use(off int64, n int) {
	for b := off / stockBlock; b <= (off+int64(n)-1)/stockBlock; b++ {
		i := c.find(int32(b))
		if i < 0 {
			i = stockBlocks - 1
		}
		copy(c[1:i+1], c[:i])
		c[0] = int32(b)
	}
}

// worth uses the blocks of a copy if it is long enough for those that it misses, and says whether it is.
func (c *stockCache) worth(m match) bool {
	if n := c.misses(m.src, m.n); n > 0 && m.n < n*missWorth {
		return false
	}
	c.use(m.src, m.n)
	return true
}

func (c *stockCache) find(block int32) int {
	for i, b := range c {
		if b == block {
			return i
		}
	}
	return -1
}
