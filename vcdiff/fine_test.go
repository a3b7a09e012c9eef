package vcdiff

import "testing"

// TestOldPlaces: what was known of earlier windows is not found in a later one, even when so much was looked at that the
// count of places has nearly come to its end.
func TestOldPlaces(t *testing.T) {
	const window = 1 << 12
	f := &fineFinder{base: 1<<32 - 2*window}
	f.start(make([]byte, window))
	if f.base == 1 {
		t.Fatal("the count began anew before it had to")
	}
	for i := range f.heads {
		f.heads[i] = uint32(window + i) // before any place of this window
	}
	if m := f.inWindow(f.t, 0, window/2, 12345); m.n != 0 {
		t.Errorf("found %+v", m)
	}
	if m := f.inWindow(f.t, 0, window/2+100, 12345); m.n == 0 || m.src != 0 {
		t.Errorf("what is in the window is found as %+v", m)
	}
	f.start(make([]byte, window))
	if f.base != 1 {
		t.Errorf("the count goes on beyond its end: %d", f.base)
	}
}
