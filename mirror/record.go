package mirror

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
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

// renderRecord writes down what a target holds, as the Python tool does: fields as text above the items, items as
// they are, after aliases.
func renderRecord(held *streams.Products) []byte {
	top := &streams.Products{Attrs: textOnly(&held.Attrs), Products: streams.MakeNodes[*streams.Product]()}
	for name, product := range held.Products.All() {
		p := &streams.Product{Attrs: textOnly(&product.Attrs), Versions: streams.MakeNodes[*streams.Version]()}
		for version, v := range product.Versions.All() {
			p.Versions.Set(version, &streams.Version{Attrs: textOnly(&v.Attrs), Items: v.Items})
		}
		top.Products.Set(name, p)
	}
	return streams.Append(nil, top, recordStyle)
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
	paths   []string // in the order in which they came
	ids     map[string][]string
	changed bool // since it was read
}

// loadLedger reads the ledger; one that cannot be read counts as empty.
func (r *run) loadLedger(ctx context.Context) (*ledger, error) {
	l := &ledger{ids: map[string][]string{}}
	data, err := readAll(ctx, r.dst, ledgerPath)
	if err != nil || data == nil {
		return l, err
	}
	v, err := streams.Raw(string(data))
	if err == nil && v.Kind() != streams.Object {
		err = errors.New("it is not an object")
	}
	if err != nil {
		r.Log.Warn(fmt.Sprintf("%s is damaged and is made again from the files: %v", ledgerPath, err))
		return l, nil
	}
	entries := v.Fields()
	for path, ids := range entries.All() {
		if clean, err := streams.CleanPath(path); err == nil {
			path = clean // the Python tool keeps paths as they were listed
		}
		if _, known := l.ids[path]; !known {
			l.paths = append(l.paths, path)
		}
		l.ids[path] = append(l.ids[path], ids.StringList()...)
	}
	return l, nil
}

func (l *ledger) add(path, id string) {
	ids, known := l.ids[path]
	if !known {
		l.paths = append(l.paths, path)
	}
	if !slices.Contains(ids, id) { // the Python tool's ledger may hold an id twice
		l.ids[path], l.changed = append(ids, id), true
	}
}

// remove takes id from path and tells whether nothing needs the file any more.
func (l *ledger) remove(path, id string) (last bool) {
	ids, known := l.ids[path]
	if !known {
		return false
	}
	l.changed = true
	l.ids[path] = slices.DeleteFunc(ids, func(other string) bool { return other == id })
	return len(l.ids[path]) == 0
}

// has tells whether the file is there for the item.
func (l *ledger) has(path, id string) bool { return slices.Contains(l.ids[path], id) }

// render leaves out the files that are there for no item.
func (l *ledger) render() []byte {
	var a streams.Attrs
	for _, path := range l.paths {
		if ids := l.ids[path]; len(ids) > 0 {
			a.Set(path, streams.Strings(ids))
		}
	}
	return streams.Append(nil, &a, ledgerStyle)
}

// readAll returns what a store has at path, nil if nothing is there.
func readAll(ctx context.Context, s store.Source, path string) ([]byte, error) {
	in, err := s.Open(ctx, path, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer in.Close()
	return io.ReadAll(in)
}

// write replaces what is at path unless it is there already.
func write(ctx context.Context, s store.Store, path string, data []byte) error {
	old, err := readAll(ctx, s, path)
	if err != nil || old != nil && bytes.Equal(old, data) {
		return err
	}
	return s.Put(ctx, path, store.Bytes(data))
}
