package vcdiff

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
)

// Mapped is a file that is mapped into memory, where the system can do that. Whoever makes a delta and then verifies it
// gives the same Mapped to both as the source, and another one as the target: to map a file anew takes the system about as
// long as to compare it. The file must not be closed before Close.
type Mapped struct {
	f    *os.File
	size int64
	data []byte // all of it, nil if it is not mapped
}

// Map maps f. What cannot be mapped, as it is no regular file or as memory addresses are few, is read.
func Map(f *os.File) *Mapped {
	m := &Mapped{f: f, size: unknownSize}
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		m.size = info.Size()
		m.data = mapFile(f, m.size)
	}
	return m
}

// ReadAt implements [io.ReaderAt] as the file does.
func (m *Mapped) ReadAt(b []byte, off int64) (int, error) { return m.f.ReadAt(b, off) }

// Close ends the mapping. The file stays open.
func (m *Mapped) Close() {
	if m.data != nil {
		unmapFile(m.data)
		m.data = nil
	}
}

// input is a source or target: anything that has ReadAt. The encoder, which looks at all more than once, has files mapped
// into memory.
type input struct {
	r    io.ReaderAt
	size int64   // what lies beyond is never read
	data []byte  // all of it, nil if it is not mapped
	own  *Mapped // nil if it is not mapped for this input alone
}

// unknownSize is the size of a source that is to be found out: of a file by asking, of others by reading.
const unknownSize = 1<<63 - 1

// newInput returns r as an input that is mapped if possible. It has to be closed.
func newInput(r io.ReaderAt, size int64) *input {
	in := &input{r: r, size: size}
	m, ok := r.(*Mapped)
	if f, isFile := r.(*os.File); isFile {
		m, ok = Map(f), true
		in.own = m
	}
	if !ok {
		return in
	}
	if size == unknownSize {
		in.size = m.size
	}
	if int64(len(m.data)) >= in.size {
		in.data = m.data[:in.size]
	}
	return in
}

func (in *input) close() {
	in.data = nil
	if in.own != nil {
		in.own.Close()
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
