package swift

import (
	"context"
	"sync"
)

// pathLocks keep two writers of this process from one path: a large object takes several requests.
type pathLocks struct {
	mu   sync.Mutex
	held map[string]chan struct{} // closed when the path is free again
}

// lock waits for the path.
func (l *pathLocks) lock(ctx context.Context, path string) (unlock func(), err error) {
	for {
		l.mu.Lock()
		busy, ok := l.held[path]
		if !ok {
			break
		}
		l.mu.Unlock()
		select {
		case <-busy:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	defer l.mu.Unlock()
	if l.held == nil {
		l.held = map[string]chan struct{}{}
	}
	free := make(chan struct{})
	l.held[path] = free
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.held, path)
		close(free)
	}, nil
}
