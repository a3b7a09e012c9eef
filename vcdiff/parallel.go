package vcdiff

import (
	"context"
	"sync"
)

// turn is when a number comes to its end: after that before it.
type turn struct {
	k      int
	before <-chan struct{} // closed when the one before is over
	over   chan struct{}
}

// turns hands out the numbers from 0 on.
type turns struct {
	sync.Mutex
	last turn
}

func newTurns() *turns {
	over := make(chan struct{})
	close(over)
	return &turns{last: turn{k: -1, over: over}}
}

func (t *turns) next() turn {
	t.Lock()
	defer t.Unlock()
	t.last = turn{k: t.last.k + 1, before: t.last.over, over: make(chan struct{})}
	return t.last
}

// inOrder calls work for 0 to n-1, each call with one of the workers that is free, and then finish, in the order of the
// numbers and one at a time, with the same worker. What finish returns, if it is not nil, is called next, in no order,
// before that worker is free. inOrder returns the first error, after all workers have come to an end.
func inOrder[W any](ctx context.Context, workers []W, n int, work func(w W, k int) error, finish func(w W, k int) (later func(context.Context) error)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	one := func(w W, t turn) error {
		if err := guarded(func() error { return work(w, t.k) }); err != nil {
			return err
		}
		select {
		case <-t.before:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		later := finish(w, t.k)
		close(t.over)
		if later == nil {
			return nil
		}
		return later(ctx)
	}
	turns := newTurns()
	var all sync.WaitGroup
	for _, w := range workers {
		all.Go(func() {
			for t := turns.next(); t.k < n && ctx.Err() == nil; t = turns.next() {
				if err := one(w, t); err != nil {
					cancel(err)
				}
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}
