package vcdiff

import (
	"context"
	"sync"
	"sync/atomic"
)

// inOrder calls work for 0 to n-1, each call with one of the workers that is free, and then finish, in the order of the
// numbers and one at a time, with the same worker. What finish returns, if it is not nil, is called next, in no order,
// before that worker is free. inOrder returns the first error, after all workers have come to an end.
func inOrder[W any](ctx context.Context, workers []W, n int, work func(w W, k int) error, finish func(w W, k int) (later func(context.Context) error)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	turns := make([]chan struct{}, n+1)
	for i := range turns {
		turns[i] = make(chan struct{})
	}
	close(turns[0])
	var next atomic.Int64
	one := func(w W, k int) error {
		if err := guarded(func() error { return work(w, k) }); err != nil {
			return err
		}
		select {
		case <-turns[k]:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		later := finish(w, k)
		close(turns[k+1])
		if later == nil {
			return nil
		}
		return later(ctx)
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
