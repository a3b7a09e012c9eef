package vcdiff

// Stock xdelta3 reads the source of a delta in blocks of 2 MiB of which it keeps the 32 that it used last. A COPY from
// elsewhere reads a whole block, so a delta with many small copies from all over a large source is small and yet takes
// minutes to apply. The encoder therefore does as that cache does, and has the copies pay for the blocks that they miss.

const (
	stockBlock  = 2 << 20
	stockBlocks = 32
	missWorth   = 4 << 10 // bytes that have to be copied from a block each time that it is read
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

// ration keeps the matches of one window worth what they cost the stock decoder.
type ration struct {
	cache  *stockCache
	free   int           // misses that need not be paid for
	budget map[int64]int // bytes to copy from a block for which no miss was paid yet
}

func newRation(cache *stockCache, free int) *ration {
	return &ration{cache, free, make(map[int64]int)}
}

// freeMisses is what a decoder reads anyway to make a window of n bytes: as much of the source. A source that fits its
// cache is read once.
func freeMisses(sourceSize int64, n int) int {
	if sourceSize <= stockBlocks*stockBlock {
		return stockBlocks
	}
	return n / stockBlock
}

// filter drops of ms those for which a block would have to be read that is too little copied from. Others are used.
func (r *ration) filter(ms []match) []match {
	for _, m := range ms {
		if !m.self {
			r.earn(m)
		}
	}
	kept := ms[:0]
	for _, m := range ms {
		if m.self {
			kept = append(kept, m)
		} else if r.pay(m) {
			r.cache.use(m.src, m.n)
			kept = append(kept, m)
		}
	}
	return kept
}

// earn adds what is copied by m to the budgets of its blocks.
func (r *ration) earn(m match) {
	for off, end := m.src, m.src+int64(m.n); off < end; {
		block := off / stockBlock
		next := min((block+1)*stockBlock, end)
		r.budget[block] += int(next - off)
		off = next
	}
}

// pay pays for the blocks of m that are not in the cache, or nothing if one cannot be paid for.
func (r *ration) pay(m match) bool {
	first, last := m.src/stockBlock, (m.src+int64(m.n)-1)/stockBlock
	unpaid := 0
	for b := first; b <= last; b++ {
		if r.cache.find(int32(b)) < 0 && r.budget[b] < missWorth {
			unpaid++
		}
	}
	if unpaid > r.free {
		return false
	}
	r.free -= unpaid
	for b := first; b <= last; b++ {
		if r.cache.find(int32(b)) < 0 && r.budget[b] >= missWorth {
			r.budget[b] -= missWorth
		}
	}
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
