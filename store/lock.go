package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// lockPath is the file whose lock, with that of the directory itself, keeps other runs out. What it says is for people.
const lockPath = ours + "/lock"

// lockPause is how often a waiting run asks again. There is no call that waits for a lock and can be interrupted.
const lockPause = 100 * time.Millisecond

var errLocked = errors.New("locked")

// ErrRemoved is why a directory cannot be locked that has been removed, or moved, since it was opened: as by a run that had
// made it, and put nothing into it. Who opens it again may make it again.
var ErrRemoved = errors.New("another run has removed the directory")

// Lock implements [Locker]. The lock ends with the process, however that ends. What earlier runs have left aside is
// removed. The error may wrap [ErrRemoved].
func (d *Dir) Lock(ctx context.Context) (unlock func() error, err error) {
	unlock, err = d.lock(ctx)
	if !d.removed() {
		return unlock, err
	}
	if err == nil {
		_ = unlock() // of nothing
	}
	return nil, &fs.PathError{Op: "lock", Path: d.path, Err: ErrRemoved}
}

// removed tells whether the path of the directory leads to it no more.
func (d *Dir) removed() bool {
	opened, err := d.top.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(d.path)
	return isAbsent(err) || err == nil && !os.SameFile(opened, there)
}

func (d *Dir) lock(ctx context.Context) (unlock func() error, err error) {
	f, err := d.openLock()
	if err != nil {
		return nil, err
	}
	root, err := d.root.Open(".")
	if err != nil {
		f.Close()
		return nil, d.failed("open", ".", err)
	}
	if err := d.lockBoth(ctx, root, f); err != nil {
		return nil, errors.Join(err, closeLocked(f), closeLocked(root))
	}
	d.signLock(f)
	d.folders.forgetAll() // others may have exchanged directories
	d.alone.Store(true)
	return func() error {
		d.leaveDrafts() // while nobody else writes them
		d.alone.Store(false)
		d.folders.forgetAll()
		return errors.Join(f.Truncate(0), closeLocked(f), closeLocked(root))
	}, nil
}

// openLock opens the file of the lock, and makes it if it is not there. Until it is, its directory may be empty, and taken away
// by another run: then it is made again.
func (d *Dir) openLock() (f *os.File, err error) {
	for range 100 {
		if f, err = d.tryOpenLock(); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return f, err
}

func (d *Dir) tryOpenLock() (*os.File, error) {
	dir, err := d.makeDir(path.Dir(lockPath))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	f, err := dir.OpenFile(path.Base(lockPath), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, d.failed("open", lockPath, err)
	}
	return f, nil
}

// closeLocked closes a file and lets go of its lock, which would outlast it in a program that was just being started: until that
// has begun, it has all files that we have.
func closeLocked(f *os.File) error {
	unlockFile(f)
	return f.Close()
}

// lockBoth takes the lock of the directory, which those who leave no file behind take as well, and that of the file,
// which works where directories cannot be locked.
func (d *Dir) lockBoth(ctx context.Context, root, f *os.File) error {
	var waited time.Duration
	for _, lock := range []*os.File{root, f} {
		more, err := waitForLock(ctx, lock, nil)
		waited += more
		switch {
		case errors.Is(err, errLocked):
			holder, _ := io.ReadAll(io.NewSectionReader(f, 0, 1024))
			return &lockedError{d.path, strings.TrimSpace(string(holder)), waited, context.Cause(ctx)}
		case err != nil && lock == f:
			return d.failed("lock", lockPath, err)
		}
	}
	return d.clearAside()
}

// waitForLock takes the lock of f, until ctx is done: the error is errLocked then. It calls waiting, which may be nil,
// when it begins to wait, and returns how long it waited.
func waitForLock(ctx context.Context, f *os.File, waiting func()) (waited time.Duration, err error) {
	for {
		if err := lockFile(f); !errors.Is(err, errLocked) || ctx.Err() != nil {
			return waited, err
		}
		if waited == 0 && waiting != nil {
			waiting()
		}
		began := time.Now()
		select {
		case <-ctx.Done():
		case <-time.After(lockPause):
		}
		waited += time.Since(began)
	}
}

// LockDir keeps other runs out of a directory, as Lock does, but leaves no file there. It calls waiting, which may be
// nil, when it begins to wait for another run to end. The lock ends with the process, however that ends.
func LockDir(ctx context.Context, path string, waiting func()) (unlock func() error, err error) {
	dir, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	waited, err := waitForLock(ctx, dir, waiting)
	switch {
	case err == nil:
		return func() error { return closeLocked(dir) }, nil
	case errors.Is(err, errLocked):
		holder, _ := os.ReadFile(filepath.Join(path, lockPath)) // if it is one that says so
		dir.Close()
		return nil, &lockedError{path, strings.TrimSpace(string(holder)), waited, context.Cause(ctx)}
	default:
		dir.Close()
		return nil, fmt.Errorf("cannot lock %s: %w", path, err)
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
