package vcdiff

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
)

// ErrMismatch is in the chain of the error of [Verify] when the delta makes something else than the target.
var ErrMismatch = errors.New("delta does not make the target")

// Verify says whether a delta makes target, which is so long, of source: do this before a delta is published. It goes
// through the delta as [Decode] does, but compares what each instruction makes with what is there in the target instead
// of making it. It returns nil if all is the same; other errors are as those of Decode.
func Verify(ctx context.Context, source io.ReaderAt, delta io.Reader, target io.ReaderAt, targetSize int64) error {
	v := verifier{source: &sourceReader{input: newInput(source, unknownSize)}, target: newInput(target, targetSize)}
	defer v.source.close()
	defer v.target.close()
	if err := guarded(func() error { return v.run(ctx, delta) }); err != nil {
		return fmt.Errorf("vcdiff: %w", err)
	}
	return nil
}

// verifier compares windows with a target.
type verifier struct {
	source *sourceReader
	target *input
	at     int64 // in the target
	buf    []byte
}

func (v *verifier) run(ctx context.Context, delta io.Reader) error {
	d, err := newDeltaReader(delta, defaultMaxWindow)
	if err != nil {
		return err
	}
	defer d.close()
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		var w window
		err := d.next(&w)
		if err == io.EOF {
			break
		}
		if err == nil {
			err = v.window(&w)
		}
		if err != nil {
			return fmt.Errorf("window at byte %d: %w", v.at, err)
		}
		v.at += int64(w.size)
	}
	if v.at < v.target.size {
		return fmt.Errorf("%w: it makes %d bytes of %d", ErrMismatch, v.at, v.target.size)
	}
	return nil
}

// window compares what a window makes.
func (v *verifier) window(w *window) error {
	if int64(w.size) > v.target.size-v.at {
		return fmt.Errorf("%w: it makes more than %d bytes", ErrCorrupt, v.target.size)
	}
	t, err := v.target.view(&v.buf, v.at, w.size)
	if err != nil {
		return fmt.Errorf("cannot read target: %w", err)
	}
	at := 0
	err = w.steps(func(s step) error {
		same := v.same(w, s, t, at)
		at += s.n
		switch {
		case v.source.err != nil:
			return fmt.Errorf("cannot read source: %w", v.source.err)
		case !same:
			return fmt.Errorf("%w: they differ in %d bytes from byte %d on", ErrMismatch, s.n, v.at+int64(at-s.n))
		}
		return nil
	})
	if err != nil {
		return err
	}
	if w.hasAdler && adler32(t) != w.adler {
		return fmt.Errorf("%w: the checksum is not that of what it makes", ErrCorrupt)
	}
	return nil
}

// same says whether a step makes what t, a window of the target, has at that place. All before is as the delta makes it.
func (v *verifier) same(w *window, s step, t []byte, at int) bool {
	want := t[at : at+s.n]
	switch s.kind {
	case add:
		return bytes.Equal(s.data, want)
	case run:
		return len(want) == 0 || want[0] == s.data[0] && constant(want)
	}
	if s.addr < w.segment {
		n := int(min(uint64(s.n), w.segment-s.addr))
		if v.source.r == nil || v.source.ahead(want[:n], int64(w.position+s.addr)) < n {
			return false
		}
		if want = want[n:]; len(want) == 0 {
			return true
		}
		s.addr += uint64(n)
	}
	// What is copied may reach into what it makes: if that is the same so far, it goes on being the same.
	from := int(s.addr - w.segment)
	return bytes.Equal(t[from:from+len(want)], want)
}
