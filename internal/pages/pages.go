// Package pages makes memory for big texts.
package pages

// Make returns an empty buffer with room for n bytes. The system is asked to back a big one with large pages: they are
// quicker to come by, and texts of tens of megabytes take longer to be given memory than to be read.
func Make(n int) []byte {
	b := make([]byte, 0, n)
	if n >= worth {
		large(b[:n])
	}
	return b
}

// worth is the size from which on large pages count.
const worth = 8 << 20
