package store

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
)

// mostUnnamed is how many files may wait without a name, each of them open, before they are made durable and named. It is
// not fewer because everybody who writes to a disk waits now and then while somebody else syncs it. What is lost if the
// program is killed is bounded as well: a file counts once more for every unnamedWeight bytes.
const (
	mostUnnamed   = 4000
	unnamedWeight = 16 << 10
)

// isSmall tells whether content fits into one buffer together with the byte that would be too much.
func isSmall(c Content) bool { return c.Size >= 0 && c.Size < bufferSize }

// putSmall is PutSoon of small content. It is read and checked before anything is written, and waits in a file without a
// name, of which nothing is left if the program is killed. That spares the kernel a name, and its lock on the directory is
// asked for less often. The draft of an interrupted run is gone on with.
func (d *Dir) putSmall(ctx context.Context, name string, c Content) error {
	if err := checkWritable(ctx, name); err != nil {
		return err
	}
	if d.unnamed.Load() == unnamedFails || d.hasDraft(name) {
		return d.put(ctx, name, c, (*draft).promise)
	}
	buffer := d.buffers.Get().(*[bufferSize]byte)
	defer d.buffers.Put(buffer)
	data, err := readSmall(ctx, name, c, buffer)
	if err != nil {
		return err
	}
	waiting, err := d.keepUnnamed(ctx, name, data)
	if errors.Is(err, errors.ErrUnsupported) {
		c.Open = Bytes(data).Open
		return d.put(ctx, name, c, (*draft).promise)
	}
	if err != nil || waiting < d.mostUnnamed {
		return err
	}
	d.swap.RLock()
	defer d.swap.RUnlock()
	if !d.naming.TryAcquire(1) {
		if waiting < 2*d.mostUnnamed { // others are named at this time
			return nil
		}
		if err := d.naming.Acquire(ctx, 1); err != nil {
			return err
		}
	}
	defer d.naming.Release(1)
	return d.nameFiles(ctx, d.mostUnnamed)
}

// readSmall reads and checks small content.
func readSmall(ctx context.Context, name string, c Content, buffer *[bufferSize]byte) ([]byte, error) {
	m, err := newMeter(name, c)
	if err != nil {
		return nil, err
	}
	r, err := c.Open(ctx, 0)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := readFull(r, buffer[:c.Size+1])
	data = data[:m.take(data)]
	if err != nil && err != io.EOF && !m.over {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return data, m.end()
}

// hasDraft tells whether there may be a draft of a path.
func (d *Dir) hasDraft(name string) bool {
	d.swap.RLock()
	defer d.swap.RUnlock()
	dir, err := d.folders.enter(d.root, path.Dir(name))
	if err != nil {
		return !isAbsent(err)
	}
	d.folders.keep(dir)
	defer d.folders.leave(dir)
	if dir.noDrafts.Load() {
		return false
	}
	_, err = dir.Lstat(path.Base(name) + partSuffix)
	return !isAbsent(err)
}

// keepUnnamed writes what is to be at a path into a file without a name. The error wraps [errors.ErrUnsupported] if it
// has to be written as a draft. It returns how many such files count since others were named.
func (d *Dir) keepUnnamed(ctx context.Context, name string, data []byte) (int, error) {
	if d.unnamed.Load() == unnamedFails {
		return 0, errors.ErrUnsupported
	}
	d.swap.RLock()
	defer d.swap.RUnlock()
	unlock, err := d.busy.lock(ctx, name)
	if err != nil {
		return 0, err
	}
	defer unlock()
	d.tree.RLock()
	dir, err := d.enterOrMake(path.Dir(name))
	d.tree.RUnlock()
	if err != nil {
		return 0, err
	}
	d.folders.keep(dir)
	defer d.folders.leave(dir)
	f, err := d.writeUnnamed(dir, name, data)
	if err != nil {
		return 0, err
	}
	return d.batch.addUnnamed(name, f, 1+len(data)/unnamedWeight), nil
}

// writeUnnamed makes a file without a name of data. One does so at a time, as the filesystem lets only one make a file at a
// time anyway, and to wait for it is dearer.
func (d *Dir) writeUnnamed(dir *folder, name string, data []byte) (*os.File, error) {
	d.writing.Lock()
	defer d.writing.Unlock()
	f, err := d.createUnnamed(dir)
	if err != nil {
		return nil, err
	}
	if _, err := f.Write(data); err != nil {
		f.Close()
		return nil, d.failed("write", name, err)
	}
	return f, nil
}

// What is known of files without a name in a directory.
const (
	unnamedUnknown = iota
	unnamedWorks
	unnamedFails
)

// createUnnamed makes a file without a name in dir, if its filesystem knows how to, and gives it the mode of others.
func (d *Dir) createUnnamed(dir *folder) (*os.File, error) {
	f, err := createUnnamed(dir)
	switch {
	case err == nil && d.unnamed.Load() == unnamedUnknown:
		if !heedsUmask(f) || !syncsUnnamed(f) { // kernels before 6.0 forget the umask on some filesystems
			f.Close()
			d.unnamed.Store(unnamedFails)
			return nil, errors.ErrUnsupported
		}
		d.unnamed.Store(unnamedWorks)
	case errors.Is(err, errors.ErrUnsupported):
		d.unnamed.Store(unnamedFails)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission): // the directory has gone; ext4 says the latter
		err = errors.ErrUnsupported
	case err != nil:
		err = d.failed("create", dir.name, err)
	}
	return f, err
}

// leaveDrafts is for a run that ends without Sync: what waits without a name is gone on with by the next run, which checks it
// again. So it need not be durable.
func (d *Dir) leaveDrafts() {
	for name, f := range d.batch.takeUnnamed(0) {
		_ = d.link(name+partSuffix, f) // without it, it is read again
		d.batch.dropUnnamed(name, f)
	}
}

// nameFiles makes the files without a name durable and then gives them their names, if at least so many came since the
// last time. What is already at a path stays there until Sync. The caller holds naming.
func (d *Dir) nameFiles(ctx context.Context, least int) error {
	files := d.batch.takeUnnamed(least)
	if len(files) == 0 {
		return nil
	}
	names := slices.Sorted(maps.Keys(files))
	if err := d.syncUnnamed(names, files); err != nil {
		for name, f := range files { // what the disk refused must not be named
			d.batch.dropUnnamed(name, f)
		}
		return err
	}
	for dir, names := range byDir(names) {
		if err := d.nameIn(ctx, dir, names, files); err != nil {
			return err
		}
	}
	return nil
}

// nameIn names files of one directory.
func (d *Dir) nameIn(ctx context.Context, dir string, names []string, files map[string]*os.File) error {
	if folder, err := d.folders.enter(d.root, dir); err == nil { // so that it stays open from one to the next
		defer d.folders.leave(folder)
	}
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		if d.batch.unnamedOf(name) != files[name] { // and nobody waits for who writes there next
			continue
		}
		unlock, err := d.busy.lock(ctx, name)
		if err == nil {
			err = d.nameFile(ctx, name, files[name])
			unlock()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// nameFile gives a durable file its name, if it is still to have it. If it cannot have it, it becomes a draft. The caller
// holds the lock of the path.
func (d *Dir) nameFile(ctx context.Context, name string, f *os.File) error {
	if d.batch.unnamedOf(name) != f {
		return nil
	}
	err := d.link(name, f)
	if err == nil {
		d.batch.changed(path.Dir(name))
		d.batch.dropUnnamed(name, f)
		return nil
	}
	if !errors.Is(err, fs.ErrExist) && !errors.Is(err, fs.ErrNotExist) { // the directory has gone
		d.unnamed.Store(unnamedFails)
	}
	w, err := d.findDraft(name)
	if err != nil {
		return err
	}
	defer w.close()
	c := Content{Size: -1, Open: func(context.Context, int64) (io.ReadCloser, error) {
		return io.NopCloser(io.NewSectionReader(f, 0, bufferSize)), nil
	}}
	if err := w.write(ctx, c); err != nil {
		return err
	}
	return w.promise()
}

// link gives a file a name that nothing has.
func (d *Dir) link(name string, f *os.File) error {
	d.tree.RLock()
	defer d.tree.RUnlock()
	dir, err := d.enterOrMake(path.Dir(name))
	if err == nil {
		err = dir.link(f, path.Base(name))
		d.folders.leave(dir)
	}
	return err
}

// syncUnnamed makes files durable: with a sync for each, or by syncing their filesystems. Files that others have closed
// meanwhile are wanted no more.
func (d *Dir) syncUnnamed(names []string, files map[string]*os.File) error {
	if len(names) >= syncAtOnce {
		err := d.syncUnnamedAtOnce(names, files)
		if !errors.Is(err, errors.ErrUnsupported) {
			return err
		}
	}
	return syncEach(len(names), func(i int) error {
		if err := files[names[i]].Sync(); err != nil && !errors.Is(err, os.ErrClosed) {
			return d.failed("sync", names[i], err)
		}
		return nil
	})
}

func (d *Dir) syncUnnamedAtOnce(names []string, files map[string]*os.File) error {
	synced := make(map[uint64]bool)
	for dir, names := range byDir(names) {
		for _, name := range names { // one of them is enough
			err := d.folders.disks.sync(files[name], synced)
			if err == nil {
				break
			}
			if !errors.Is(err, os.ErrClosed) {
				return d.failed("sync", dir, err)
			}
		}
	}
	return nil
}
