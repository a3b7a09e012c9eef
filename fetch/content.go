package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync/atomic"

	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/streams"
)

// Content is the item at path, which has size bytes (-1: not known) and that digest (the zero value: not known).
//
// What its Open returns reads as many bytes as that, or fails: it resumes where a transfer broke off, from the same
// mirror or the next, and never reads more. It does not check the digest, which is for whoever stores the item; when that
// finds it wrong and opens the content again from the start, another mirror is asked first.
// If [HTTP.SplitSize] says so, it is read from all mirrors at once. From a directory it is an *os.File.
func (m *Mirror) Content(path string, size int64, d streams.Digest) store.Content {
	return store.Content{Size: size, Digest: d, Open: m.content(path, size, d).open}
}

func (m *Mirror) content(path string, size int64, d streams.Digest) *content {
	return &content{m: m, path: path, size: size, checked: d.Algorithm != ""}
}

type content struct {
	m       *Mirror
	path    string
	size    int64
	checked bool         // the reader will find out if parts of two contents were put together
	opened  atomic.Int32 // how often it was begun

	pipeline *Pipeline   // nil: none
	place    int         // in it
	came     atomic.Bool // through it
}

func (c *content) open(ctx context.Context, off int64) (io.ReadCloser, error) {
	if err := streams.CheckPath(c.path); err != nil {
		return nil, err
	}
	if c.size >= 0 && off >= c.size && off > 0 {
		if off > c.size {
			return nil, fmt.Errorf("cannot read %s from byte %d on: it has %d", c.path, off, c.size)
		}
		return io.NopCloser(eof{}), nil
	}
	first, fresh := 0, false
	if off == 0 {
		times := int(c.opened.Add(1) - 1)
		first, fresh = times%len(c.m.sources), times > 0
		if c.came.Load() { // the content was not what it should be: perhaps it was that of another one
			c.m.lines.blame(fmt.Errorf("what came for %s is not it", c.path))
		}
	}
	if fresh || !c.inParts(off) {
		r := c.reader(off, c.m.rotated(first))
		r.fresh = fresh
		return r.begin(ctx)
	}
	return c.openParts(ctx, off)
}

func (c *content) openParts(ctx context.Context, off int64) (io.ReadCloser, error) {
	r := c.reader(off, c.m.quickest())
	r.end = off + partSize
	ctx, cancel := context.WithCancel(ctx)
	whole, err := r.begin(ctx)
	switch {
	case err != nil || whole != io.ReadCloser(r): // a file
		cancel()
		return whole, err
	case r.end == 0: // no part, though one was asked for
		r.cancel = cancel
		return r, nil
	}
	return newParts(ctx, cancel, r), nil
}

// begin opens r. A file is as good a reader, and tells more of itself.
func (r *reader) begin(ctx context.Context) (io.ReadCloser, error) {
	if err := r.open(ctx); err != nil {
		return nil, err
	}
	if f, ok := r.body.(*os.File); ok {
		return f, nil
	}
	r.goOn(ctx)
	return r, nil
}

func (c *content) reader(off int64, sources []*source) *reader {
	return &reader{content: c, off: off, size: c.size, tour: c.m.newTour(sources)}
}

type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }

// reader reads an item through the failures of its sources.
type reader struct {
	*content
	tour   *tour
	reopen func(why error) error // after a failure: opens the rest, here or elsewhere
	fresh  bool                  // nothing that a proxy kept
	cancel func()                // to be called when r is closed; nil: nothing
	strict bool                  // a source that sends no parts is of no use if another does

	body io.ReadCloser // what comes next
	off  int64         // where that is
	end  int64         // where a part ends; 0: it is the rest of the item
	size int64         // of the item; -1: as long as a source does not tell
	got  int64         // bytes since body was opened
	from *source       // where body is read
	tag  string        // what from calls the content
	err  error         // why there is nothing more
}

// enough is so many bytes that a source which breaks off after them works well, and is asked again as if it never had failed.
const enough = 1 << 20

func (r *reader) open(ctx context.Context) error {
	return r.tour.run(ctx, r.path, func(s *source) error { return r.openAt(ctx, s) })
}

// goOn makes r resume after failures, until ctx is done.
func (r *reader) goOn(ctx context.Context) {
	r.reopen = func(why error) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		r.tour.fail(r.path, why)
		return r.open(ctx)
	}
}

func (r *reader) openAt(ctx context.Context, s *source) error {
	if r.from != nil && !r.checked && (s != r.from || r.tag == "") {
		return permanent("the transfer broke off, and without a checksum nothing tells whether the rest would be of the same file")
	}
	rq := request{path: r.path, off: r.off, end: min(r.end, r.size), size: r.size, fresh: r.fresh}
	if s == r.from {
		rq.tag = r.tag
	}
	a, err := r.ask(ctx, s, rq)
	if errors.Is(err, errEncodedPart) {
		rq.off, rq.end, rq.tag = 0, 0, ""
		a, err = s.open(ctx, r.m, rq)
	}
	if err != nil {
		return err
	}
	if err := r.take(s, a); err != nil {
		a.body.Close()
		return err
	}
	return nil
}

// ask asks a source, if it was not asked ahead.
func (r *reader) ask(ctx context.Context, s *source, rq request) (*answer, error) {
	if r.pipeline != nil && r.from == nil && rq.off == 0 && !rq.fresh && s == r.m.sources[0] {
		if a := r.pipeline.answer(ctx, r.place); a != nil {
			r.came.Store(true)
			return a, nil
		}
	}
	return s.open(ctx, r.m, rq)
}

// take goes on with what a source sends, if that can be the same file.
func (r *reader) take(s *source, a *answer) error {
	switch {
	case r.size >= 0 && a.size >= 0 && a.size != r.size:
		return wrong("the file has %d bytes, where %d are listed", a.size, r.size)
	case r.from != nil && !r.checked && a.tag != r.tag:
		return permanent("the file changed while it was read, and it has no checksum")
	case r.strict && !a.part && r.m.elsewhere(s):
		return permanent("the server sends no parts of files")
	case r.off > a.from:
		if _, err := io.CopyN(io.Discard, a.body, r.off-a.from); err != nil {
			return fmt.Errorf("while skipping what was read before: %w", unexpected(err))
		}
	}
	if r.size < 0 {
		r.size = a.size
	}
	if r.from == nil && !r.strict && !a.part {
		r.end = 0 // a source that sends no parts: then all of it
	}
	r.body, r.from, r.tag, r.got = a.body, s, a.tag, 0
	return nil
}

func (r *reader) Read(p []byte) (int, error) {
	for {
		switch {
		case r.err != nil:
			return 0, r.err
		case len(p) == 0:
			return 0, nil
		}
		if r.size >= 0 {
			p = p[:min(int64(len(p)), r.stop()-r.off)]
		}
		n, err := r.body.Read(p)
		r.off += int64(n)
		r.got += int64(n)
		switch {
		case r.end > 0 && r.off == r.stop():
			r.err = io.EOF
		case r.off == r.size, err == io.EOF && r.size < 0:
			r.err = r.finish(err)
		case err != nil:
			r.err = r.recover(unexpected(err))
		}
		if n > 0 {
			return n, nil
		}
	}
}

// stop is where reading ends.
func (r *reader) stop() int64 {
	if r.end > 0 {
		return min(r.end, r.size)
	}
	return r.size
}

// finish looks whether the source sends more than the item has: then it is not the item, though its beginning may be.
func (r *reader) finish(err error) error {
	var more [1]byte
	for n := 0; err == nil; {
		if n, err = r.body.Read(more[:]); n > 0 {
			return &store.ContentError{
				Path: r.from.name(r.path), Want: store.Reading{Size: r.size}, Got: store.Reading{Size: r.size + 1},
			}
		}
	}
	return io.EOF
}

// recover goes on with the rest after a failure.
func (r *reader) recover(why error) error {
	r.body.Close()
	r.body = io.NopCloser(eof{})
	if r.got >= enough {
		r.tour.progress()
	}
	return r.reopen(why)
}

func unexpected(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errors.New("the transfer broke off")
	}
	return err
}

// Close gives the rest of the item up.
func (r *reader) Close() error {
	if r.err == nil {
		r.err = fs.ErrClosed
	}
	if r.cancel != nil {
		defer r.cancel()
	}
	return r.body.Close()
}
