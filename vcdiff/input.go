package vcdiff

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
)

// input is a source or target: anything that has ReadAt. The encoder, which looks at all more than once, has files mapped
// into memory.
type input struct {
	r    io.ReaderAt
	size int64  // what lies beyond is never read
	data []byte // all of it, nil if it is not mapped
}

// unknownSize is the size of a source that is to be found out: of a file by asking, of others by reading.
const unknownSize = 1<<63 - 1

// newInput returns r as an input that is mapped if possible. It has to be closed.
func newInput(r io.ReaderAt, size int64) *input {
	in := &input{r: r, size: size}
	f, ok := r.(*os.File)
	if !ok {
		return in
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return in
	}
	if size == unknownSize {
		in.size = info.Size()
	}
	if info.Size() >= in.size {
		in.data = mapFile(f, in.size)
	}
	return in
}

func (in *input) close() {
	if in.data != nil {
		unmapFile(in.data)
		in.data = nil
	}
}

// view returns the n bytes at off: those in memory, or else *buf with these bytes.
func (in *input) view(buf *[]byte, off int64, n int) ([]byte, error) {
	if in.data != nil {
		if off > in.size-int64(n) {
			return nil, short(in.size, nil)
		}
		return in.data[off : off+int64(n) : off+int64(n)], nil
	}
	if cap(*buf) < n {
		*buf = make([]byte, n)
	}
	b := (*buf)[:n]
	return b, in.read(b, off)
}

// read fills b with the bytes at off.
func (in *input) read(b []byte, off int64) error {
	if in.data != nil {
		if off > in.size-int64(len(b)) {
			return short(in.size, nil)
		}
		copy(b, in.data[off:])
		return nil
	}
	if n, err := in.r.ReadAt(b, off); n < len(b) {
		return short(off+int64(n), err)
	}
	return nil
}

// short is the error of a read that came only to off.
func short(off int64, err error) error {
	if err == nil || err == io.EOF {
		return fmt.Errorf("%w at byte %d", io.ErrUnexpectedEOF, off)
	}
	return err
}

var errTruncated = errors.New("a file became shorter while it was read")

// guarded calls f. If someone truncates a file that is mapped, the next access to it is a fault: here it becomes an
// error. All that touches mapped inputs has to be called in this way, in each goroutine.
func guarded(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if fault := recover(); fault != nil {
			if _, ok := fault.(interface{ Addr() uintptr }); !ok {
				panic(fault)
			}
			err = errTruncated
		}
	}()
	return f()
}
