package streams

import "slices"

// Sticky are the fields that stay on an item when [Products.Condense] is given none: they differ between items by their nature.
var Sticky = []string{"path", "sha256", "md5", "size"}

// Condense moves string fields that all siblings share to their parent, from items up to products, unless the parent
// has another value. Fields named in sticky stay on the items. Copies of an item's or a version's Attrs must be clones.
func (p *Products) Condense(sticky []string) {
	c := condenser{sticky: sticky}
	for _, product := range p.Products.All() {
		for _, version := range product.Versions.All() {
			c.items(version)
		}
		c.versions(product)
	}
}

// condenser condenses products; its memory serves all.
type condenser struct {
	sticky   []string
	children []*Attrs
	shared   []sharedField
}

// sharedField is a field that the children share, as far as they have been looked at.
type sharedField struct {
	node[Value]
	place int // among the fields of the first child
}

// items moves what the items of a version share to it.
func (c *condenser) items(v *Version) {
	siblings(c, &v.Items, func(i *Item) *Attrs { return &i.Attrs })
	c.moveUp(&v.Attrs, "items")
}

// versions moves what the versions of a product share to it.
func (c *condenser) versions(p *Product) {
	siblings(c, &p.Versions, func(v *Version) *Attrs { return &v.Attrs })
	c.moveUp(&p.Attrs, "versions")
}

// siblings makes c.children the fields of nodes.
func siblings[T any](c *condenser, nodes *Nodes[T], fields func(T) *Attrs) {
	c.children = c.children[:0]
	for _, node := range nodes.All() {
		c.children = append(c.children, fields(node))
	}
}

// canMove tells whether a field may move to the parent that lists its children under that name.
func canMove(f node[Value], listed string, sticky []string) bool {
	return f.value.Kind() == Text && f.name != listed && !slices.Contains(sticky, f.name)
}

// moveUp moves what the children share to their parent, which lists them under that name.
func (c *condenser) moveUp(parent *Attrs, listed string) {
	if len(c.children) == 0 {
		return
	}
	c.shared = c.shared[:0]
	for i, f := range c.children[0].fields.list {
		if canMove(f, listed, c.sticky) {
			c.shared = append(c.shared, sharedField{f, i})
		}
	}
	for _, child := range c.children[1:] {
		c.shared = slices.DeleteFunc(c.shared, func(f sharedField) bool { return !sameText(child.likely(f.place, f.name), f.value) })
	}
	c.shared = slices.DeleteFunc(c.shared, func(f sharedField) bool {
		own := parent.Get(f.name)
		return own.Kind() != Absent && !sameText(own, f.value)
	})
	if len(c.shared) == 0 {
		return
	}
	for _, f := range c.shared {
		parent.Set(f.name, f.value)
	}
	for _, child := range c.children {
		c.drop(child)
	}
}

// drop removes from child what is shared. Most children have it in the order of the first.
func (c *condenser) drop(child *Attrs) {
	list, before := child.fields.list, child.Len()-child.tail
	left, next := 0, 0
	for i, f := range list {
		if next == len(c.shared) || f.name != c.shared[next].name {
			list[left] = f
			left++
			continue
		}
		if next++; i >= before {
			child.tail--
		}
	}
	child.fields.list = list[:left]
	child.fields.reindex()
	for _, f := range c.shared[next:] {
		child.Delete(f.name)
	}
}

func sameText(a, b Value) bool {
	if a.raw == b.raw {
		return a.Kind() == Text
	}
	x, ok := a.Str()
	y, also := b.Str()
	return ok && also && x == y
}
