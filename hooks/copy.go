package hooks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/seed-43fb3962/sstream/streams"
)

// insertItem runs insert_item, with the item's file if it has one.
func (r *run) insertItem(ctx context.Context, e *streams.Entity) error {
	if r.commands[InsertItem] == nil {
		return nil
	}
	c := entityCall(InsertItem, e)
	path, ok := e.Item.Get("path").Str()
	if !ok || path == "" {
		return r.do(ctx, c)
	}
	c.own = append(c.own, [2]string{itemURL, r.src.URL(path)})
	if !r.SkipDownload {
		file, err := r.itemCopy(ctx, e, path)
		if _, local := errors.AsType[localError](err); err != nil && !local {
			err = fmt.Errorf("source: %s: %w", c.about, err)
		}
		if err != nil {
			return err
		}
		defer os.Remove(file) // a hook may have moved it away
		c.own = append(c.own, [2]string{pathLocal, file})
	}
	return r.do(ctx, c)
}

// itemCopy makes a verified local copy of an item's file. A second try asks another mirror, if there is one.
func (r *run) itemCopy(ctx context.Context, e *streams.Entity, path string) (string, error) {
	size, digest, err := r.expected(e, path)
	if err != nil {
		return "", err
	}
	content := r.src.Content(path, size, digest)
	name := r.newName()
	for try := 1; ; try++ {
		r.Log.Debug("reading", "path", path, "to", name)
		err := fill(ctx, name, content.Open, digest)
		if err == nil {
			return name, nil
		}
		os.Remove(name)
		if _, wrong := errors.AsType[*digestError](err); wrong {
			if try == 1 && ctx.Err() == nil {
				continue
			}
			err = fmt.Errorf("cannot read %s: %w", path, err)
		}
		return "", err
	}
}

// expected returns what is listed of an item's file: its size, -1 if none is, and its strongest checksum.
func (r *run) expected(e *streams.Entity, path string) (size int64, d streams.Digest, err error) {
	size, d = -1, streams.DigestOf(e.Get)
	if text := e.Get("size"); text != "" {
		n, ok := streams.String(text).Int()
		if !ok || n < 0 {
			return 0, d, fmt.Errorf("its size %q is not a number of bytes", text)
		}
		size = n
	}
	switch {
	case r.Unchecked:
	case size < 0:
		return 0, d, fmt.Errorf("no size is listed for %s", path)
	case d.Algorithm == "":
		return 0, d, fmt.Errorf("no md5, sha256 or sha512 is listed for %s", path)
	}
	return size, d, nil
}

// digestError is a file that is not what is listed.
type digestError struct{ want, got streams.Digest }

func (e *digestError) Error() string {
	return fmt.Sprintf("it is not the file that is listed: %s, where %s is listed", e.got, e.want)
}

// fill writes the file name from what open reads, and checks it.
func fill(ctx context.Context, name string, open func(context.Context, int64) (io.ReadCloser, error), d streams.Digest) (err error) {
	in, err := open(ctx, 0)
	if err != nil {
		return err
	}
	defer in.Close()
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return localError{err}
	}
	out := localFile{file}
	defer func() { err = errors.Join(err, out.Close()) }()
	if d.Algorithm == "" {
		_, err = io.Copy(out, in)
		return err
	}
	h, err := d.New()
	if err != nil {
		return err
	}
	if _, err := io.CopyBuffer(struct{ io.Writer }{io.MultiWriter(out, h)}, struct{ io.Reader }{in}, make([]byte, 256<<10)); err != nil {
		return err
	}
	if sum := h.Sum(nil); !d.Is(sum) {
		return &digestError{d, streams.Digest{Algorithm: d.Algorithm, Hex: fmt.Sprintf("%x", sum)}}
	}
	return nil
}

// localFile is a local copy that is being written.
type localFile struct{ file *os.File }

func (f localFile) Write(p []byte) (int, error) {
	n, err := f.file.Write(p)
	if err != nil {
		err = localError{err}
	}
	return n, err
}

func (f localFile) Close() error {
	if err := f.file.Close(); err != nil {
		return localError{err}
	}
	return nil
}

// localError is a local copy that cannot be made, for which the source can do nothing.
type localError struct{ error }

func (e localError) Error() string { return "cannot make a local copy: " + e.error.Error() }

func (e localError) Unwrap() error { return e.error }

// documentCopy makes a local copy of a document, as it was read.
func (r *run) documentCopy(raw []byte) (name string, remove func(), err error) {
	name = r.newName()
	if err := os.WriteFile(name, raw, 0o600); err != nil {
		return "", nil, localError{err}
	}
	return name, func() { os.Remove(name) }, nil
}

// newName returns the name of a file that is not there yet.
func (r *run) newName() string {
	return filepath.Join(r.temp, fmt.Sprintf("tmp%08d", r.copies.Add(1)))
}
