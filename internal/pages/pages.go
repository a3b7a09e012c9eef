// Package pages makes memory for big texts.
package pages

import "unsafe"

// Make returns an empty list with room for n elements. The system is asked to back a big one with large pages: they are
// quicker to come by, which counts for texts of tens of megabytes.
func Make[T any](n int) []T {
	b := make([]T, 0, n)
	if size := n * int(unsafe.Sizeof(*new(T))); size >= worth {
		large(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(b))), size))
	}
	return b
}

// worth is the size from which on large pages count.
const worth = 4 << 20
