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
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/semaphore"
)

// Dir keeps content in a directory. Nothing leaves the directory, through a symbolic link either; links that stay
// inside are followed. It is a [Syncer], [Replacer], [Lister], [Copier], [Adopter], [Tree], [Limited] and
// [Locker].
//
// It keeps some names for itself: PATH.part is what has come of PATH so far, .sstream/lock is its lock, and in
// .sstream/aside are documents that are about to be exchanged, or were.
type Dir struct {
	path string
	root *os.Root
	top  *os.File // the same directory
	now  func() time.Time

	buffers sync.Pool    // of *[bufferSize]byte
	busy    keyedLock    // one writer a path
	batch   batch        // what has yet to be made durable
	folders folders      // where somebody is at work
	alone   atomic.Bool  // the lock is ours: nobody else exchanges directories
	tree    sync.RWMutex // shared: making a file in a directory; alone: removing empty directories
	swap    sync.RWMutex // shared: writing below directories; alone: exchanging a directory for another
	syncing sync.Mutex   // whoever takes changed directories out of the batch holds it until they are durable

	writing sync.Mutex          // one at a time writes a file without a name
	naming  *semaphore.Weighted // one at a time names files; a lock that can be waited for and given up

	exchanges atomic.Int64 // how many there were
	links     atomic.Int64 // how many were staged

	mostUnnamed int          // how many files may wait without a name
	unnamed     atomic.Int32 // whether there can be files without a name: unnamedUnknown, …
}

// DirOptions say how a [Dir] is opened.
type DirOptions struct {
	Create bool             // make the directory if it is not there; false: that is an error
	Now    func() time.Time // tells the holder of a lock since when; nil: time.Now
}

// OpenDir opens the directory at path.
func OpenDir(path string, o DirOptions) (*Dir, error) {
	if o.Create {
		if err := os.MkdirAll(path, 0o777); errors.Is(err, fs.ErrExist) {
			return nil, &fs.PathError{Op: "open", Path: path, Err: errors.New("it is a symbolic link to what is not there")}
		} else if err != nil {
			return nil, inTheWay(err)
		}
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, inTheWay(err)
	}
	top, err := root.Open(".")
	if err != nil {
		root.Close()
		return nil, err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	d := &Dir{path: path, root: root, top: top, now: o.Now, naming: semaphore.NewWeighted(1)}
	d.mostUnnamed = min(mostUnnamed, mostOpen()/8) // up to twice as many may be named while up to twice as many come
	if err := d.folders.disks.note(root); err != nil {
		return nil, errors.Join(err, top.Close(), root.Close())
	}
	d.buffers.New = func() any { return new([bufferSize]byte) }
	return d, nil
}

// inTheWay says so if what is at the path of err is no directory.
func inTheWay(err error) error {
	at := (*fs.PathError)(nil)
	if !errors.As(err, &at) {
		return err
	}
	if info, missing := os.Stat(at.Path); missing != nil || info.IsDir() {
		return err
	}
	return fmt.Errorf("%s is not a directory", at.Path)
}

// Close releases the directory. Readers that are open stay open.
func (d *Dir) Close() error {
	d.folders.keep(nil)
	d.leaveDrafts()
	d.folders.disks.close()
	return errors.Join(d.top.Close(), d.root.Close())
}

// Path returns the path that the directory was opened by.
func (d *Dir) Path() string { return d.path }

// Open implements [Source]. The reader is an [*os.File].
func (d *Dir) Open(ctx context.Context, path string, off int64) (io.ReadCloser, error) {
	if err := check(ctx, path); err != nil {
		return nil, err
	}
	f, err := walk(d, func() (*os.File, error) {
		return d.root.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a fifo would keep it waiting
	})
	if err != nil {
		return nil, d.failed("open", path, err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = notContent(info)
	}
	if err == nil && off > 0 {
		_, err = f.Seek(off, io.SeekStart)
	}
	if err != nil {
		f.Close()
		return nil, d.failed("open", path, err)
	}
	return f, nil
}

// walk looks for something below the root. A walk that an exchange of directories came between may have ended in the old
// one, where documents may be missing: then it is done again. Of what other runs exchange nobody tells us: unless they are kept
// out, what is not found is looked for again in any case.
func walk[T any](d *Dir, look func() (T, error)) (T, error) {
	for tries := 1; ; tries++ {
		before := d.exchanges.Load()
		found, err := look()
		if !isAbsent(err) {
			return found, err
		}
		if d.exchanges.Load() == before && (tries >= 3 || d.alone.Load()) {
			return found, fs.ErrNotExist
		}
	}
}

// Stat implements [Store].
func (d *Dir) Stat(ctx context.Context, path string) (Info, error) {
	if err := check(ctx, path); err != nil {
		return Info{}, err
	}
	info, err := walk(d, func() (Info, error) { return d.statFile(path) })
	if err != nil {
		return Info{}, d.failed("stat", path, err)
	}
	return info, nil
}

// statInRoot is statFile in the way of os.Root.
func (d *Dir) statInRoot(path string) (Info, error) {
	info, err := d.root.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = notContent(info)
	}
	if err != nil {
		return Info{}, err
	}
	return Info{Size: info.Size(), Modified: info.ModTime()}, nil
}

// Blocked implements [Tree].
func (d *Dir) Blocked(ctx context.Context, name string) (bool, error) {
	if err := check(ctx, name); err != nil {
		return false, err
	}
	for at := name; at != "."; at = path.Dir(at) {
		info, err := walk(d, func() (fs.FileInfo, error) { return d.root.Stat(at) })
		if isAbsent(err) {
			continue
		}
		if err != nil {
			return false, d.failed("stat", at, err)
		}
		return info.IsDir() == (at == name), nil
	}
	return false, nil
}

// Delete implements [Store]. It removes also the directories that are empty then, and what an interrupted run left of
// the path. It is durable after the next Sync.
func (d *Dir) Delete(ctx context.Context, path string) error {
	if err := checkWritable(ctx, path); err != nil {
		return err
	}
	d.swap.RLock()
	defer d.swap.RUnlock()
	unlock, err := d.busy.lock(ctx, path)
	if err != nil {
		return err
	}
	defer unlock()
	d.batch.forget(path)
	d.batch.dropUnnamed(path, nil)
	for _, name := range []string{path + partSuffix, path} {
		if err := d.remove(name); err != nil {
			return d.failed("remove", path, err)
		}
	}
	return d.prune(path)
}

// remove removes a file or symbolic link, never a directory.
func (d *Dir) remove(name string) error {
	info, err := d.root.Lstat(name)
	if err == nil && !info.IsDir() {
		err = d.root.Remove(name)
	}
	if isAbsent(err) {
		return nil
	}
	return err
}

// prune removes the directories above name that are empty.
func (d *Dir) prune(name string) error {
	d.tree.Lock()
	defer d.tree.Unlock()
	dir := path.Dir(name)
	for ; dir != "."; dir = path.Dir(dir) {
		info, err := d.root.Lstat(dir)
		if isAbsent(err) || err == nil && info.Mode().IsRegular() { // a file may have taken its place
			continue
		}
		if err != nil {
			return d.failed("remove", dir, err)
		}
		if !info.IsDir() || d.root.Remove(dir) != nil {
			break // a symbolic link is not ours; a directory that is not empty stays
		}
	}
	d.batch.changed(dir)
	return nil
}

// Free implements [Limited].
func (d *Dir) Free(ctx context.Context) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	top, err := d.root.Open(".")
	if err != nil {
		return 0, d.failed("open", "", err)
	}
	defer top.Close()
	free, err := freeBytes(top)
	if err != nil {
		return 0, d.failed("statfs", "", err)
	}
	return free, nil
}

// failed makes an error name the whole path.
func (d *Dir) failed(op, name string, err error) error {
	var inner *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &inner):
		err = inner.Err
	case errors.As(err, &link):
		err = link.Err
	}
	if !isAbsent(err) && d.leadsOut(err) {
		err = fmt.Errorf("a symbolic link that is absolute or leads out of %s is not followed; mount the other directory in its place (mount --bind)", d.path)
	}
	return &fs.PathError{Op: op, Path: filepath.Join(d.path, name), Err: err}
}

// leadsOut tells whether err is what os.Root says of ways out of it, for which package os has no name.
func (d *Dir) leadsOut(err error) bool {
	_, out := d.root.Lstat("..")
	at := (*fs.PathError)(nil)
	return errors.As(out, &at) && at.Err != fs.ErrClosed && errors.Is(err, at.Err)
}

// notContent is the error for a path where something is, but no file.
func notContent(info fs.FileInfo) error {
	kind := "a special file"
	if info.IsDir() {
		kind = "a directory"
	}
	return fmt.Errorf("%w: it is %s", fs.ErrNotExist, kind)
}

// isAbsent tells whether nothing is at a path, be it because a file is where its directory should be.
func isAbsent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// ours is the directory of the names that a Dir keeps for itself.
const ours = ".sstream"

func checkWritable(ctx context.Context, path string) error {
	if err := check(ctx, path); err != nil {
		return err
	}
	return checkOurs(path)
}

// checkOurs refuses to write where the directory keeps its own things.
func checkOurs(name string) error {
	if name == lockPath || name == asidePath || strings.HasPrefix(name, asidePath+"/") || strings.HasSuffix(name, partSuffix) {
		return fmt.Errorf("unsafe path %q: the directory keeps this name for itself", name)
	}
	return nil
}

var _ interface {
	Store
	Syncer
	Replacer
	Lister
	Copier
	Adopter
	Tree
	Limited
	Locker
} = (*Dir)(nil)
