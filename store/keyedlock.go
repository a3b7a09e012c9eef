package store

import (
	"context"
	"sync"
)

// keyedLock lets one caller at a time have a key.
type keyedLock struct {
	mu   sync.Mutex
	held map[string]chan struct{} // closed by the holder when it is done; nil while nobody waits for that
}

func (k *keyedLock) lock(ctx context.Context, key string) (unlock func(), err error) {
	for {
		k.mu.Lock()
		wait, taken := k.held[key]
		if !taken {
			break
		}
		if wait == nil {
			wait = make(chan struct{})
			k.held[key] = wait
		}
		k.mu.Unlock()
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	defer k.mu.Unlock()
	if k.held == nil {
		k.held = make(map[string]chan struct{})
	}
	k.held[key] = nil
	return func() {
		k.mu.Lock()
		wait := k.held[key]
		delete(k.held, key)
		k.mu.Unlock()
		if wait != nil {
			close(wait)
		}
	}, nil
}
