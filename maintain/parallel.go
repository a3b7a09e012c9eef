package maintain

import (
	"context"

	"golang.org/x/sync/errgroup"
)

// parallel calls work for 0 … n-1, at most limit at a time, until one fails or ctx is done. It returns when all that
// were begun have ended.
func parallel(ctx context.Context, limit, n int, work func(ctx context.Context, i int) error) error {
	g, inner := errgroup.WithContext(ctx)
	g.SetLimit(max(limit, 1))
	for i := range n {
		if inner.Err() != nil {
			break
		}
		g.Go(func() error { return work(inner, i) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}
