package store

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"iter"

	"github.com/seed-43fb3962/sstream/internal/pages"
	"github.com/seed-43fb3962/sstream/streams"
)

// Content can be read again from any offset, so that resume, retry and verification live in one place.
type Content struct {
	Size   int64          // in bytes; -1 if unknown
	Digest streams.Digest // the zero value means: not checked
	Open   func(ctx context.Context, off int64) (io.ReadCloser, error)
}

// Bytes is the content of a slice.
func Bytes(data []byte) Content {
	return Content{Size: int64(len(data)), Open: func(_ context.Context, off int64) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(data[min(off, int64(len(data))):])), nil
	}}
}

// Rendered is the content that render writes to w, the same every time: so what is large need not be in memory at once.
// An error of w is to be returned.
func Rendered(render func(w io.Writer) error) Content {
	return Content{Size: -1, Open: func(_ context.Context, off int64) (io.ReadCloser, error) {
		r := new(rendering)
		r.next, r.stop = iter.Pull2(func(yield func([]byte, error) bool) {
			if err := render(renderingWriter(yield)); err != errClosed {
				yield(nil, cmp.Or(err, io.EOF))
			}
		})
		if _, err := io.CopyN(io.Discard, r, off); err != nil && err != io.EOF {
			return nil, errors.Join(err, r.Close())
		}
		return r, nil
	}}
}

// rendering reads what is rendered, a part at a time.
type rendering struct {
	next func() ([]byte, error, bool)
	stop func()
	left []byte // of the last part
	err  error  // nothing comes after what is left
}

func (r *rendering) Read(p []byte) (int, error) {
	for len(r.left) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		var more bool
		if r.left, r.err, more = r.next(); !more {
			r.err = errClosed
		}
	}
	n := copy(p, r.left)
	r.left = r.left[n:]
	return n, nil
}

func (r *rendering) Close() error {
	r.stop()
	return nil
}

var errClosed = errors.New("nobody reads any more")

// renderingWriter hands on each part and waits until it was read.
type renderingWriter func(part []byte, err error) bool

func (w renderingWriter) Write(part []byte) (int, error) {
	if !w(part, nil) {
		return 0, errClosed
	}
	return len(part), nil
}

// read reads all of c, which belongs at path.
func (c Content) read(ctx context.Context, path string) ([]byte, error) {
	r, err := c.Open(ctx, 0)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(c.Verify(path, r))
}

// ReadAll reads what is at path, or fails if it is longer than limit bytes.
func ReadAll(ctx context.Context, src Source, path string, limit int64) ([]byte, error) {
	r, err := src.Open(ctx, path, 0)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data := bytes.NewBuffer(pages.Make[byte](int(min(sizeOf(r), limit)) + bytes.MinRead))
	if _, err := data.ReadFrom(io.LimitReader(r, limit+1)); err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", path, err)
	}
	if int64(data.Len()) > limit {
		return nil, fmt.Errorf("cannot read %s: it is longer than the limit of %d bytes", path, limit)
	}
	return data.Bytes(), nil
}

// sizeOf returns how much there is to be read of r, 0 if that is not known.
func sizeOf(r io.Reader) int64 {
	f, ok := r.(fs.File)
	if !ok {
		return 0
	}
	info, err := f.Stat()
	if err != nil {
		return 0
	}
	return info.Size()
}

// Holds tells whether c is what is at path.
func Holds(ctx context.Context, src Source, path string, c Content) (bool, error) {
	there, err := src.Open(ctx, path, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer there.Close()
	r, err := c.Open(ctx, 0)
	if err != nil {
		return false, err
	}
	defer r.Close()
	var old, next [32 << 10]byte
	for {
		a, errA := readFull(there, old[:])
		b, errB := readFull(r, next[:])
		switch {
		case errA != nil && errA != io.EOF:
			return false, fmt.Errorf("cannot read %s: %w", path, errA)
		case errB != nil && errB != io.EOF:
			return false, errB
		case !bytes.Equal(a, b):
			return false, nil
		case errA == io.EOF && errB == io.EOF:
			return true, nil
		}
	}
}

// Reading is what is promised of content, or what came of it.
type Reading struct {
	Size   int64          // in bytes; -1 if unknown
	Digest streams.Digest // the zero value if unknown
}

// ContentError tells that content does not read as its [Content] says: the source is at fault, and the store is as it
// was. Reading ends one byte after the promised size, so a larger Got.Size means: longer than promised.
type ContentError struct {
	Path      string
	Want, Got Reading
}

func (e *ContentError) Error() string {
	switch {
	case e.Want.Size >= 0 && e.Got.Size > e.Want.Size:
		return fmt.Sprintf("%s: the source sends more than the %d bytes that are listed", e.Path, e.Want.Size)
	case e.Want.Size >= 0 && e.Got.Size < e.Want.Size:
		return fmt.Sprintf("%s: the source ends after %d of the %d bytes that are listed", e.Path, e.Got.Size, e.Want.Size)
	}
	return fmt.Sprintf("%s: the source sends %s, but %s is listed", e.Path, e.Got.Digest, e.Want.Digest)
}

// short tells whether all that is wrong is that content ended early, as it does when a connection breaks.
func (e *ContentError) short() bool { return e.Got.Size < e.Want.Size }

// Verify returns a reader of r, which is c from its first byte on, that ends with a [*ContentError] instead of [io.EOF]
// if r is not what c says, and that never passes on more than c.Size bytes.
func (c Content) Verify(path string, r io.Reader) io.Reader {
	m, err := newMeter(path, c)
	return &verifier{r: r, meter: m, err: err}
}

type verifier struct {
	r     io.Reader
	meter *meter
	err   error
}

func (v *verifier) Read(p []byte) (int, error) {
	if v.err != nil {
		return 0, v.err
	}
	n, err := v.r.Read(p)
	n = v.meter.take(p[:n])
	if v.meter.over {
		err = v.meter.end()
	} else if err == io.EOF {
		if bad := v.meter.end(); bad != nil {
			err = bad
		}
	}
	v.err = err
	return n, err
}

// meter counts and hashes content as it is read.
type meter struct {
	path string
	want Reading
	size int64     // bytes so far
	over bool      // there were more bytes than promised
	hash hash.Hash // nil if nobody wants to know
}

func newMeter(path string, c Content) (*meter, error) {
	m := &meter{path: path, want: Reading{c.Size, c.Digest}}
	if c.Digest == (streams.Digest{}) {
		return m, nil
	}
	h, err := c.Digest.New()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	m.hash = h
	return m, nil
}

// take counts and hashes the next bytes, and returns how many of them belong to the content.
func (m *meter) take(p []byte) int {
	p = m.count(p)
	if m.hash != nil {
		m.hash.Write(p)
	}
	return len(p)
}

// count counts the next bytes, and returns those that belong to the content.
func (m *meter) count(p []byte) []byte {
	if m.want.Size >= 0 && int64(len(p)) > m.want.Size-m.size {
		p, m.over = p[:m.want.Size-m.size], true
	}
	m.size += int64(len(p))
	return p
}

// end tells whether what was read is what was promised.
func (m *meter) end() error {
	e := &ContentError{Path: m.path, Want: m.want, Got: Reading{Size: m.size}}
	if m.over {
		e.Got.Size++
	}
	if m.want.Size >= 0 && e.Got.Size != m.want.Size {
		return e
	}
	if m.hash == nil {
		return nil
	}
	sum := m.hash.Sum(nil)
	if m.want.Digest.Is(sum) {
		return nil
	}
	e.Got.Digest = streams.Digest{Algorithm: m.want.Digest.Algorithm, Hex: fmt.Sprintf("%x", sum)}
	return e
}
