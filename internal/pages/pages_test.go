package pages

import (
	"os"
	"testing"
)

// TestMake writes to all of buffers that are small, just large, and no whole number of pages.
func TestMake(t *testing.T) {
	page := os.Getpagesize()
	for _, n := range []int{0, 1, worth - 1, worth, worth + 1, worth + page - 1, 3*worth + page/2} {
		b := Make[byte](n)
		if len(b) != 0 || cap(b) < n {
			t.Errorf("%d bytes: length %d, room for %d", n, len(b), cap(b))
		}
		for b = b[:n]; n > 0; n -= min(n, page/2) {
			b[n-1] = 1
		}
	}
	list := Make[string](worth)[:worth]
	list[0], list[worth-1] = "a", "z"
	if list[0]+list[1]+list[worth-1] != "az" {
		t.Errorf("%q", list[0]+list[1]+list[worth-1])
	}
}
