package mirror

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"

	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/streams"
)

// What a target holds stands in .data/, in the format of the Python tool, so that either can go on from the other's
// state: .data/CONTENT_ID lists the items of a products file that were mirrored, .data/references.json names for every
// file the items that it is there for.
const (
	recordDir  = ".data/"
	ledgerPath = recordDir + "references.json"
)

// The styles in which the Python tool writes its state.
var (
	recordStyle = streams.Style{Indent: 1}
	ledgerStyle = streams.Style{Spaced: true, KeepOrder: true}
)

// loadRecord reads what the target holds of a content id. A record that cannot be read counts as none: what it listed
// is found again by its checksums.
func (r *run) loadRecord(ctx context.Context, contentID string) (*streams.Products, error) {
	data, err := readAll(ctx, r.dst, recordDir+contentID)
	if err != nil || data == nil {
		return &streams.Products{}, err
	}
	p, err := streams.ParseProducts(data)
	if err == nil {
		err = p.CleanPaths()
	}
	if err != nil {
		r.Log.Warn(fmt.Sprintf("the record of %s is damaged and is made again from the files: %v", contentID, err))
		return &streams.Products{}, nil
	}
	return p, nil
}

// recordOf is what a target holds, written down as the Python tool does: fields as text above the items, items as they
// are, after aliases. It is made while it is read, as it is about as large as the document.
func recordOf(held *streams.Products) store.Content {
	top := &streams.Products{Attrs: textOnly(&held.Attrs), Products: streams.MakeNodes[*streams.Product]()}
	for name, product := range held.Products.All() {
		p := &streams.Product{Attrs: textOnly(&product.Attrs), Versions: streams.MakeNodes[*streams.Version]()}
		for version, v := range product.Versions.All() {
			p.Versions.Set(version, &streams.Version{Attrs: textOnly(&v.Attrs), Items: v.Items})
		}
		top.Products.Set(name, p)
	}
	return store.Rendered(func(w io.Writer) error { return streams.Write(w, top, recordStyle) })
}

// textOnly keeps the scalar fields, as text.
func textOnly(a *streams.Attrs) streams.Attrs {
	var text streams.Attrs
	for key, v := range a.All() {
		if s, ok := v.Scalar(); ok {
			text.Set(key, streams.String(s))
		}
	}
	return text
}

// ledger says for which items a file is there: path -> "CONTENT_ID/PRODUCT/VERSION/ITEM".
type ledger struct {
	entries []entry        // in the order in which they came
	places  map[string]int // path to place
	changed bool           // since it was read
}

type entry struct {
	path string
	ids  []string
}

// loadLedger reads the ledger; one that cannot be read counts as empty.
func (r *run) loadLedger(ctx context.Context) (*ledger, error) {
	data, err := readAll(ctx, r.dst, ledgerPath)
	if err != nil || data == nil {
		return newLedger(0), err
	}
	l := newLedger(bytes.Count(data, []byte("]")))
	ids := make([]string, 0, cap(l.entries)) // of most files there is one
	err = streams.Members(data, func(path string, v streams.Value) {
		if clean, err := streams.CleanPath(path); err == nil {
			path = clean // the Python tool keeps paths as they were listed
		}
		e, first := l.at(path), len(ids)
		ids = v.AppendStrings(append(ids, e.ids...))
		e.ids = ids[first:len(ids):len(ids)]
	})
	if err != nil {
		r.Log.Warn(fmt.Sprintf("%s is damaged and is made again from the files: %v", ledgerPath, err))
		return newLedger(0), nil
	}
	return l, nil
}

// newLedger makes an empty ledger with room for n files.
func newLedger(n int) *ledger {
	return &ledger{entries: make([]entry, 0, n), places: make(map[string]int, n)}
}

// grow makes room for n files more.
func (l *ledger) grow(n int) {
	l.entries = slices.Grow(l.entries, n)
	if len(l.places) < n {
		places := l.places
		l.places = make(map[string]int, len(places)+n)
		maps.Copy(l.places, places)
	}
}

// at returns the entry of a path, and makes one if there is none.
func (l *ledger) at(path string) *entry {
	i, known := l.places[path]
	if !known {
		i = len(l.entries)
		l.places[path] = i
		l.entries = append(l.entries, entry{path: path})
	}
	return &l.entries[i]
}

// knows tells whether there is an entry of a path, be it one that no item is left of.
func (l *ledger) knows(path string) bool {
	_, known := l.places[path]
	return known
}

// ids returns the items that the file at a path is there for.
func (l *ledger) ids(path string) []string {
	if i, known := l.places[path]; known {
		return l.entries[i].ids
	}
	return nil
}

func (l *ledger) add(path, id string) {
	if e := l.at(path); !slices.Contains(e.ids, id) { // the Python tool's ledger may hold an id twice
		e.ids, l.changed = append(e.ids, id), true
	}
}

// remove takes id from path and tells whether nothing needs the file any more.
func (l *ledger) remove(path, id string) (last bool) {
	if !l.knows(path) {
		return false
	}
	l.changed = true
	e := l.at(path)
	e.ids = slices.DeleteFunc(e.ids, func(other string) bool { return other == id })
	return len(e.ids) == 0
}

// has tells whether the file is there for the item.
func (l *ledger) has(path, contentID string, r streams.Ref) bool {
	return slices.ContainsFunc(l.ids(path), func(id string) bool { return isItemID(id, contentID, r) })
}

// pathsSize is about how many bytes the paths have, each with a size before it.
func (l *ledger) pathsSize() (n int) {
	for _, e := range l.entries {
		n += len(e.path) + len("1000000 \x00")
	}
	return n
}

// render writes the ledger, without the files that are there for no item.
func (l *ledger) render(w io.Writer) error {
	out := bufio.NewWriterSize(w, 32<<10)
	var text []byte
	lead := "{"
	for _, e := range l.entries {
		if len(e.ids) == 0 {
			continue
		}
		text = append(text[:0], lead...)
		text = append(streams.AppendText(text, e.path, ledgerStyle.Escape), ": "...)
		text = streams.Append(text, streams.Strings(e.ids), ledgerStyle)
		_, _ = out.Write(text) // Flush tells
		lead = ", "
	}
	if text == nil {
		_ = out.WriteByte('{')
	}
	_ = out.WriteByte('}')
	return out.Flush()
}

// maxState is more than any file of a mirror's state has.
const maxState = 1 << 40

// readAll returns what a store has at path, nil if nothing is there.
func readAll(ctx context.Context, s store.Source, path string) ([]byte, error) {
	data, err := store.ReadAll(ctx, s, path, maxState)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// write replaces what is at path unless it is there already.
func write(ctx context.Context, s store.Store, path string, c store.Content) error {
	same, err := store.Holds(ctx, s, path, c)
	if err != nil || same {
		return err
	}
	return s.Put(ctx, path, c)
}
