package vcdiff

import (
	"context"
	"fmt"
)

const (
	estimatePlaces = 64
	estimateSize   = 128 << 10
	// The second round finds more than an estimate knows, so it has to be that much above the limit.
	estimateMargin = 0.1
)

// worthwhile looks at some places of the target, and returns an error if the delta would most likely be too large.
// Small targets are not estimated: there making the delta is no more work.
func (e *encoding) worthwhile(ctx context.Context, w *worker) error {
	if e.MaxRatio <= 0 || e.target.size < 2*estimatePlaces*estimateSize {
		return nil
	}
	size := 0.0
	for i := range int64(estimatePlaces) {
		if err := ctx.Err(); err != nil {
			return err
		}
		t, err := e.target.view(&w.buf, e.target.size/estimatePlaces*i, estimateSize)
		if err != nil {
			return fmt.Errorf("cannot read target: %w", err)
		}
		size += w.estimate(t)
	}
	if ratio := size / (estimatePlaces * estimateSize); ratio > e.MaxRatio+estimateMargin {
		return fmt.Errorf("%w: at %d places that were looked at it would be about %.0f %% of the target",
			ErrNotWorthwhile, estimatePlaces, 100*ratio)
	}
	return w.readError()
}

// estimate is about how large a delta for t would be.
func (w *worker) estimate(t []byte) float64 {
	size := 0.0
	gaps(w.coarse.find(t, w.matches[:0]), len(t), func(lo, hi int) {
		size += float64(hi-lo) * w.packer.lzma.Estimate(t[lo:hi])
	}, func(match) {})
	return size
}

// tooLarge is the error for a delta that has become larger than it may, nil for others.
func (e *encoding) tooLarge() error {
	if e.MaxRatio > 0 && float64(e.stats.Delta) > e.MaxRatio*float64(e.target.size) {
		return fmt.Errorf("%w: it is larger than %.0f %% of the target", ErrNotWorthwhile, 100*e.MaxRatio)
	}
	return nil
}
