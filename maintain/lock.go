package maintain

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"syscall"
	"time"
)

// lock keeps a second run out of root. The lock is on the directory itself, so that no file is left behind and the
// end of the process ends it.
func lock(ctx context.Context, root string, log *slog.Logger) (unlock func(), err error) {
	dir, err := os.Open(root)
	if err != nil {
		return nil, err
	}
	for told := false; ; told = true {
		err := syscall.Flock(int(dir.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return func() { dir.Close() }, nil
		case errors.Is(err, syscall.EINTR):
			continue
		case !errors.Is(err, syscall.EWOULDBLOCK):
			dir.Close()
			return nil, fmt.Errorf("cannot lock %s: %w", root, err)
		case !told:
			log.Warn("Waiting for another run to end", "path", root)
		}
		select {
		case <-ctx.Done():
			dir.Close()
			return nil, fmt.Errorf("another run holds the lock on %s: %w", root, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}
