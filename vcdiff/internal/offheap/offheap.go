// Package offheap allocates what is large and stays long, apart from what the garbage collector counts: as much again as it
// counts may become garbage before it looks for any.
package offheap

import "unsafe"

// Make returns n zeroes, of a type without pointers. They have to be freed. Memory is taken as it is used.
func Make[T any](n int) []T {
	var t T
	if n > 0 {
		if b := allocate(n * int(unsafe.Sizeof(t))); b != nil {
			return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), n)
		}
	}
	return make([]T, n)
}

// Free frees what Make returned, all of it or none. It must not be used after that.
func Free[T any](s []T) {
	if s = s[:cap(s)]; len(s) > 0 {
		release(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(s[0]))))
	}
}
