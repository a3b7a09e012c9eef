package offheap

import "golang.org/x/sys/unix"

// adviseHuge asks for large pages, of which there are fewer to be made and looked up.
func adviseHuge(b []byte) { _ = unix.Madvise(b, unix.MADV_HUGEPAGE) } // a hint
