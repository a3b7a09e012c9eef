package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"time"
)

// lockPath is the file whose lock keeps other runs out. What it says is for people.
const lockPath = ours + "/lock"

// lockPause is how often a waiting run asks again. There is no call that waits for a lock and can be interrupted.
const lockPause = 100 * time.Millisecond

// Lock implements [Locker]. The lock ends with the process, however that ends. What earlier runs have left aside is
// removed.
func (d *Dir) Lock(ctx context.Context) (unlock func() error, err error) {
	dir, err := d.makeDir(path.Dir(lockPath))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	f, err := dir.OpenFile(path.Base(lockPath), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, d.failed("open", lockPath, err)
	}
	if err := d.waitForLock(ctx, f); err != nil {
		f.Close()
		return nil, err
	}
	if err := d.clearAside(); err != nil {
		f.Close()
		return nil, err
	}
	d.signLock(f)
	return func() error { return errors.Join(f.Truncate(0), f.Close()) }, nil
}

func (d *Dir) waitForLock(ctx context.Context, f *os.File) error {
	began := d.now()
	for {
		err := lockFile(f)
		if err == nil {
			return nil
		}
		if !errors.Is(err, errLocked) {
			return d.failed("lock", lockPath, err)
		}
		select {
		case <-ctx.Done():
			holder, _ := io.ReadAll(io.NewSectionReader(f, 0, 1024))
			return &lockedError{d.path, strings.TrimSpace(string(holder)), d.now().Sub(began), context.Cause(ctx)}
		case <-time.After(lockPause):
		}
	}
}

// signLock writes into the lock who holds it, if there is room for that on the disk: it is only for people.
func (d *Dir) signLock(f *os.File) {
	host, err := os.Hostname()
	if err != nil {
		host = "an unknown host"
	}
	text := fmt.Sprintf("process %d on %s since %s\n", os.Getpid(), host, d.now().UTC().Format(time.RFC3339))
	if f.Truncate(0) == nil {
		_, _ = f.WriteAt([]byte(text), 0)
	}
}

// lockedError says who holds a lock, and how long it was waited for.
type lockedError struct {
	where, holder string
	waited        time.Duration
	why           error // the wait ended
}

func (e *lockedError) Error() string {
	holder := e.holder
	if holder == "" {
		holder = "it does not say who"
	}
	text := fmt.Sprintf("%s: another run is at work there (%s)", e.where, holder)
	if waited := e.waited.Round(lockPause); waited > 0 {
		text += fmt.Sprintf("; waited %v for it to end", waited)
	}
	return text
}

func (e *lockedError) Unwrap() error { return e.why }
