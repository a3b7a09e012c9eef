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

// Parse reads an index:1.0 or products:1.0 document. It reads body in place: body must not change afterwards.
// Errors name path.
func Parse(path string, body []byte) (*Document, error) {
	d := &Document{Path: path, Raw: body}
	format, err := formatOf(body)
	switch {
	case err != nil:
	case format == IndexFormat:
		d.Index, err = ParseIndex(body)
	case format == ProductsFormat:
		d.Products, err = ParseProducts(body)
	default:
		err = fmt.Errorf("unknown format %q: %q or %q is needed", format, IndexFormat, ProductsFormat)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if d.Attrs().Str("format") != format { // it stands twice, and readers would differ
		return nil, fmt.Errorf("%s: the field format stands twice, with different values", path)
	}
	return d, nil
}

// Attrs returns the top-level fields.
func (d *Document) Attrs() *Attrs {
	if d.Index != nil {
		return &d.Index.Attrs
	}
	return &d.Products.Attrs
}

// ParseIndex reads an index, whatever its format field says.
func ParseIndex(body []byte) (*Index, error) {
	p, err := newParser(body)
	if err != nil {
		return nil, err
	}
	x := new(Index)
	err = p.document(&x.Attrs, "index", func() (err error) {
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

// ParseProducts reads a products file, whatever its format field says.
func ParseProducts(body []byte) (*Products, error) {
	p, err := newParser(body)
	if err != nil {
		return nil, err
	}
	x := new(Products)
	err = p.document(&x.Attrs, "products", func() (err error) {
		x.Products, err = children(p, 1, p.product)
		return err
	})
	if err != nil {
		return nil, err
	}
	return x, nil
}

// EachProduct reads a products file with room for one product at a time. First it calls begin with the top-level
// fields (its Products are empty), then each for every product in the order of the document, until each returns false.
// What each is given is its to keep. A name that stands twice is yielded twice, unlike in [ParseProducts], where the last wins.
func EachProduct(body []byte, begin func(top *Products) error, each func(name string, product *Product) bool) error {
	p, err := newParser(body)
	if err != nil {
		return err
	}
	top, start := new(Products), -1
	err = p.document(&top.Attrs, "products", func() error {
		p.space()
		start = p.i
		_, err := p.value(1)
		return err
	})
	if err == nil {
		err = begin(top)
	}
	if err != nil || start < 0 {
		return err
	}
	p.i = start
	if p.peek() == 'n' { // null, as the walk above has seen
		return nil
	}
	err = p.object(1, func(name string) error {
		product, err := p.product(2)
		if err == nil && !each(name, product) {
			return errStop
		}
		return err
	})
	if err == errStop {
		return nil
	}
	return err
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
			x := new(Item)
			return x, p.node(depth, &x.Attrs, "", nil)
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

// node reads an object: its fields into a, the member called below by nodes.
func (p *parser) node(depth int, a *Attrs, below string, nodes func() error) error {
	base := len(p.stack)
	tail := -1 // if there are children: where the fields after them begin
	err := p.object(depth, func(key string) error {
		if key == below && nodes != nil {
			err := nodes()
			tail = len(p.stack)
			return err
		}
		v, err := p.value(depth + 1)
		if err != nil {
			return err
		}
		for i := base; i < len(p.stack); i++ {
			if p.stack[i].key == key { // the last of two wins, in the place of the first
				p.stack[i].value = v
				return nil
			}
		}
		p.stack = append(p.stack, field{key, v})
		return nil
	})
	a.fields = p.keep(p.stack[base:])
	if tail >= 0 {
		a.tail = len(p.stack) - tail
	}
	p.stack = p.stack[:base]
	return err
}

// keep copies fields to a block that many nodes share: one allocation for hundreds of them.
func (p *parser) keep(fields []field) []field {
	if len(fields) > cap(p.block)-len(p.block) {
		p.block = make([]field, 0, max(blockSize, len(fields)))
	}
	start := len(p.block)
	p.block = append(p.block, fields...)
	return p.block[start:len(p.block):len(p.block)]
}

const blockSize = 512

// children reads an object whose members are nodes; null is an empty object.
func children[T any](p *parser, depth int, read func(depth int) (T, error)) (Nodes[T], error) {
	n := MakeNodes[T]()
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
	return n, err
}

// formatOf returns the first top-level field called format, reading no further.
func formatOf(body []byte) (string, error) {
	p, err := newParser(body)
	if err != nil {
		return "", err
	}
	var format string
	err = p.object(0, func(key string) error {
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
	return format, err
}
