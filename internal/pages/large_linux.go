package pages

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// large asks for large pages, for as much of b as whole pages make up. It is advice, which may go unheeded.
func large(b []byte) {
	page := os.Getpagesize()
	before := int(-uintptr(unsafe.Pointer(unsafe.SliceData(b))) % uintptr(page))
	_ = unix.Madvise(b[before:before+(len(b)-before)/page*page], unix.MADV_HUGEPAGE)
}
