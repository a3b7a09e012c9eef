package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
)

// asidePath is where documents to come are made ready, and where the ones that they replaced stay for those who are
// reading them. It is cleared by the next Lock or Replace.
const asidePath = ours + "/aside"

// Replace implements [Replacer] for paths in one directory or below it. The directory is built anew beside the old one,
// out of the new documents and hard links to everything else that is in it, whoever put it there; then the kernel
// exchanges the two.
//
// So a reader that holds the directory open goes on seeing the old documents, all of them, and never some of the old and
// some of the new. A reader that opens one path after the other sees each of them whole, and nothing older than what it
// saw before.
//
// If the paths have no directory in common, or the kernel or the filesystem cannot exchange, the error wraps
// [errors.ErrUnsupported]. Replace waits for every Put that is going on, and publishes what PutSoon has left.
func (d *Dir) Replace(ctx context.Context, docs map[string]Content, gone []string) error {
	paths := slices.Concat(slices.Sorted(maps.Keys(docs)), gone)
	for _, name := range paths {
		if err := checkWritable(ctx, name); err != nil {
			return err
		}
	}
	if len(paths) == 0 {
		return nil
	}
	if err := d.Sync(ctx); err != nil {
		return err
	}
	if len(paths) == 1 {
		return d.replaceOne(ctx, docs, gone)
	}
	x := &exchange{d: d, dir: commonDir(paths), docs: docs, gone: gone, buf: make([]byte, 256<<10)}
	if x.dir == "." || x.dir == ours {
		return fmt.Errorf("cannot replace documents in several directories at once: %w", errors.ErrUnsupported)
	}
	d.swap.Lock()
	defer d.swap.Unlock()
	if err := d.sync(ctx); err != nil { // what came meanwhile: no draft that is promised gets a second name
		return err
	}
	if err := d.clearAside(); err != nil {
		return err
	}
	err := x.build(ctx)
	if err == nil {
		err = x.swap()
	}
	if err == nil {
		return nil
	}
	if isExchangeUnsupported(err) {
		err = fmt.Errorf("cannot exchange directories here (%w): %w", err, errors.ErrUnsupported)
	}
	return errors.Join(err, d.clearAside())
}

// replaceOne replaces a single path, which needs no exchange.
func (d *Dir) replaceOne(ctx context.Context, docs map[string]Content, gone []string) error {
	for name, c := range docs {
		return d.Put(ctx, name, c)
	}
	if err := d.Delete(ctx, gone[0]); err != nil {
		return err
	}
	return d.Sync(ctx)
}

// clearAside removes what an earlier run has left aside.
func (d *Dir) clearAside() error {
	if err := d.root.RemoveAll(asidePath); err != nil {
		return d.failed("remove", asidePath, err)
	}
	return nil
}

// Tidy removes what Replace has left aside for readers, and with it every trace of this package if nobody ever locked
// the directory.
func (d *Dir) Tidy() error {
	d.swap.Lock() // nobody makes anything ready there
	defer d.swap.Unlock()
	if err := d.clearAside(); err != nil {
		return err
	}
	err := d.root.Remove(ours)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTEMPTY) {
		return nil
	}
	return err
}

// commonDir returns the deepest directory that all the paths are below.
func commonDir(paths []string) string {
	dir := path.Dir(paths[0])
	for _, name := range paths[1:] {
		for dir != "." && !strings.HasPrefix(name, dir+"/") {
			dir = path.Dir(dir)
		}
	}
	return dir
}

// exchange is a directory that is about to change.
type exchange struct {
	d    *Dir
	dir  string
	docs map[string]Content // by path in d
	gone []string           // paths in d
	made []string           // directories below asidePath that have to be synced
	buf  []byte             // what is read of a document and not yet written
}

// staged returns where what belongs at a path of the directory is made ready.
func (x *exchange) staged(name string) string { return asidePath + "/tree" + name[len(x.dir):] }

// build makes the directory as it shall be.
func (x *exchange) build(ctx context.Context) error {
	left := make(map[string]bool) // what is not carried over
	for name := range x.docs {
		left[name], left[name+partSuffix] = true, true
	}
	for _, name := range x.gone {
		left[name], left[name+partSuffix] = true, true
	}
	dir, err := x.d.makeDir(asidePath)
	if err != nil {
		return err
	}
	dir.Close()
	if err := x.carry(ctx, x.dir, left); err != nil {
		return err
	}
	names := slices.Sorted(maps.Keys(x.docs))
	for _, name := range names {
		if err := x.mkdirs(path.Dir(name)); err != nil {
			return err
		}
	}
	for _, name := range x.gone {
		x.prune(name)
	}
	for _, name := range names { // in their order: NAME.json.gpg is no older than NAME.json
		if err := x.write(ctx, name); err != nil {
			return err
		}
	}
	if err := x.d.syncAll(len(names), x.made, func(i int) error { return x.d.syncFile(x.staged(names[i])) }); err != nil {
		return err
	}
	return x.d.syncDirs(x.made)
}

// carry makes a directory like the one that is there, with the same files but those that are left.
func (x *exchange) carry(ctx context.Context, dir string, left map[string]bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := x.mkdirLike(dir); err != nil {
		return err
	}
	entries, err := x.d.entries(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		switch {
		case e.IsDir():
			err = x.carry(ctx, name, left)
		case !left[name]:
			if err = x.d.root.Link(name, x.staged(name)); err != nil {
				err = x.d.failed("link", x.staged(name), err)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// mkdirLike makes a directory with the owner, mode and attributes of the one that is there, if one is.
func (x *exchange) mkdirLike(dir string) error {
	if err := x.d.root.Mkdir(x.staged(dir), 0o777); err != nil {
		return x.d.failed("mkdir", x.staged(dir), err)
	}
	x.made = append(x.made, x.staged(dir))
	info, err := x.d.root.Lstat(dir)
	if isAbsent(err) {
		return nil
	}
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("it is not a directory: %w", errors.ErrUnsupported)
	}
	if err != nil {
		return x.d.failed("open", dir, err)
	}
	from, err := x.d.root.Open(dir)
	if err != nil {
		return x.d.failed("open", dir, err)
	}
	defer from.Close()
	to, err := x.d.root.Open(x.staged(dir))
	if err != nil {
		return x.d.failed("open", x.staged(dir), err)
	}
	defer to.Close()
	return copyAttributes(to, from, info)
}

// write writes a new document.
func (x *exchange) write(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c := x.docs[name]
	r, err := c.Open(ctx, 0)
	if err != nil {
		return err
	}
	defer r.Close()
	f, err := x.d.root.OpenFile(x.staged(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return x.d.failed("create", x.staged(name), err)
	}
	_, err = io.CopyBuffer(stagedFile{x, name, f}, c.Verify(name, r), x.buf)
	return errors.Join(err, f.Close())
}

// stagedFile is written in blocks as large as they come, and says of what goes wrong where it was.
type stagedFile struct {
	x    *exchange
	name string
	file *os.File
}

func (f stagedFile) Write(p []byte) (int, error) {
	n, err := f.file.Write(p)
	if err != nil {
		err = f.x.d.failed("write", f.x.staged(f.name), err)
	}
	return n, err
}

// mkdirs makes a directory, and those above it, unless they are there.
func (x *exchange) mkdirs(dir string) error {
	if _, err := x.d.root.Lstat(x.staged(dir)); err == nil {
		return nil
	}
	if err := x.mkdirs(path.Dir(dir)); err != nil {
		return err
	}
	return x.mkdirLike(dir)
}

// prune removes the directories that became empty when a document went.
func (x *exchange) prune(name string) {
	for dir := path.Dir(name); dir != x.dir; dir = path.Dir(dir) {
		if x.d.root.Remove(x.staged(dir)) != nil {
			return // not empty
		}
	}
}

// swap puts the new directory in the place of the old one.
func (x *exchange) swap() error {
	parent, err := x.d.makeDir(path.Dir(x.dir))
	if err != nil {
		return err
	}
	defer parent.Close()
	err = x.d.folders.exchange(func() error {
		if _, err := parent.Lstat(path.Base(x.dir)); isAbsent(err) {
			return x.d.root.Rename(x.staged(x.dir), x.dir)
		}
		return x.exchangeWith(parent)
	})
	if err != nil {
		return x.d.failed("exchange", x.dir, err)
	}
	x.d.exchanges.Add(1) // last: who has seen it enters no old directory
	if len(x.gone) > 0 { // the directory itself may be empty now
		err = x.d.prune(path.Join(x.dir, "gone"))
	}
	return errors.Join(syncDir(parent), x.d.syncParents(path.Dir(x.dir)), err)
}

func (x *exchange) exchangeWith(parent *os.Root) error {
	old, err := parent.Open(".")
	if err != nil {
		return err
	}
	defer old.Close()
	next, err := x.d.root.Open(asidePath)
	if err != nil {
		return err
	}
	defer next.Close()
	return exchangeNames(next, path.Base(x.staged(x.dir)), old, path.Base(x.dir))
}
