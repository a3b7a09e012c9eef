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

// Verify applies a delta to source and compares the result with target, which is so long, without writing it anywhere.
// It returns nil if they are the same: do this before a delta is published. Other errors are as those of [Decode].
func Verify(ctx context.Context, source io.ReaderAt, delta io.Reader, target io.ReaderAt, targetSize int64) error {
	c := &comparer{target: &input{r: target, size: targetSize}}
	n, err := Decode(ctx, c, source, delta, &DecodeOptions{MaxSize: targetSize})
	if err == nil && n < targetSize {
		err = fmt.Errorf("vcdiff: %w: it makes %d bytes of %d", ErrMismatch, n, targetSize)
	}
	return err
}

// comparer is a writer of what the target holds, and nothing else.
type comparer struct {
	target *input
	at     int64
	buf    []byte
}

func (c *comparer) Write(p []byte) (int, error) {
	for done := 0; done < len(p); {
		b, err := c.target.view(&c.buf, c.at, min(64<<10, len(p)-done))
		if err != nil {
			return done, fmt.Errorf("vcdiff: cannot read target: %w", err)
		}
		if !bytes.Equal(b, p[done:done+len(b)]) {
			return done, fmt.Errorf("vcdiff: %w: they differ after byte %d", ErrMismatch, c.at)
		}
		done += len(b)
		c.at += int64(len(b))
	}
	return len(p), nil
}
