// Package streams is the Simple Streams format as values: documents are parsed, walked, flattened, filtered, condensed and
// rendered. It does no I/O.
//
// An [Index] leads to products files. In one of those, [Products] holds products, a [Product] versions, a [Version] items,
// and an [Item] is a file (path, size, sha256 …) or an image id in a cloud. Fields are inherited downwards: [Entity] is a
// node with the nodes above it, and [Entity.Flat] has their fields as one list. Fields that nobody here knows, the order of
// all and the text of numbers survive: what is parsed and rendered again says the same.
package streams

import (
	"errors"
	"fmt"
)

// Document is a file of a mirror's metadata: an index or a products file.
type Document struct {
	Path     string    // where it was read, below the root of its mirror
	Raw      []byte    // as it was read, signature and all
	Index    *Index    // nil unless it is an index
	Products *Products // nil unless it is a products file; aliases not expanded
}

// Parse reads an index:1.0 or products:1.0 document, which must have the field index or products. It reads body in place:
// body must not change afterwards. Errors name path.
func Parse(path string, body []byte) (*Document, error) {
	d := &Document{Path: path, Raw: body}
	p, err := newParser(inPlace(body))
	var format string
	if err == nil {
		format, err = p.format()
	}
	switch {
	case err != nil:
	case format == IndexFormat:
		d.Index, err = p.index()
	case format == ProductsFormat:
		d.Products, err = p.products()
	default:
		err = fmt.Errorf("unknown format %q: %q or %q is needed", format, IndexFormat, ProductsFormat)
	}
	if err == nil {
		err = d.check(format)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return d, nil
}

// check refuses what readers would understand differently. Taken for an empty document, one that does not say what it
// lists would clear mirrors.
func (d *Document) check(format string) error {
	switch {
	case d.Attrs().Str("format") != format:
		return errors.New("the field format stands twice, with different values")
	case d.Index != nil && d.Index.Entries.list == nil:
		return errors.New(`it has no field "index"`)
	case d.Products != nil && d.Products.Products.list == nil:
		return errors.New(`it has no field "products"`)
	}
	return nil
}

// Attrs returns the top-level fields.
func (d *Document) Attrs() *Attrs {
	if d.Index != nil {
		return &d.Index.Attrs
	}
	return &d.Products.Attrs
}

// ParseIndex reads an index, whatever its format field says and if it lists nothing. It reads body in place, as [Parse] does.
func ParseIndex(body []byte) (*Index, error) {
	p, err := newParser(inPlace(body))
	if err != nil {
		return nil, err
	}
	return p.index()
}

// ParseProducts reads a products file, whatever its format field says and if it lists nothing. It reads body in place, as
// [Parse] does.
func ParseProducts(body []byte) (*Products, error) {
	p, err := newParser(inPlace(body))
	if err != nil {
		return nil, err
	}
	return p.products()
}

func (p *parser) index() (*Index, error) {
	x := new(Index)
	err := p.document(&x.Attrs, "index", func() (err error) {
		x.Entries, err = children(p, 1, func(depth int) (*Entry, error) {
			e := new(Entry)
			return e, p.node(depth, &e.Attrs, "", nil)
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return x, nil
}

func (p *parser) products() (*Products, error) {
	x := new(Products)
	err := p.document(&x.Attrs, "products", func() (err error) {
		x.Products, err = children(p, 1, p.product)
		return err
	})
	if err != nil {
		return nil, err
	}
	return x, nil
}

// errStop ends a walk early; it never leaves the package.
var errStop = errors.New("stop")

func (p *parser) product(depth int) (*Product, error) {
	x := new(Product)
	return x, p.node(depth, &x.Attrs, "versions", func() (err error) {
		x.Versions, err = children(p, depth+1, p.version)
		return err
	})
}

func (p *parser) version(depth int) (*Version, error) {
	x := new(Version)
	return x, p.node(depth, &x.Attrs, "items", func() (err error) {
		x.Items, err = children(p, depth+1, func(depth int) (*Item, error) {
			fields, _, err := p.fields(depth, "", nil)
			return p.item(p.keep(fields)), err
		})
		return err
	})
}

// document reads the outermost object.
func (p *parser) document(a *Attrs, below string, nodes func() error) error {
	if err := p.node(0, a, below, nodes); err != nil {
		return err
	}
	return p.end()
}

// children reads an object whose members are nodes; null is an empty object.
func children[T any](p *parser, depth int, read func(depth int) (T, error)) (Nodes[T], error) {
	count := &p.counts[depth%len(p.counts)]
	n := Nodes[T]{list: make([]node[T], 0, *count)}
	if p.peek() == 'n' {
		_, err := p.value(depth)
		return n, err
	}
	err := p.object(depth, func(name string) error {
		child, err := read(depth + 1)
		if err != nil {
			return err
		}
		n.Set(name, child)
		return nil
	})
	*count = len(n.list)
	return n, err
}

// format returns the first top-level field called format, reading no further, and goes back to the start.
func (p *parser) format() (string, error) {
	var format string
	err := p.object(0, func(key string) error {
		v, err := p.value(1)
		if err == nil && key == "format" {
			format, _ = v.Str()
			return errStop
		}
		return err
	})
	if err == errStop {
		err = nil
	}
	p.i = 0
	return format, err
}
