package verify

import (
	"context"
	"fmt"
	"hash"
	"io"
	"strings"

	"github.com/seed-43fb3962/sstream/fetch"
	"github.com/seed-43fb3962/sstream/store"
)

// finding is what came of reading a file.
type finding struct {
	read     int64
	problems []Problem
	broken   bool // the file itself is wrong, not only what it makes together with another
}

// readSome reads files one after the other.
func (r *run) readSome(ctx context.Context, files []*file) error {
	items := make([]fetch.Item, len(files))
	for i, f := range files {
		items[i] = f.item()
	}
	pipeline := r.m.Pipeline(items)
	defer pipeline.Close()
	for i, f := range files {
		f.found = r.read(ctx, f, pipeline.Content(i))
		if f.found.broken && len(files) > 1 { // it may have been mixed up with another one on the way
			r.Log.Info("reading it alone", "path", f.path, "before", f.found.problems)
			f.found = r.read(ctx, f, r.content(f))
		}
	}
	return context.Cause(ctx)
}

// read compares a file, whose content is c, with what is listed of it.
func (r *run) read(ctx context.Context, f *file, c store.Content) (found finding) {
	r.Log.Debug("reading", "path", f.path)
	wrong := func(refs []string, format string, args ...any) {
		found.problems = append(found.problems, Problem{Path: f.path, Items: refs, Text: fmt.Sprintf(format, args...)})
	}
	if len(f.sizes) > 1 {
		wrong(f.refs, "it is listed with different sizes: %s bytes", strings.Trim(fmt.Sprint(f.sizes), "[]"))
	}
	sums := make([]io.Writer, 0, len(f.sums))
	checks := make([]check, 0, len(f.sums))
	for _, s := range f.sums {
		c := check{s, s.new()}
		if s.before != "" {
			if _, err := copyTo(ctx, c.hash, r.content(r.files[s.before])); err != nil {
				continue // it is a problem of that file
			}
		}
		checks, sums = append(checks, c), append(sums, c.hash)
	}
	var err error
	if found.read, err = copyTo(ctx, io.MultiWriter(sums...), c); err != nil {
		found.broken = true
		wrong(f.refs, "%s", r.without(f.path, err))
		return found
	}
	for _, c := range checks {
		if got := fmt.Sprintf("%x", c.hash.Sum(nil)); got != c.hex {
			what := c.name
			found.broken = found.broken || c.before == ""
			if c.before != "" {
				what += " of " + c.before + " and it"
			}
			wrong(c.refs, "its %s is %s, where %s is listed", what, got, c.hex)
		}
	}
	return found
}

// check is a checksum that is being computed.
type check struct {
	sum
	hash hash.Hash
}

// content is what the mirror has of a file, read to the end if there is no size that can be relied on.
func (r *run) content(f *file) store.Content {
	it := f.item()
	return r.m.Content(it.Path, it.Size, it.Digest)
}

// copyTo reads c into w.
func copyTo(ctx context.Context, w io.Writer, c store.Content) (int64, error) {
	in, err := c.Open(ctx, 0)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	return io.CopyBuffer(struct{ io.Writer }{w}, &interruptible{ctx, in}, make([]byte, 256<<10))
}

// interruptible ends when its context does: files of a directory are read without one.
type interruptible struct {
	ctx context.Context
	in  io.Reader
}

func (i *interruptible) Read(p []byte) (int, error) {
	if i.ctx.Err() != nil {
		return 0, context.Cause(i.ctx)
	}
	return i.in.Read(p)
}

// without is the text of an error without the address that it begins with: a problem has the path.
func (r *run) without(path string, err error) string {
	return strings.TrimPrefix(err.Error(), "cannot read "+fetch.Redact(r.m.URL(path))+": ")
}
