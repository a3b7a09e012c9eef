package fetch

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"

	"github.com/seed-43fb3962/sstream/streams"
)

// Want says whether an entry of an index is to be read.
type Want func(x *streams.Index, name string, e *streams.Entry) (bool, error)

// Walk yields the document at path and, if it is an index, the documents that it lists before it: products files in the
// order of the index, the indexes among them after what they list in turn. Entries that want refuses (nil: none) and
// entries without a path are left out, and a document that is listed twice is yielded once. What an index lists in an
// unknown format is yielded with neither Index nor Products, unless the run is verified and it is not.
//
// If path ends in "sjson", then all documents must be clear-signed. Every document is verified before it is yielded; one
// whose size or checksum the index lists must have them. Without want, several documents are read at once.
//
// An error about one document comes with its path and nothing else of it; the walk goes on with the next one if its
// reader does. An error of want, or the end of ctx, ends it.
func (m *Mirror) Walk(ctx context.Context, path string, want Want) iter.Seq2[*Document, error] {
	return func(yield func(*Document, error) bool) {
		d, err := m.Document(ctx, path)
		if err == nil && m.o.MaxAge > 0 {
			if err = CheckAge(d.Attrs(), m.o.MaxAge, m.o.Now()); err != nil {
				err = fmt.Errorf("cannot use %s: %w", m.sources[0].name(d.Path), err)
			}
		}
		if err != nil {
			yield(unread(path), err)
			return
		}
		w := &walk{m: m, want: want, clear: isClear(d.Path), yield: yield, seen: map[string]bool{path: true, d.Path: true}}
		if err := w.visit(ctx, d, nil); err != nil && err != errStop {
			yield(nil, err)
		}
	}
}

// unread is a document that cannot be read.
func unread(path string) *Document { return &Document{Document: &streams.Document{Path: path}} }

type walk struct {
	m     *Mirror
	want  Want
	clear bool
	yield func(*Document, error) bool
	seen  map[string]bool
}

// errStop ends a walk whose reader has had enough; it never leaves the package.
var errStop = errors.New("stop")

// visit yields d and what lies below it; above are the indexes that led here.
func (w *walk) visit(ctx context.Context, d *Document, above []string) error {
	if d.Index != nil {
		above = append(slices.Clip(above), d.Path)
		if len(above) > w.m.o.MaxDepth {
			return fmt.Errorf("cannot read %s: more than %d indexes lie inside one another", d.Path, w.m.o.MaxDepth)
		}
		if err := w.below(ctx, d.Index, above); err != nil {
			return err
		}
	}
	if !w.yield(d, nil) {
		return errStop
	}
	return nil
}

// atOnce is how many documents of an index are read at once if all of them are wanted.
const atOnce = 4

// below visits what an index lists.
func (w *walk) below(ctx context.Context, x *streams.Index, above []string) error {
	var reading sync.WaitGroup
	defer reading.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ahead := atOnce
	if w.want != nil {
		ahead = 1 // it may look at what came of the entries before
	}
	names := x.Entries.Names()
	read := make([]func() (*Document, error), 0, len(names))
	for i := range names {
		for len(read) < min(i+ahead, len(names)) {
			next, err := w.begin(ctx, &reading, x, names[len(read)], above)
			if err != nil {
				return err
			}
			read = append(read, next)
		}
		d, err := read[i]()
		read[i] = nil
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			e, _ := x.Entries.Get(names[i])
			if !w.yield(unread(e.Str("path")), err) {
				return errStop
			}
		case d != nil:
			if err := w.visit(ctx, d, above); err != nil {
				return err
			}
		}
	}
	return nil
}

// begin reads what an entry leads to, in the background. What it returns waits for that; no document: it is left out.
// The error is want's.
func (w *walk) begin(ctx context.Context, reading *sync.WaitGroup, x *streams.Index, name string, above []string) (read func() (*Document, error), err error) {
	e, _ := x.Entries.Get(name)
	if clean, err := streams.CleanPath(e.Str("path")); err == nil && clean != e.Str("path") {
		e.Set("path", streams.String(clean))
	}
	ok := true
	if w.want != nil {
		if ok, err = w.want(x, name, e); err != nil {
			return nil, err
		}
	}
	if !ok {
		return func() (*Document, error) { return nil, nil }, nil
	}
	get, ok, wrong := w.wanted(e, above)
	if wrong != nil {
		wrong = fmt.Errorf("cannot read what %s lists as %q: %w", above[len(above)-1], name, wrong)
	}
	if !ok || wrong != nil {
		return func() (*Document, error) { return nil, wrong }, nil
	}
	var d *Document
	done := make(chan struct{})
	reading.Go(func() {
		defer close(done)
		d, wrong = w.m.document(ctx, get)
	})
	return func() (*Document, error) {
		<-done
		return d, wrong
	}, nil
}

// wanted returns what is to be read for an entry, and whether anything is.
func (w *walk) wanted(e *streams.Entry, above []string) (get wanted, ok bool, err error) {
	path := e.Get("path")
	if path.Kind() == streams.Absent {
		return get, false, nil
	}
	get.path, _ = path.Str()
	if err := streams.CheckPath(get.path); err != nil {
		return get, false, err
	}
	if slices.Contains(above, get.path) {
		return get, false, fmt.Errorf("%s lies inside itself", get.path)
	}
	if w.seen[get.path] {
		w.m.o.Logger.Debug("listed twice", "path", get.path)
		return get, false, nil
	}
	w.seen[get.path] = true
	get.digest = streams.DigestOf(e.Str)
	get.size, _ = e.Get("size").Int()
	format := e.Str("format")
	get.opaque = format != streams.IndexFormat && format != streams.ProductsFormat
	get.later = w.m.o.ParseLater && format == streams.ProductsFormat
	get.clear = w.clear && (!get.opaque || isClear(get.path))
	verified := (w.clear || w.m.o.Detached == DetachedRequired) && !w.m.o.Policy.NoVerify
	if verified && get.opaque && !get.clear && get.digest.Algorithm == "" {
		w.m.o.Logger.Warn("left out: neither signed nor listed with a checksum", "path", get.path)
		return get, false, nil
	}
	return get, true, nil
}
