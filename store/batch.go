package store

import (
	"context"
	"errors"
	"iter"
	"maps"
	"os"
	"path"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
)

// batch is what a Dir has promised to make durable with the next Sync.
type batch struct {
	mu     sync.Mutex
	last   int
	drafts map[string]int  // verified but not published, by path; the number tells one PutSoon of a path from the next
	dirs   map[string]bool // whose entries have changed

	unnamed map[string]*os.File // likewise, by path; no path has both, but for a moment
	newest  int                 // how many of them count since somebody began to name the others
}

func (b *batch) add(path string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.drafts == nil {
		b.drafts = make(map[string]int)
	}
	b.last++
	b.drafts[path] = b.last
}

// forget takes a draft out of the batch, if it is there.
func (b *batch) forget(path string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.drafts, path)
}

// addUnnamed is add for a file without a name, which is closed when it leaves the batch. It counts as so many, and how many
// count since takeUnnamed is returned.
func (b *batch) addUnnamed(path string, f *os.File, weight int) int {
	b.mu.Lock()
	before := b.unnamed[path]
	if b.unnamed == nil {
		b.unnamed = make(map[string]*os.File)
	}
	b.unnamed[path] = f
	b.newest += weight
	n := b.newest
	b.mu.Unlock()
	if before != nil {
		before.Close()
	}
	return n
}

// dropUnnamed takes a file without a name out of the batch, if it is there. Without f it is that of the path, whichever it is.
func (b *batch) dropUnnamed(path string, f *os.File) {
	b.mu.Lock()
	there := b.unnamed[path]
	if f != nil && f != there {
		there = nil
	}
	if there != nil {
		delete(b.unnamed, path)
	}
	b.mu.Unlock()
	if there != nil {
		there.Close()
	}
}

// unnamedOf returns the file without a name that is promised for a path, nil if there is none.
func (b *batch) unnamedOf(path string) *os.File {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.unnamed[path]
}

// takeUnnamed returns the files without a name, if at least so many count since the last time.
func (b *batch) takeUnnamed(least int) map[string]*os.File {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.newest < least {
		return nil
	}
	b.newest = 0
	return maps.Clone(b.unnamed)
}

// hasDraft tells whether a draft of a path is in the batch.
func (b *batch) hasDraft(path string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, ok := b.drafts[path]
	return ok
}

func (b *batch) snapshot() map[string]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.drafts)
}

// holds tells whether the PutSoon of path with this number has still to be published.
func (b *batch) holds(path string, number int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.drafts[path] == number
}

// changed notes that the entries of directories have changed.
func (b *batch) changed(dirs ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.note(dirs)
}

// make makes an entry in a directory and notes it: whoever sees the entry before that waits for it in takeDir and takeDirs.
func (b *batch) make(dir string, entry func() error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	err := entry()
	if err == nil {
		b.note([]string{dir})
	}
	return err
}

// note is changed, for who holds the lock.
func (b *batch) note(dirs []string) {
	if b.dirs == nil {
		b.dirs = make(map[string]bool)
	}
	for _, dir := range dirs {
		b.dirs[dir] = true
	}
}

// takeDir takes one directory from the list of changed ones, and tells whether it was there.
func (b *batch) takeDir(dir string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	found := b.dirs[dir]
	delete(b.dirs, dir)
	return found
}

func (b *batch) takeDirs() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	dirs := slices.Sorted(maps.Keys(b.dirs))
	clear(b.dirs)
	return dirs
}

// syncAtOnce is the number of files from which on one sync of the whole filesystem is better than one for each: it
// waits for what other programs have written as well, but costs one round of the disk.
const syncAtOnce = 16

// Sync implements [Syncer]: the drafts become durable, then they are published, then that becomes durable.
func (d *Dir) Sync(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	d.swap.RLock()
	defer d.swap.RUnlock()
	return d.sync(ctx)
}

// sync is Sync for who holds swap. Others may publish meanwhile what the batch holds: what is not in it any more is at its path,
// and its directory noted, or is wanted no more.
func (d *Dir) sync(ctx context.Context) error {
	d.folders.keep(nil)
	if err := d.naming.Acquire(ctx, 1); err != nil {
		return err
	}
	err := d.nameFiles(ctx, 0)
	d.naming.Release(1)
	if err != nil {
		return err
	}
	drafts := d.batch.snapshot()
	paths := slices.Sorted(maps.Keys(drafts))
	if err := d.syncDrafts(paths); err != nil {
		return errors.Join(err, d.dropDrafts(ctx, paths, drafts))
	}
	for dir, paths := range byDir(paths) {
		if err := d.land(ctx, dir, paths, drafts); err != nil {
			return err
		}
	}
	d.syncing.Lock()
	defer d.syncing.Unlock()
	dirs := d.batch.takeDirs()
	if err := d.syncDirs(dirs); err != nil {
		d.batch.changed(dirs...)
		return err
	}
	return nil
}

// byDir yields runs of paths that are in one directory.
func byDir(paths []string) iter.Seq2[string, []string] {
	return func(yield func(string, []string) bool) {
		for len(paths) > 0 {
			dir, n := path.Dir(paths[0]), 1
			for n < len(paths) && path.Dir(paths[n]) == dir {
				n++
			}
			if !yield(dir, paths[:n]) {
				return
			}
			paths = paths[n:]
		}
	}
}

// land publishes drafts of one directory that are durable, unless they are other ones by now.
func (d *Dir) land(ctx context.Context, dir string, paths []string, numbers map[string]int) error {
	wanted := func(name string) bool { return d.batch.holds(name, numbers[name]) }
	f, err := d.folders.enter(d.root, dir)
	if isAbsent(err) && !slices.ContainsFunc(paths, wanted) {
		return nil // they were deleted, and the directory with them
	}
	if err != nil {
		return d.failed("open", dir, err)
	}
	defer d.folders.leave(f)
	for _, name := range paths {
		err := d.ifHeld(ctx, name, numbers[name], func() error {
			err := renameFile(f, path.Base(name)+partSuffix, path.Base(name))
			d.batch.changed(dir)
			d.batch.forget(name)
			if err != nil {
				return d.failed("rename", name, err)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// ifHeld does something about the PutSoon of path with this number if it has still to be published, and keeps other writers
// out.
func (d *Dir) ifHeld(ctx context.Context, path string, number int, do func() error) error {
	if !d.batch.holds(path, number) {
		return nil // and nobody waits for who writes there next
	}
	unlock, err := d.busy.lock(ctx, path)
	if err != nil {
		return err
	}
	defer unlock()
	if !d.batch.holds(path, number) {
		return nil
	}
	return do()
}

func (d *Dir) syncDrafts(paths []string) error {
	var dirs []string
	for _, name := range paths {
		dirs = append(dirs, path.Dir(name))
	}
	return d.syncAll(len(paths), dirs, func(i int) error { return d.syncFile(paths[i] + partSuffix) })
}

// syncFile makes the content of a file durable, if it is still there.
func (d *Dir) syncFile(name string) error {
	f, err := d.root.Open(name)
	if err == nil {
		err = errors.Join(f.Sync(), f.Close())
	}
	if err != nil && !isAbsent(err) {
		return d.failed("sync", name, err)
	}
	return nil
}

// dropDrafts removes drafts that the disk refused: they must not be resumed from memory.
func (d *Dir) dropDrafts(ctx context.Context, paths []string, numbers map[string]int) error {
	var errs []error
	for _, name := range paths {
		errs = append(errs, d.ifHeld(ctx, name, numbers[name], func() error {
			d.batch.forget(name)
			return d.remove(name + partSuffix)
		}))
	}
	return errors.Join(errs...)
}

func (d *Dir) syncDirs(dirs []string) error {
	return d.syncAll(len(dirs), dirs, func(i int) error { return d.syncDirAt(dirs[i]) })
}

// syncAll makes n things durable that are in the directories dirs: with sync, several at a time, or by syncing their
// filesystems.
func (d *Dir) syncAll(n int, dirs []string, sync func(i int) error) error {
	if n >= syncAtOnce {
		err := d.syncFilesystems(slices.Compact(dirs))
		if !errors.Is(err, errors.ErrUnsupported) {
			return err
		}
	}
	return syncEach(n, sync)
}

// syncEach makes n things durable with sync, several at a time.
func syncEach(n int, sync func(i int) error) error {
	var group errgroup.Group
	group.SetLimit(syncAtOnce / 2)
	for i := range n {
		group.Go(func() error { return sync(i) })
	}
	return group.Wait()
}

// syncFilesystems syncs the filesystems that directories are on: other ones may be mounted in the tree.
func (d *Dir) syncFilesystems(dirs []string) error {
	synced := make(map[uint64]bool)
	for _, dir := range dirs {
		f, err := d.root.Open(dir)
		if isAbsent(err) {
			continue
		}
		if err != nil {
			return d.failed("open", dir, err)
		}
		err = d.folders.disks.sync(f, synced)
		f.Close()
		if err != nil {
			return d.failed("sync", dir, err)
		}
	}
	return nil
}
