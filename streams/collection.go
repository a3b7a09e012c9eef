package streams

import (
	"fmt"
	"slices"
	"strings"
)

// Collection gathers items, each with its place, into products documents. The zero value is empty.
//
// There may be hundreds of thousands of items, so that it keeps of each only the text of its values, in one piece: half of
// what nodes take.
type Collection struct {
	Updated  string // the field of that name in what is made; "": none
	Datatype string // the field of that name in what is made; "": none
	Style    Style  // how documents are laid out, names always sorted; it stays as it is from the first item on
	docs     Nodes[*Gathered]
	kept     arena
	own      []node[Value]     // the fields that an item has for itself, until the next is added
	last     []node[Value]     // the fields of the last version, as it began
	names    map[string]string // each once: the same names stand in many places, and are cheap to compare if they are the same memory
	packer   packer
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
	if _, there := version.items.Get(place[3]); there {
		return fmt.Errorf("%s is there already", strings.Join(place[:], "/"))
	}
	c.share(version, fields)
	version.items.add(c.name(place[3]), c.pack())
	return nil
}

// version returns the version of that place, making it if it is not there.
func (c *Collection) version(place [4]string) *gatheredVersion {
	doc := child(c, &c.docs, place[0], func() *Gathered { return c.document(place[0]) })
	product := child(c, &doc.products, place[1], func() *gatheredProduct { return &gatheredProduct{} })
	return child(c, &product.versions, place[2], func() *gatheredVersion { return &gatheredVersion{} })
}

// share leaves to a version what all its items have, a new one with these fields among them, and makes c.own what the new
// one has for itself.
func (c *Collection) share(v *gatheredVersion, fields []node[Value]) {
	if v.items.Len() == 0 {
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
		c.unshare(v, fields)
		c.without(v, fields)
	}
}

// unshare gives back to the items of a version what is not among these fields.
func (c *Collection) unshare(v *gatheredVersion, fields []node[Value]) {
	its, back := Nodes[Value]{list: fields}, []node[Value]{}
	its.reindex()
	v.fields.DeleteFunc(func(name string, value Value) bool {
		own, _ := its.Get(name)
		gone := !sameText(own, value)
		if gone {
			back = append(back, node[Value]{name, value})
		}
		return gone
	})
	for i := range v.items.list {
		item := &v.items.list[i].value
		c.own = append(item.fields(c.own[:0]), back...)
		*item = c.pack()
	}
}

// without makes c.own those fields that a version does not have, and tells whether it has no others.
func (c *Collection) without(v *gatheredVersion, fields []node[Value]) bool {
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

// pack makes an item of the fields c.own.
func (c *Collection) pack() packed {
	if !slices.IsSortedFunc(c.own, node[Value].order) {
		slices.SortFunc(c.own, node[Value].order)
	}
	shape, values := c.packer.pack(c.own, c.Style)
	return packed{shape, c.kept.clone(values)}
}

// keep makes fields that are lent last. What stands there again as in the last version is the same memory.
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
	c.last = c.kept.keep(fields)
	return c.last
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

func (c *Collection) document(contentID string) *Gathered {
	doc := &Gathered{style: c.Style}
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
