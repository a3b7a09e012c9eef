package vcdiff

import (
	"context"
	"sync"
	"sync/atomic"
)

// inOrder calls work for 0 to n-1, each call with one of the workers that is free, and then finish, in the order of the
// numbers and one at a time, with the same worker. It returns the first error, after all workers have come to an end.
func inOrder[W any](ctx context.Context, workers []W, n int, work, finish func(ctx context.Context, w W, k int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	turns := make([]chan struct{}, n+1)
	for i := range turns {
		turns[i] = make(chan struct{})
	}
	close(turns[0])
	var next atomic.Int64
	one := func(w W, k int) error {
		if err := guarded(func() error { return work(ctx, w, k) }); err != nil {
			return err
		}
		select {
		case <-turns[k]:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if err := finish(ctx, w, k); err != nil {
			return err
		}
		close(turns[k+1])
		return nil
	}
	var all sync.WaitGroup
	for _, w := range workers {
		all.Go(func() {
			for k := int(next.Add(1) - 1); k < n && ctx.Err() == nil; k = int(next.Add(1) - 1) {
				if err := one(w, k); err != nil {
					cancel(err)
				}
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}
