package store

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
)

// partSuffix is the Python tool's: what either tool was interrupted at, either resumes.
const partSuffix = ".part"

// draft is content on its way to a path, in the file PATH.part beside it.
type draft struct {
	d    *Dir
	path string
	base string   // the last component of path
	dir  *folder  // the directory of path; nil if there is none yet
	file *os.File // nil if there is none yet
	size int64    // how much of the content it holds
	hole bool     // it ends with a hole, which is not in the file yet
}

// findDraft opens the draft that an earlier run has left, if there is one.
func (d *Dir) findDraft(name string) (*draft, error) {
	w := &draft{d: d, path: name, base: path.Base(name)}
	dir, err := d.folders.enter(d.root, path.Dir(name))
	if isAbsent(err) {
		return w, nil
	}
	if err != nil {
		return nil, d.failed("open", path.Dir(name), err)
	}
	w.dir = dir
	if err := w.find(); err != nil {
		w.close()
		return nil, w.failed("open", err)
	}
	return w, nil
}

// find opens the file of the draft if it is one that may be written into. A link is not; neither is a file that is
// somebody else's too, under another name.
func (w *draft) find() error {
	info, err := w.dir.Lstat(w.base + partSuffix)
	if isAbsent(err) {
		return nil
	}
	if err == nil && (!info.Mode().IsRegular() || linkCount(info) > 1) {
		return w.dir.Remove(w.base + partSuffix)
	}
	if err != nil {
		return err
	}
	f, err := w.dir.OpenFile(w.base+partSuffix, os.O_RDWR, 0)
	if isAbsent(err) { // another process has published it
		return nil
	}
	if err != nil {
		return err
	}
	return w.take(f)
}

// create makes the file of the draft, and its directory, unless they are there.
func (w *draft) create() error {
	if w.file != nil {
		return nil
	}
	w.d.tree.RLock() // no directory goes before there is a file in it
	defer w.d.tree.RUnlock()
	err := fs.ErrNotExist
	var f *os.File
	if w.dir != nil {
		f, err = w.dir.createDraft(w.base + partSuffix)
	}
	if errors.Is(err, fs.ErrNotExist) { // the directory, or it has gone meanwhile
		if err := w.remakeDir(); err != nil {
			return err
		}
		f, err = w.dir.createDraft(w.base + partSuffix)
	}
	if err == nil {
		err = w.takeNew(f)
	}
	if err != nil {
		return w.failed("create", err)
	}
	return nil
}

// remakeDir makes the directory of the draft, which is not there or no more.
func (w *draft) remakeDir() (err error) {
	if w.dir != nil {
		w.d.folders.forget(w.dir)
		w.close()
	}
	w.dir, err = w.d.enterOrMake(path.Dir(w.path))
	return err
}

// enterOrMake enters a directory, and makes it if it is not there. The caller holds tree.
func (d *Dir) enterOrMake(dir string) (*folder, error) {
	f, err := d.folders.enter(d.root, dir)
	if isAbsent(err) {
		if err = d.mkdirs(dir); err == nil {
			f, err = d.folders.enter(d.root, dir)
		}
	}
	if err != nil {
		return nil, d.failed("mkdir", dir, err)
	}
	return f, nil
}

var errTaken = errors.New("another process is writing it")

// takeNew is take for what we have just made: while nobody else may write into the directory it needs no second look.
func (w *draft) takeNew(f *os.File) error {
	if w.d.alone.Load() && lockFile(f) == nil {
		w.file, w.size = f, 0
		return nil
	}
	return w.take(f)
}

// take makes f, which is at its place, the file of the draft, for this process alone.
func (w *draft) take(f *os.File) error {
	info, err := f.Stat()
	if err == nil && errors.Is(lockFile(f), errLocked) {
		err = errTaken
	}
	if err == nil { // another process may have published this file before we had its lock
		if there, e := w.dir.Lstat(w.base + partSuffix); e != nil || !os.SameFile(there, info) {
			err = errTaken
		}
	}
	if err != nil {
		f.Close()
		return err
	}
	w.file, w.size = f, info.Size()
	return nil
}

// write makes the draft hold c. On an error it is kept if it can be resumed, else removed.
func (w *draft) write(ctx context.Context, c Content) error {
	if w.size > 0 && (!canResume(c) || w.size > c.Size) {
		if err := w.reset(); err != nil {
			return err
		}
	}
	resumed := w.size > 0
	err := w.fill(ctx, c)
	bad := (*ContentError)(nil)
	if resumed && errors.As(err, &bad) && !bad.short() { // perhaps it was what we had that was wrong
		if err = w.reset(); err == nil {
			err = w.fill(ctx, c)
		}
	}
	if err != nil && (w.size == 0 || !canResume(c) || (errors.As(err, &bad) && !bad.short())) {
		return errors.Join(err, w.discard())
	}
	return err
}

// canResume tells whether one can see later that what there is of c was right so far.
func canResume(c Content) bool { return c.Digest.Algorithm != "" && c.Size >= 0 }

// fill reads what the draft lacks of c, and checks the whole.
func (w *draft) fill(ctx context.Context, c Content) error {
	m, err := newMeter(w.path, c)
	if err != nil {
		return err
	}
	p := w.d.newPump(ctx, m)
	defer p.stop()
	if w.size > 0 {
		if err := p.move(io.NewSectionReader(w.file, 0, w.size), nil); err != nil {
			return w.failed("read", err)
		}
		if err := p.end(); err == nil || w.size == c.Size {
			return err // interrupted when it was all there
		}
	}
	r, err := c.Open(ctx, w.size)
	if err != nil {
		return err
	}
	defer r.Close()
	if err := w.create(); err != nil {
		return err
	}
	if err := p.move(r, w.append); err != nil {
		return err
	}
	if w.hole {
		if err := w.file.Truncate(w.size); err != nil {
			return w.failed("truncate", err)
		}
	}
	return p.end()
}

const (
	holeSize       = 64 << 10 // a hole is worth having from here on
	writebackEvery = 8 << 20
)

// append writes the next bytes. Long runs of zeros become holes, so that sparse files stay sparse.
func (w *draft) append(data []byte) error {
	for len(data) > 0 {
		n := min(len(data), holeSize)
		w.hole = isHole(data)
		if !w.hole {
			for n < len(data) && !isHole(data[n:]) {
				n = min(n+holeSize, len(data))
			}
			if _, err := w.file.WriteAt(data[:n], w.size); err != nil {
				return w.failed("write", err)
			}
		}
		w.size += int64(n)
		data = data[n:]
	}
	if w.size%writebackEvery == 0 {
		return w.writeBack(w.size - writebackEvery)
	}
	return nil
}

// writeBack has a part written to the disk, so that there is little left to do for the sync at the end, and waits until the
// part before is there, which then leaves the memory: nobody is going to read it soon, what others read could stay there
// instead, and memory that was used a moment ago is cheaper to write to than any other.
func (w *draft) writeBack(off int64) error {
	startWriteback(w.file, off, writebackEvery)
	if off < writebackEvery {
		return nil
	}
	if err := leaveMemory(w.file, off-writebackEvery, writebackEvery); err != nil {
		return w.refused(err)
	}
	return nil
}

// refused is the error of a draft that the disk did not take: it must not be resumed from memory.
func (w *draft) refused(err error) error { return errors.Join(w.failed("sync", err), w.discard()) }

// isHole tells whether data begins with enough zeros for a hole.
func isHole(data []byte) bool {
	return len(data) >= holeSize && data[0] == 0 && bytes.Equal(data[1:holeSize], data[:holeSize-1])
}

// reset empties the draft.
func (w *draft) reset() error {
	w.size, w.hole = 0, false
	if err := w.file.Truncate(0); err != nil {
		return w.failed("truncate", err)
	}
	return nil
}

// discard removes the draft.
func (w *draft) discard() error {
	if w.file == nil {
		return nil
	}
	if err := w.dir.Remove(w.base + partSuffix); err != nil && !isAbsent(err) {
		return w.failed("remove", err)
	}
	return nil
}

func (w *draft) close() {
	if w.file != nil {
		closeLocked(w.file)
	}
	if w.dir != nil {
		w.d.folders.leave(w.dir)
	}
}

func (w *draft) failed(op string, err error) error { return w.d.failed(op, w.path+partSuffix, err) }
