package vcdiff

// runGranule is how long a run of one byte has to be, at a multiple of it, to be cut out before anything is looked for:
// disk images are full of zeros, of which everything is like everything.
const runGranule = 4 << 10

// longRun returns where in b, from start on, the next long run begins and ends. Without one both are the end of b.
func longRun(b []byte, start int) (at, end int) {
	for i := (start + runGranule - 1) &^ (runGranule - 1); i+runGranule <= len(b); i += runGranule {
		if !constant(b[i : i+runGranule]) {
			continue
		}
		for at = i; at > start && b[at-1] == b[i]; at-- {
		}
		return at, i + runLength(b[i:])
	}
	return len(b), len(b)
}

// betweenRuns calls do for each part of b from lo to hi that lies between long runs.
func betweenRuns(b []byte, lo, hi int, do func(lo, hi int)) {
	for lo < hi {
		at, end := longRun(b[:hi], lo)
		if at > lo {
			do(lo, at)
		}
		lo = end
	}
}

// runLength says how many bytes at the start of b are the same.
func runLength(b []byte) int { return 1 + samePrefix(b[1:], b) }

// oneByte says whether all bytes of v are the same.
func oneByte(v uint64) bool { return v == v>>8|v<<56 }
