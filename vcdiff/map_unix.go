//go:build unix

package vcdiff

import (
	"os"
	"syscall"
)

// mapFile returns the first size bytes of f, as they are in the page cache; nil if that cannot be had.
func mapFile(f *os.File, size int64) []byte {
	if size == 0 || int64(int(size)) != size {
		return nil
	}
	conn, err := f.SyscallConn()
	if err != nil {
		return nil
	}
	var data []byte
	err = conn.Control(func(fd uintptr) {
		if b, err := syscall.Mmap(int(fd), 0, int(size), syscall.PROT_READ, syscall.MAP_SHARED); err == nil {
			data = b
		}
	})
	if err != nil {
		return nil
	}
	return data
}

func unmapFile(data []byte) {
	// It can fail only if data is not what mapFile returned.
	_ = syscall.Munmap(data)
}
