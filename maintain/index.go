package maintain

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"

	"github.com/seed-43fb3962/sstream/streams"
)

// index is the document that leads to the catalogues.
type index struct {
	site *site
	path string
	old  []byte
	node *streams.Index
	new  bool // something is not as it was
}

// openIndex reads the index that is there. What it says of other streams stays, as long as their catalogues do.
func (s *site) openIndex() (*index, error) {
	x := &index{site: s, path: s.document("index"), node: new(streams.Index)}
	body, _, err := readDocument(s.fsys, x.path)
	if err == nil {
		x.old = body
		x.node, err = streams.ParseIndex(body)
	}
	if errors.Is(err, fs.ErrNotExist) || err != nil && (s.rebuild || s.seed) {
		x.node, err = new(streams.Index), nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the index %s: %w; it is left as it is (sstream build --rebuild makes it anew)", x.path, err)
	}
	x.node.Entries.DeleteFunc(func(_ string, e *streams.Entry) bool {
		_, err := fs.Stat(s.fsys, e.Str("path"))
		x.new = x.new || err != nil
		return err != nil
	})
	return x, nil
}

// set makes the entry of a stream.
func (x *index) set(stream string, products *streams.Products, changed bool) {
	e, ok := x.node.Entries.Get(stream)
	if !ok {
		e = new(streams.Entry)
		x.node.Entries.Set(stream, e)
		x.new = true
	}
	e.Set("datatype", streams.String(datatype))
	e.Set("path", streams.String(x.site.document(stream)))
	e.Set("format", streams.String(streams.ProductsFormat))
	if changed {
		e.ForgetContent() // of the catalogue that is replaced
	}
	if changed || e.Str("updated") == "" {
		e.Set("updated", x.site.stamp())
	}
	e.Set("products", streams.Strings(products.Products.Sorted()))
}

// render returns the document, and whether it says anything new.
func (x *index) render() ([]byte, bool) {
	setDefault(&x.node.Attrs, "format", streams.IndexFormat)
	x.node.Entries = sorted(x.node.Entries)
	body := streams.Append(nil, x.node, x.site.style())
	if bytes.Equal(body, x.old) && (x.site.seed || x.node.Str("updated") != "") {
		return body, false
	}
	if !x.site.seed {
		x.node.Set("updated", x.site.stamp())
		body = streams.Append(nil, x.node, x.site.style())
	}
	return body, true
}
