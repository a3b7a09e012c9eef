package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strconv"
	"syscall"

	"github.com/seed-43fb3962/sstream/streams"
)

// Copy implements [Copier]: by a reflink, else by a hard link, else by copying. A second name for the same file is safe
// because nobody writes into a file of a mirror: Put, and the Python tool as well, replace it whole.
func (d *Dir) Copy(ctx context.Context, from, to string) error {
	r, err := d.Open(ctx, from, 0)
	if err != nil {
		return err
	}
	defer r.Close()
	return d.share(ctx, r.(*os.File), to, Content{Size: -1})
}

// Adopt implements [Adopter], in the ways of [Dir.Copy]. A hard link is made only if the file has the owner and the mode
// that a new one would have here; it is then up to the owner of file not to write into it.
func (d *Dir) Adopt(ctx context.Context, file, path string, c Content) error {
	f, err := os.OpenFile(file, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s: %w", file, notContent(info))
	}
	if err == nil && c.Size >= 0 && info.Size() != c.Size {
		err = &ContentError{Path: path, Want: Reading{c.Size, c.Digest}, Got: Reading{Size: info.Size()}}
	}
	if err != nil {
		return err
	}
	return d.share(ctx, f, path, c)
}

// share makes the content of src available at path without copying it, if the disk can do that.
func (d *Dir) share(ctx context.Context, src *os.File, path string, c Content) error {
	w, release, err := d.claim(ctx, path)
	if err != nil {
		return err
	}
	defer release()
	if same, err := w.isPublished(src); err != nil {
		return err
	} else if same {
		return w.verify(ctx, src, c)
	}
	if err := w.create(); err != nil {
		return err
	}
	if err := w.reset(); err != nil {
		return err
	}
	if cloneFile(w.file, src) == nil {
		if err := w.verify(ctx, w.file, c); err != nil {
			return errors.Join(err, w.discard())
		}
		return w.publish()
	}
	if name := w.stageLink(src); name != "" {
		return w.publishLink(ctx, src, name, c)
	}
	c.Open = func(_ context.Context, off int64) (io.ReadCloser, error) {
		return io.NopCloser(io.NewSectionReader(src, off, 1<<62)), nil
	}
	if err := w.write(ctx, c); err != nil {
		return err
	}
	return w.publish()
}

// isPublished tells whether src is what is already at the path of the draft.
func (w *draft) isPublished(src *os.File) (bool, error) {
	info, err := src.Stat()
	if err != nil || w.dir == nil {
		return false, err
	}
	there, err := w.dir.Lstat(w.base)
	return err == nil && os.SameFile(info, there), nil
}

// verify reads f to see whether it is what c says.
func (w *draft) verify(ctx context.Context, f *os.File, c Content) error {
	if c.Digest == (streams.Digest{}) {
		return nil
	}
	m, err := newMeter(w.path, c)
	if err != nil {
		return err
	}
	p := w.d.newPump(ctx, m)
	defer p.stop()
	if err := p.move(io.NewSectionReader(f, 0, 1<<62), nil); err != nil {
		return err
	}
	return p.end()
}

// stageLink gives src a second name below asidePath, and returns it: "" if it cannot or should not have one.
func (w *draft) stageLink(src *os.File) string {
	ours, err := w.file.Stat()
	if err != nil {
		return ""
	}
	if info, err := src.Stat(); err != nil || !sameOwnerAndMode(ours, info) {
		return ""
	}
	aside, err := w.d.makeDir(asidePath)
	if err != nil {
		return ""
	}
	defer aside.Close()
	dir, err := aside.Open(".")
	if err != nil {
		return ""
	}
	defer dir.Close()
	if info, err := dir.Stat(); err != nil || device(info) != device(ours) {
		return "" // it could not be moved to its place
	}
	name := "link-" + strconv.FormatInt(w.d.links.Add(1), 10)
	if linkFile(src, dir, name) != nil {
		return ""
	}
	return path.Join(asidePath, name)
}

// publishLink moves the second name of src to the path of the draft, if src is what c says. It makes the draft needless.
func (w *draft) publishLink(ctx context.Context, src *os.File, name string, c Content) error {
	err := w.verify(ctx, src, c)
	if err == nil {
		err = src.Sync()
	}
	if err == nil {
		err = w.d.root.Rename(name, w.path)
	}
	if err != nil {
		return errors.Join(err, w.discard(), w.d.root.Remove(name))
	}
	w.d.batch.changed(path.Dir(w.path)) // for the next Sync: until then there is the old file or this one, which is whole
	return w.discard()
}
