package store

import (
	"context"
	"errors"
	"os"
	"path"
	"syscall"
)

// Put implements [Store]. What an interrupted run, of ours or of the Python tool, left of content with a digest is not
// read again. If then the whole is not what it should be, all of it is read once more.
func (d *Dir) Put(ctx context.Context, path string, c Content) error {
	return d.put(ctx, path, c, (*draft).publish)
}

// PutSoon implements [Syncer]. Until Sync the content stays in its draft, PATH.part: so what is at a path is whole even
// after a power cut, and an interrupted run need not read again what it had. Small content is kept in files without a
// name, where the filesystem has such, and some thousands of them are made durable, and then appear, together.
func (d *Dir) PutSoon(ctx context.Context, path string, c Content) error {
	if isSmall(c) {
		return d.putSmall(ctx, path, c)
	}
	return d.put(ctx, path, c, (*draft).promise)
}

func (d *Dir) put(ctx context.Context, path string, c Content, finish func(*draft) error) error {
	w, release, err := d.claim(ctx, path)
	if err != nil {
		return err
	}
	defer release()
	if err := w.write(ctx, c); err != nil {
		return err
	}
	return finish(w)
}

// claim opens the draft of a path for one writer at a time.
func (d *Dir) claim(ctx context.Context, path string) (w *draft, release func(), err error) {
	if err := checkWritable(ctx, path); err != nil {
		return nil, nil, err
	}
	d.swap.RLock()
	unlock, err := d.busy.lock(ctx, path)
	if err != nil {
		d.swap.RUnlock()
		return nil, nil, err
	}
	if err = d.keepPromise(ctx, path); err == nil {
		w, err = d.findDraft(path)
	}
	release = func() {
		if w != nil {
			w.close()
		}
		unlock()
		d.swap.RUnlock()
	}
	if err != nil {
		release()
		return nil, nil, err
	}
	return w, release, nil
}

// keepPromise publishes what an earlier PutSoon left before another one takes its place.
func (d *Dir) keepPromise(ctx context.Context, path string) error {
	if f := d.batch.unnamedOf(path); f != nil {
		if err := f.Sync(); err != nil {
			d.batch.dropUnnamed(path, f)
			return d.failed("sync", path, err)
		}
		if err := d.nameFile(ctx, path, f); err != nil {
			return err
		}
	}
	if !d.batch.hasDraft(path) {
		return nil
	}
	w, err := d.findDraft(path)
	if err != nil {
		return err
	}
	defer w.close()
	if w.file != nil { // nobody removed it
		err = w.publish()
	}
	if err == nil {
		d.batch.forget(path) // last: a Sync beside us must not take it for published before
	}
	return err
}

// publish makes the draft durable as what is at its path.
func (w *draft) publish() error {
	if err := w.file.Sync(); err != nil {
		return w.refused(err)
	}
	if err := renameFile(w.dir, w.base+partSuffix, w.base); err != nil {
		return w.d.failed("rename", w.path, err)
	}
	if err := syncDir(w.dir.Root); err != nil {
		return w.failed("sync", err)
	}
	return w.d.syncParents(path.Dir(w.path))
}

// promise leaves the draft for Sync to publish.
func (w *draft) promise() error {
	w.d.folders.keep(w.dir)
	w.d.batch.add(w.path) // first: a Sync beside us finds the one or the other
	w.d.batch.dropUnnamed(w.path, nil)
	return nil
}

// makeDir opens the directory named dir, and makes it if it is not there.
func (d *Dir) makeDir(dir string) (*os.Root, error) {
	r, err := d.root.OpenRoot(dir)
	if isAbsent(err) {
		if err = d.mkdirs(dir); err == nil {
			r, err = d.root.OpenRoot(dir)
		}
	}
	if err != nil {
		return nil, d.failed("mkdir", dir, err)
	}
	return r, nil
}

func (d *Dir) mkdirs(dir string) error {
	mkdir := func() error { return d.batch.make(path.Dir(dir), func() error { return d.root.Mkdir(dir, 0o777) }) }
	err := mkdir()
	if isAbsent(err) && dir != "." {
		if err := d.mkdirs(path.Dir(dir)); err != nil {
			return err
		}
		err = mkdir()
	}
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	return err
}

// syncParents makes durable that the directory named dir is there.
func (d *Dir) syncParents(dir string) error {
	d.syncing.Lock()
	defer d.syncing.Unlock()
	for dir != "." {
		dir = path.Dir(dir)
		if !d.batch.takeDir(dir) {
			continue
		}
		if err := d.syncDirAt(dir); err != nil {
			d.batch.changed(dir)
			return err
		}
	}
	return nil
}

// syncDirAt makes the entries of the directory named dir durable, if it is still there.
func (d *Dir) syncDirAt(dir string) error {
	r, err := d.root.OpenRoot(dir)
	if isAbsent(err) {
		return nil
	}
	if err != nil {
		return d.failed("open", dir, err)
	}
	defer r.Close()
	if err := syncDir(r); err != nil {
		return d.failed("sync", dir, err)
	}
	return nil
}

func syncDir(dir *os.Root) error {
	f, err := dir.Open(".")
	if err != nil {
		return err
	}
	defer f.Close()
	err = f.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		return nil // some filesystems cannot sync a directory, and need not
	}
	return err
}
