package fetch

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

// watch ends a request that takes too long by cancelling its context.
type watch struct {
	cancel context.CancelFunc
	timer  *time.Timer
	late   atomic.Bool // the timer did it
}

// newWatch begins to watch over what is done under the context that it returns.
func newWatch(ctx context.Context, first time.Duration) (context.Context, *watch) {
	ctx, cancel := context.WithCancel(ctx)
	w := &watch{cancel: cancel}
	w.timer = time.AfterFunc(first, func() {
		w.late.Store(true)
		cancel()
	})
	return ctx, w
}

func (w *watch) stop() {
	w.timer.Stop()
	w.cancel()
}

// watchedBody is the body of a response, with an end to the patience of its reader. Only the time that is spent waiting
// for data counts: a reader may take all the time it likes.
type watchedBody struct {
	body  io.ReadCloser
	watch *watch
	limit *HTTP
	idle  time.Duration // the longest wait for a byte
	spent time.Duration // waiting, since the speed was last looked at
	got   int64         // in that time
	err   error         // why patience is at its end
}

func (b *watchedBody) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	start := time.Now()
	b.watch.timer.Reset(b.idle)
	n, err := b.body.Read(p)
	b.watch.timer.Stop()
	b.got += int64(n)
	b.spent += time.Since(start)
	switch {
	case err == io.EOF:
	case err != nil && b.watch.late.Load():
		b.err = fmt.Errorf("the server sent nothing for %v", b.idle)
	case err == nil && b.spent >= b.limit.LowSpeedTime:
		if float64(b.got) < float64(b.limit.LowSpeed)*b.spent.Seconds() {
			b.watch.cancel()
			b.err = fmt.Errorf("the server sends less than %d bytes a second", b.limit.LowSpeed)
		}
		b.spent, b.got = 0, 0
	}
	if b.err != nil {
		err = b.err
	}
	return n, err
}

func (b *watchedBody) Close() error {
	defer b.watch.stop()
	return b.body.Close()
}

// drain reads the little that is left of an answer that nobody wants, so that its connection can be used again.
func (b *watchedBody) drain() {
	b.idle = min(b.idle, time.Second)
	_, _ = io.CopyN(io.Discard, b, 16<<10)
	b.Close()
}
