//go:build unix

package offheap

import "syscall"

// enough is from how many bytes on something is worth pages that are large: it is mostly a table that is looked at everywhere.
const enough = 1 << 20

// allocate returns n bytes, nil if they cannot be had.
func allocate(n int) []byte {
	b, err := syscall.Mmap(-1, 0, n, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil
	}
	if n >= enough {
		adviseHuge(b)
	}
	return b
}

func release(b []byte) {
	// It fails only if b is not from allocate: then the garbage collector has it.
	_ = syscall.Munmap(b)
}
