package fetch

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

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
// whose size or checksum the index lists must have them. An error ends the walk.
func (m *Mirror) Walk(ctx context.Context, path string, want Want) iter.Seq2[*Document, error] {
	return func(yield func(*Document, error) bool) {
		d, err := m.Document(ctx, path)
		if err == nil && m.o.MaxAge > 0 {
			if err = CheckAge(d.Attrs(), m.o.MaxAge, m.o.Now()); err != nil {
				err = fmt.Errorf("cannot use %s: %w", m.sources[0].name(d.Path), err)
			}
		}
		if err != nil {
			yield(nil, err)
			return
		}
		w := &walk{m: m, want: want, clear: isClear(d.Path), yield: yield, seen: map[string]bool{path: true, d.Path: true}}
		if err := w.visit(ctx, d, nil); err != nil && err != errStop {
			yield(nil, err)
		}
	}
}

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
		for name, e := range d.Index.Entries.All() {
			if err := w.entry(ctx, d.Index, name, e, above); err != nil {
				return err
			}
		}
	}
	if !w.yield(d, nil) {
		return errStop
	}
	return nil
}

func (w *walk) entry(ctx context.Context, x *streams.Index, name string, e *streams.Entry, above []string) error {
	if w.want != nil {
		if ok, err := w.want(x, name, e); !ok || err != nil {
			return err
		}
	}
	get, ok, err := w.wanted(e, above)
	if err != nil {
		return fmt.Errorf("cannot read what %s lists as %q: %w", above[len(above)-1], name, err)
	}
	if !ok {
		return nil
	}
	d, err := w.m.document(ctx, get)
	if err != nil {
		return err
	}
	return w.visit(ctx, d, above)
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
	get.clear = w.clear && (!get.opaque || isClear(get.path))
	if w.clear && !get.clear && get.digest.Algorithm == "" && !w.m.o.Policy.NoVerify {
		w.m.o.Logger.Warn("left out: neither signed nor listed with a checksum", "path", get.path)
		return get, false, nil
	}
	return get, true, nil
}
