package streams

import "io"

// Gathered is a products document that a [Collection] has made, to be written.
type Gathered struct {
	Attrs    // top-level fields: content_id, format, datatype, updated
	products Nodes[*gatheredProduct]
	style    Style
}

type gatheredProduct struct {
	Attrs
	versions Nodes[*gatheredVersion]
}

type gatheredVersion struct {
	Attrs
	items Nodes[packed]
}

// ContentID returns the document's name.
func (g *Gathered) ContentID() string { return g.Str("content_id") }

// Render writes the document to w, the same every time.
func (g *Gathered) Render(w io.Writer) error {
	r := renderer{dst: make([]byte, 0, 2*part), Style: g.style, out: w}
	r.document(g)
	r.flush()
	return r.err
}

// Documents returns the documents in the order in which the first item of each came, condensed. Nothing can be added
// afterwards.
func (c *Collection) Documents() []*Gathered {
	condense := condenser{sticky: Sticky}
	var docs []*Gathered
	for _, doc := range c.docs.All() {
		for _, product := range doc.products.All() {
			siblings(&condense, &product.versions, func(v *gatheredVersion) *Attrs { return &v.Attrs })
			condense.moveUp(&product.Attrs, "versions")
		}
		docs = append(docs, doc)
	}
	return docs
}

// Index makes the index that leads to documents, each at path(content id), with what they say of themselves as text.
func (c *Collection) Index(docs []*Gathered, path func(contentID string) string) *Index {
	x := &Index{Entries: MakeNodes[*Entry]()}
	x.Set("format", String(IndexFormat))
	setText(&x.Attrs, "updated", c.Updated)
	for _, doc := range docs {
		e := &Entry{}
		e.Set("products", Strings(doc.products.Names()))
		e.Set("path", String(path(doc.ContentID())))
		for key, v := range doc.Attrs.All() {
			if v.Kind() == Text && key != "content_id" {
				e.Set(key, v)
			}
		}
		x.Entries.Set(doc.ContentID(), e)
	}
	return x
}

// items writes the items of a version that was gathered.
func (r *renderer) items(v *gatheredVersion) {
	list := v.items.list
	r.object(len(list), func(i int) string { return list[i].name }, func(i int) { r.dst = list[i].value.appendTo(r.dst) })
}
