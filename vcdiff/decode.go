package vcdiff

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// DecodeOptions are the choices of [Decode]. The zero value, and nil, are good for what an [Encoder] and xdelta3 write.
type DecodeOptions struct {
	// MaxSize is the most bytes that may be written, against a delta that never ends. 0 means no limit.
	MaxSize int64

	// MaxWindow is the largest target window that is accepted, in bytes. A decoder holds the window and its sections in
	// memory, and for each of the three kinds of these what was decoded before: with the default options of an [Encoder]
	// that is less than 150 MiB. A delta that is made to take as much as it can takes up to twelve times MaxWindow and
	// 240 MiB. 0 means 64 MiB, which is the most of xdelta3 3.2; 3.0 writes 8 MiB.
	MaxWindow int
}

const defaultMaxWindow = 64 << 20

// Decode reads a delta, applies it to source and writes the result to dst. It returns the number of bytes written.
//
// All that the delta states is checked before it is believed, and each window is written only after its checksum was
// found right, if it has one, as all by xdelta3 and an [Encoder] have. A delta does not state the length of the whole: one
// that is cut off between two windows is not found out. Compare the result with the size and digest that are expected.
//
// The error is about the delta if it has [ErrCorrupt] or [ErrUnsupported] in its chain, about the source if it has
// [ErrWrongSource]; else it is that of ctx, of dst, or of reading.
func Decode(ctx context.Context, dst io.Writer, source io.ReaderAt, delta io.Reader, o *DecodeOptions) (int64, error) {
	if o == nil {
		o = &DecodeOptions{}
	}
	maxWindow := o.MaxWindow
	if maxWindow <= 0 {
		maxWindow = defaultMaxWindow
	}
	d, err := newDeltaReader(delta, maxWindow)
	if err != nil {
		return 0, fmt.Errorf("vcdiff: %w", err)
	}
	defer d.close()
	a := applier{source: &sourceReader{input: &input{r: source, size: unknownSize}}}
	var written int64
	for {
		if err := ctx.Err(); err != nil {
			return written, err
		}
		var w window
		err := d.next(&w)
		if err == io.EOF {
			return written, nil
		}
		if err == nil && o.MaxSize > 0 && int64(w.size) > o.MaxSize-written {
			err = fmt.Errorf("%w: it makes more than %d bytes", ErrCorrupt, o.MaxSize)
		}
		if err == nil {
			err = a.apply(&w)
		}
		if err != nil {
			return written, fmt.Errorf("vcdiff: window at byte %d: %w", written, err)
		}
		n, err := dst.Write(a.out)
		written += int64(n)
		if err != nil {
			return written, err
		}
	}
}

// applier makes windows.
type applier struct {
	source *sourceReader
	out    []byte // the window that was made last
}

func (a *applier) apply(w *window) error {
	if w.segment > 0 && a.source.r == nil {
		return fmt.Errorf("%w: it needs one", ErrWrongSource)
	}
	if cap(a.out) < w.size {
		a.out = make([]byte, 0, w.size)
	}
	a.out = a.out[:0]
	err := w.steps(func(s step) error {
		switch s.kind {
		case add:
			a.out = append(a.out, s.data...)
		case run:
			at := len(a.out)
			a.out = a.out[:at+s.n]
			fill(a.out[at:], s.data[0])
		default:
			return a.copy(w, s)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if w.hasAdler && adler32(a.out) != w.adler {
		return fmt.Errorf("%w, or the delta is damaged: checksums differ", ErrWrongSource)
	}
	return nil
}

func fill(b []byte, c byte) {
	for i := range b {
		b[i] = c
	}
}

// copy does a COPY, of which some may come from the source and the rest from the window.
func (a *applier) copy(w *window, s step) error {
	at := len(a.out)
	a.out = a.out[:at+s.n]
	to := a.out[at:]
	if s.addr < w.segment {
		n := min(uint64(s.n), w.segment-s.addr)
		err := a.source.read(to[:n], int64(w.position+s.addr))
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("%w: it is too short: %w", ErrWrongSource, err)
		} else if err != nil {
			return fmt.Errorf("cannot read source: %w", err)
		}
		to = to[n:]
		s.addr += n
	}
	from := int(s.addr - w.segment)
	if len(to) == 0 {
		return nil
	}
	// What is copied may reach into what it makes.
	for end := len(a.out) - len(to); len(to) > 0; {
		n := copy(to, a.out[from:end])
		to, end = to[n:], end+n
	}
	return nil
}
