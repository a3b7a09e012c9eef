package streams

import (
	"fmt"
	"strings"
)

// Collection gathers items, each with its place, into products documents. The zero value is empty.
type Collection struct {
	Updated  string // the field of that name in what is made; "": none
	Datatype string // the field of that name in what is made; "": none
	docs     Nodes[*Products]
	kept     arena
	own      []node[Value]     // the fields that an item has for itself, until the next is added
	last     []node[Value]     // the fields of the last item
	names    map[string]string // each once: the same names stand in many places, and are cheap to compare if they are the same memory
}

// add adds an item of fields that are lent, at the place that placeKeys name. It is an error if there is one already.
func (c *Collection) add(place [4]string, fields []node[Value]) error {
	for i, name := range place {
		if name == "" {
			return fmt.Errorf("its %s is empty", placeKeys[i])
		}
	}
	for i := range fields {
		f := &fields[i]
		if f.name == "size" && f.value.Kind() > Null {
			number, ok := wholeNumber(f.value)
			if !ok {
				return fmt.Errorf("its size %s is no number of bytes", f.value.Raw())
			}
			f.value = number
		}
	}
	version := c.version(place)
	if _, there := version.Items.Get(place[3]); there {
		return fmt.Errorf("%s is there already", strings.Join(place[:], "/"))
	}
	c.share(version, fields)
	version.Items.add(c.name(place[3]), c.item())
	return nil
}

// version returns the version of that place, making it if it is not there.
func (c *Collection) version(place [4]string) *Version {
	doc := child(c, &c.docs, place[0], func() *Products { return c.document(place[0]) })
	product := child(c, &doc.Products, place[1], func() *Product { return &Product{Versions: MakeNodes[*Version]()} })
	return child(c, &product.Versions, place[2], func() *Version { return &Version{Items: MakeNodes[*Item]()} })
}

// share leaves to a version what all its items have, a new one with these fields among them, and makes c.own what the new
// one has for itself.
func (c *Collection) share(v *Version, fields []node[Value]) {
	if v.Items.Len() == 0 {
		c.own = c.own[:0]
		for _, f := range fields {
			if canMove(f, "items", Sticky) {
				c.own = append(c.own, f)
			}
		}
		v.fields.list = c.keep(c.own)
		v.fields.reindex()
	}
	if !c.without(v, fields) {
		its := Nodes[Value]{list: fields}
		v.fields.DeleteFunc(func(name string, value Value) bool {
			if own, _ := its.Get(name); sameText(own, value) {
				return false
			}
			for _, item := range v.Items.All() {
				item.insert(name, value)
			}
			return true
		})
		c.without(v, fields)
	}
}

// without makes c.own those fields that a version does not have, and tells whether it has no others.
func (c *Collection) without(v *Version, fields []node[Value]) bool {
	c.own = c.own[:0]
	found := 0
	for _, f := range fields {
		if sameText(v.likely(found, f.name), f.value) {
			found++
		} else {
			c.own = append(c.own, f)
		}
	}
	return found == v.Len()
}

// item makes an item of c.own.
func (c *Collection) item() *Item {
	c.last = c.keep(c.own)
	return c.kept.item(c.last)
}

// keep makes fields that are lent last. What stands there again as in the last item is the same memory.
func (c *Collection) keep(fields []node[Value]) []node[Value] {
	for i := range fields {
		f := &fields[i]
		var last node[Value]
		if i < len(c.last) {
			last = c.last[i]
		}
		if f.name == last.name {
			f.name = last.name
		} else {
			f.name = c.name(f.name)
		}
		if f.value == last.value {
			f.value = last.value
		} else {
			f.value.raw = c.kept.clone(f.value.raw)
		}
	}
	return c.kept.keep(fields)
}

// name returns name in the memory where it stands for all items.
func (c *Collection) name(name string) string {
	known, ok := c.names[name]
	if !ok {
		if c.names == nil {
			c.names = map[string]string{}
		}
		known = strings.Clone(name)
		c.names[known] = known
	}
	return known
}

// child returns the child of that name, making it if it is not there.
func child[T any](c *Collection, n *Nodes[T], name string, create func() T) T {
	if there, ok := n.Get(name); ok {
		return there
	}
	made := create()
	n.add(c.name(name), made)
	return made
}

func (c *Collection) document(contentID string) *Products {
	doc := &Products{Products: MakeNodes[*Product]()}
	doc.Set("content_id", String(contentID))
	doc.Set("format", String(ProductsFormat))
	setText(&doc.Attrs, "datatype", c.Datatype)
	setText(&doc.Attrs, "updated", c.Updated)
	return doc
}

// setText sets a field unless its value is "".
func setText(a *Attrs, key, value string) {
	if value != "" {
		a.Set(key, String(value))
	}
}

// Documents returns the documents in the order in which the first item of each came, condensed. They are c's own:
// nothing can be added afterwards.
func (c *Collection) Documents() []*Products {
	condense := condenser{sticky: Sticky}
	var docs []*Products
	for _, doc := range c.docs.All() {
		for _, product := range doc.Products.All() {
			condense.versions(product)
		}
		docs = append(docs, doc)
	}
	return docs
}

// Index makes the index that leads to documents, each at path(content id), with what they say of themselves as text.
func (c *Collection) Index(docs []*Products, path func(contentID string) string) *Index {
	x := &Index{Entries: MakeNodes[*Entry]()}
	x.Set("format", String(IndexFormat))
	setText(&x.Attrs, "updated", c.Updated)
	for _, doc := range docs {
		e := &Entry{}
		e.Set("products", Strings(doc.Products.Names()))
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

// wholeNumber makes a number of digits that are one or stand for one.
func wholeNumber(v Value) (Value, bool) {
	text, ok := v.Str()
	if !ok && v.Kind() == Number {
		text = v.raw
	}
	text = strings.TrimSpace(text)
	if text == "" || strings.ContainsFunc(text, func(r rune) bool { return r < '0' || r > '9' }) {
		return v, false
	}
	if text = strings.TrimLeft(text, "0"); text == "" {
		text = "0"
	}
	return Value{text}, true
}
