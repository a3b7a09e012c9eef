package vcdiff

import "github.com/seed-43fb3962/sstream/vcdiff/internal/offheap"

// gear is a number for each byte value. A hash that is shifted by one bit and has the number of the next byte added
// depends on the last 64 bytes only, so it rolls without having to forget.
var gear = makeGear()

func makeGear() *[256]uint64 {
	g := new([256]uint64)
	x := uint64(0)
	for i := range g { // splitmix64
		x += 0x9e3779b97f4a7c15
		z := x
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		g[i] = z ^ z>>31
	}
	return g
}

// anchorSize is the number of bytes that a gear hash depends on when it is shifted by one bit for each.
const anchorSize = 64

func gearHash(b []byte) uint64 {
	h := uint64(0)
	for _, c := range b[:anchorSize] {
		h = h<<1 + gear[c]
	}
	return h
}

// filter tells most hashes that were never added from those that were. It fits a second-level cache.
type filter [1 << 17]uint64

func (f *filter) add(h uint64)      { f[h>>47] |= 1 << (h >> 41 & 63) }
func (f *filter) has(h uint64) bool { return f[h>>47]>>(h>>41&63)&1 != 0 }

// hashTable finds numbers by hash. Slots are put in order, so what it holds does not depend on how the work is divided.
type hashTable struct {
	shift uint
	mask  uint64
	slots []uint64 // 24 bits of the hash above 40 bits of the number, plus one

	waiting [fetchedAtOnce]waitingNumber // to be put
	count   int                          // of those
	fetched uint64                       // what was read so that it is near, of no other use
}

type waitingNumber struct {
	h      uint64 // spread
	number int64
}

// fetchedAtOnce is for how many numbers the slots, which are all over the memory, are asked for at the same time.
const fetchedAtOnce = 32

const (
	numberBits = 40
	maxProbes  = 8 // places that a hash may be in; a cache line of them
	maxTwins   = 4 // numbers kept of one hash
)

// newHashTable returns a table for n numbers, of a size of at most limit bytes. It has to be freed.
func newHashTable(n, limit int64) *hashTable {
	log := uint(8)
	for int64(1)<<log < 2*n && 8<<(log+1) <= limit {
		log++
	}
	return &hashTable{shift: 64 - log, mask: 1<<log - 1, slots: offheap.Make[uint64](1 << log)}
}

func (t *hashTable) free() { offheap.Free(t.slots) }

// spread makes of a gear hash, whose low bits know few bytes, one that is good in all bits.
func spread(h uint64) uint64 {
	h ^= h >> 32
	h *= 0x9fb21c651e98df25
	return h ^ h>>29
}

// put has number found under h, after the next flush.
func (t *hashTable) put(h uint64, number int64) {
	t.waiting[t.count] = waitingNumber{spread(h), number}
	if t.count++; t.count == fetchedAtOnce {
		t.flush()
	}
}

// flush ends the putting of numbers, for now.
func (t *hashTable) flush() {
	for _, w := range t.waiting[:t.count] {
		t.fetched |= t.slots[w.h>>t.shift]
	}
	for _, w := range t.waiting[:t.count] {
		t.place(w)
	}
	t.count = 0
}

func (t *hashTable) place(w waitingNumber) {
	tag := w.h << numberBits
	twins := 0
	for i := range uint64(maxProbes) {
		slot := &t.slots[(w.h>>t.shift+i)&t.mask]
		if *slot == 0 {
			*slot = tag | uint64(w.number+1)
			return
		}
		if *slot&^(1<<numberBits-1) == tag {
			if twins++; twins == maxTwins {
				return
			}
		}
	}
}

// get appends to found the numbers that were put under h, and perhaps others.
func (t *hashTable) get(h uint64, found []int64) []int64 {
	h = spread(h)
	tag := h << numberBits
	for i := range uint64(maxProbes) {
		slot := t.slots[(h>>t.shift+i)&t.mask]
		if slot == 0 {
			break
		}
		if slot&^(1<<numberBits-1) == tag {
			found = append(found, int64(slot&(1<<numberBits-1))-1)
		}
	}
	return found
}
