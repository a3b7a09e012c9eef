package verify

import (
	"context"
	"fmt"
	"hash"
	"io"
	"strings"

	"github.com/seed-43fb3962/sstream/fetch"
)

// finding is what came of reading a file.
type finding struct {
	read     int64
	problems []Problem
	broken   bool // the file itself is wrong, not only what it makes together with another
}

// read compares a file with what is listed of it.
func (r *run) read(ctx context.Context, f *file) (found finding) {
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
			if _, err := r.copy(ctx, r.files[s.before], c.hash); err != nil {
				continue // it is a problem of that file
			}
		}
		checks, sums = append(checks, c), append(sums, c.hash)
	}
	var err error
	if found.read, err = r.copy(ctx, f, io.MultiWriter(sums...)); err != nil {
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

// copy reads a file of the size that is listed into w. Without a size that can be relied on it reads to the end.
func (r *run) copy(ctx context.Context, f *file, w io.Writer) (int64, error) {
	size := int64(-1)
	if len(f.sizes) == 1 {
		size = f.sizes[0]
	}
	in, err := r.m.Content(f.path, size, f.digest()).Open(ctx, 0)
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
