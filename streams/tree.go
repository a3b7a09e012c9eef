package streams

import (
	"iter"
	"strings"
)

// Formats of a document.
const (
	IndexFormat    = "index:1.0"
	ProductsFormat = "products:1.0"
)

// Index is an index:1.0 document: which product files (or further indexes) there are.
type Index struct {
	Attrs   // top-level fields: format, updated …
	Entries Nodes[*Entry]
}

// Entry is one entry of an [Index], named by the content id of what it leads to.
type Entry struct{ Attrs } // path, format, datatype, updated, products …

// Products is a products:1.0 document.
type Products struct {
	Attrs    // top-level fields: content_id, format, datatype, updated …
	Products Nodes[*Product]
}

// Product is one image in all its versions.
type Product struct {
	Attrs
	Versions Nodes[*Version]
}

// Version is one build of a product.
type Version struct {
	Attrs
	Items Nodes[*Item]
}

// Item is one file, or one image id in a cloud.
type Item struct{ Attrs }

// ContentID returns the document's name.
func (p *Products) ContentID() string { return p.Str("content_id") }

// Ref names a node of a products document, or less of it.
type Ref struct{ Product, Version, Item string }

// String returns "product/version/item", as much as r has of it.
func (r Ref) String() string {
	return strings.TrimRight(r.Product+"/"+r.Version+"/"+r.Item, "/")
}

// Entity is a node together with the nodes above it: what filters, queries and hooks look at.
// What lies below the node that is meant is nil.
type Entity struct {
	Ref      Ref
	Products *Products
	Product  *Product
	Version  *Version
	Item     *Item
}

// All yields every item in the order of the document.
func (p *Products) All() iter.Seq[Entity] {
	return func(yield func(Entity) bool) {
		for product, pr := range p.Products.All() {
			for version, v := range pr.Versions.All() {
				for item, it := range v.Items.All() {
					if !yield(Entity{Ref{product, version, item}, p, pr, v, it}) {
						return
					}
				}
			}
		}
	}
}

// Find returns the node that r names, with the nodes above it, and whether it is there.
func (p *Products) Find(r Ref) (Entity, bool) {
	e := Entity{Ref: r, Products: p}
	var ok bool
	if e.Product, ok = p.Products.Get(r.Product); !ok || r.Version == "" {
		return e, ok
	}
	if e.Version, ok = e.Product.Versions.Get(r.Version); !ok || r.Item == "" {
		return e, ok
	}
	e.Item, ok = e.Version.Items.Get(r.Item)
	return e, ok
}
