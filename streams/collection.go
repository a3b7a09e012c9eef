package streams

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Collection gathers items, each with its place, into products documents. The zero value is empty.
type Collection struct {
	Updated  string // the field of that name in what is made; "": none
	Datatype string // the field of that name in what is made; "": none
	docs     Nodes[*Products]
	names    map[string]string // each once: the same names stand in many places, and are cheap to compare if they are the same memory
}

// Add puts an item in its place. It is an error if there is one already.
func (c *Collection) Add(contentID string, r Ref, item *Item) error {
	doc := child(&c.docs, contentID, func() *Products { return c.document(contentID) })
	product := child(&doc.Products, r.Product, func() *Product { return &Product{Versions: MakeNodes[*Version]()} })
	version := child(&product.Versions, r.Version, func() *Version { return &Version{Items: MakeNodes[*Item]()} })
	if there := child(&version.Items, c.name(r.Item), func() *Item { return item }); there != item {
		return fmt.Errorf("%s/%s/%s/%s is there already", contentID, r.Product, r.Version, r.Item)
	}
	return nil
}

// name returns name in the memory where it stands for all items.
func (c *Collection) name(name string) string {
	known, ok := c.names[name]
	if !ok {
		if c.names == nil {
			c.names = map[string]string{}
		}
		c.names[name], known = name, name
	}
	return known
}

// child returns the child of that name, making it if it is not there.
func child[T any](n *Nodes[T], name string, create func() T) T {
	if c, ok := n.Get(name); ok {
		return c
	}
	n.list = append(n.list, node[T]{name, create()})
	n.added()
	return n.list[len(n.list)-1].value
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

// Documents returns the documents in the order in which the first item of each came. They are c's own.
func (c *Collection) Documents() []*Products {
	var docs []*Products
	for _, doc := range c.docs.All() {
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

// AddJSON adds the items of a JSON list of flat objects, as query --json prints them. The fields content_id,
// product_name, version_name and item_name say where an item goes, item_url is left out, and size becomes a number.
// data must not change afterwards.
func (c *Collection) AddJSON(data []byte) error {
	p, err := newParser(inPlace(data))
	if err != nil {
		return err
	}
	if p.peek() != '[' {
		return p.fail("a list of items is needed here")
	}
	n := 0
	err = p.elements(0, func() error {
		n++
		fields, _, err := p.fields(1, "", nil)
		if err != nil {
			return err
		}
		place, fields, err := takePlace(fields)
		if err == nil {
			err = c.add(place, p.item(fields))
		}
		if err != nil {
			return fmt.Errorf("item %d: %w", n, err)
		}
		return nil
	})
	if err == nil {
		err = p.end()
	}
	return err
}

// takePlace takes the fields that say where an item goes out of fields, and item_url.
func takePlace(fields []node[Value]) (place [4]string, left []node[Value], err error) {
	var known [4]bool
	left = fields[:0]
	for _, f := range fields {
		if i := placeOf(f.name); i >= 0 {
			place[i], known[i] = f.value.Str()
		} else if f.name != "item_url" {
			left = append(left, f)
		}
	}
	if i := slices.Index(known[:], false); i >= 0 {
		return place, nil, fmt.Errorf("it has no %s", placeKeys[i])
	}
	return place, left, nil
}

// add adds an item at the place that placeKeys name.
func (c *Collection) add(place [4]string, item *Item) error {
	for i, name := range place {
		if name == "" {
			return fmt.Errorf("its %s is empty", placeKeys[i])
		}
	}
	if size := item.Get("size"); size.Kind() > Null {
		number, ok := wholeNumber(size)
		if !ok {
			return fmt.Errorf("its size %s is no number of bytes", size.Raw())
		}
		item.Set("size", number)
	}
	return c.Add(place[0], Ref{place[1], place[2], place[3]}, item)
}

var placeKeys = [4]string{contentIDKey, productName, versionName, itemName}

// placeOf returns which of placeKeys name is, -1 if none.
func placeOf(name string) int {
	switch name {
	case contentIDKey:
		return 0
	case productName:
		return 1
	case versionName:
		return 2
	case itemName:
		return 3
	}
	return -1
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

// AddTab adds the items of a list with one item a line, of words with tabs between them: content id, product, version
// and item, then key=value for each field. Blank lines and those that begin with # do not count; size becomes a number.
func (c *Collection) AddTab(text string) error {
	n := 0
	for line := range strings.SplitSeq(text, "\n") {
		n++
		line = strings.TrimSuffix(line, "\r")
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if !utf8.ValidString(line) {
			return fmt.Errorf("line %d: not UTF-8", n)
		}
		words := strings.Split(line, "\t")
		if len(words) < len(placeKeys) {
			return fmt.Errorf("line %d: content id, product, version and item are needed, with tabs between them", n)
		}
		item := &Item{}
		for _, word := range words[len(placeKeys):] {
			key, value, ok := strings.Cut(word, "=")
			if !ok {
				return fmt.Errorf("line %d: %q is not key=value", n, word)
			}
			item.Set(key, String(value))
		}
		if err := c.add([4]string(words[:4]), item); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	return nil
}
