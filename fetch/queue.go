package fetch

import (
	"context"
	"sync"

	"golang.org/x/sync/errgroup"
)

// Share has several jobs do what is to be done for all things, such as items that are read: first for the small ones, which
// each job takes many of at once, as is best for a [Pipeline], then for the others, one by one. The first error ends it.
func Share[T any](ctx context.Context, jobs int, all []T, small func(T) bool, do func(ctx context.Context, some []T) error) error {
	group, ctx := errgroup.WithContext(ctx)
	jobs = min(jobs, len(all))
	q := newQueue(all, jobs, small)
	for range jobs {
		group.Go(func() error {
			for some := q.next(); len(some) > 0; some = q.next() {
				if err := do(ctx, some); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// queue is what several jobs have yet to take.
type queue[T any] struct {
	jobs int

	mu           sync.Mutex
	small, large []T // what is left, in order
}

func newQueue[T any](all []T, jobs int, small func(T) bool) *queue[T] {
	q := &queue[T]{jobs: jobs}
	for _, one := range all {
		if small(one) {
			q.small = append(q.small, one)
		} else {
			q.large = append(q.large, one)
		}
	}
	return q
}

// mostTogether is how many a job takes at once: so many that it seldom waits for the first of them.
const mostTogether = 64

// next returns what one job is to do, but of small things not so many that the others have nothing to do. It returns none if
// all are taken.
func (q *queue[T]) next() (some []T) {
	q.mu.Lock()
	defer q.mu.Unlock()
	from, n := &q.small, min(max(len(q.small)/(2*q.jobs), 1), mostTogether)
	if len(q.small) == 0 {
		from, n = &q.large, min(len(q.large), 1)
	}
	some, *from = (*from)[:n], (*from)[n:]
	return some
}
