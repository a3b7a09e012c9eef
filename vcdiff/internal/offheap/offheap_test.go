package offheap

import "testing"

func TestMake(t *testing.T) {
	for _, n := range []int{0, 1, 511, 512, 513, 1 << 20} {
		s := Make[uint64](n)
		if len(s) != n || cap(s) != n {
			t.Fatalf("%d, room for %d, of %d", len(s), cap(s), n)
		}
		for i := range s {
			if s[i] != 0 {
				t.Fatalf("%d is %d", i, s[i])
			}
			s[i] = uint64(i)
		}
		Free(s[:n/2])
	}
}

// TestFreeOfOthers: what the garbage collector has, as where there are no pages, may be freed.
func TestFreeOfOthers(t *testing.T) {
	s := make([]uint32, 1<<12)
	Free(s)
	s[1] = 5
	Free[byte](nil)
}
