//go:build unix

package offheap

import "syscall"

// allocate returns n bytes, nil if they cannot be had.
func allocate(n int) []byte {
	b, err := syscall.Mmap(-1, 0, n, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil
	}
	if n >= 1<<20 {
		_ = syscall.Madvise(b, 14)
	}
	return b
}

func release(b []byte) {
	// It fails only if b is not from allocate: then the garbage collector has it.
	_ = syscall.Munmap(b)
}
