package streams

import (
	"iter"
	"slices"
)

// Names under which an entity's own place is seen by filters, queries and hooks.
const (
	contentIDKey = "content_id"
	productName  = "product_name"
	versionName  = "version_name"
	itemName     = "item_name"
)

// Flat are the scalar fields of an entity, its own over those of the nodes above it, as text.
// Keys keep the place where they came first, from the top down. The zero value is empty.
type Flat struct {
	list  []node[string]
	index map[string]int // key to place, once there are more than flatLimit
}

// flatLimit is linearLimit for what is built anew for each item and lies close together in memory.
const flatLimit = 64

// Get returns the value of key and whether there is one.
func (f *Flat) Get(key string) (string, bool) {
	if i := f.find(key); i >= 0 {
		return f.list[i].value, true
	}
	return "", false
}

func (f *Flat) find(key string) int {
	if f.index != nil {
		if i, ok := f.index[key]; ok {
			return i
		}
		return -1
	}
	for i := range f.list {
		if f.list[i].name == key {
			return i
		}
	}
	return -1
}

// Set gives key a value; a key that is there keeps its place.
func (f *Flat) Set(key, value string) {
	if i := f.find(key); i >= 0 {
		f.list[i].value = value
		return
	}
	f.list = append(f.list, node[string]{key, value})
	if f.index != nil {
		f.index[key] = len(f.list) - 1
	} else if len(f.list) > flatLimit {
		f.reindex()
	}
}

func (f *Flat) reindex() {
	f.index = nil
	if len(f.list) > flatLimit {
		f.index = make(map[string]int, 2*len(f.list))
		for i := range f.list {
			f.index[f.list[i].name] = i
		}
	}
}

// Delete removes key.
func (f *Flat) Delete(key string) {
	if i := f.find(key); i >= 0 {
		f.list = slices.Delete(f.list, i, i+1)
		f.reindex()
	}
}

// Len returns the number of fields.
func (f *Flat) Len() int { return len(f.list) }

// All yields the fields in order.
func (f *Flat) All() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, field := range f.list {
			if !yield(field.name, field.value) {
				return
			}
		}
	}
}

// Reset makes f the same as other, keeping its memory. A nil other is empty.
func (f *Flat) Reset(other *Flat) {
	f.list, f.index = f.list[:0], nil
	if other != nil {
		f.list = append(f.list, other.list...)
		f.reindex()
	}
}

// AddScalars sets the scalar fields of a.
func (f *Flat) AddScalars(a *Attrs) {
	for key, v := range a.All() {
		if s, ok := v.Scalar(); ok {
			f.Set(key, s)
		}
	}
}

// Flat returns the fields of e over those of the nodes above it; each node's name (product_name, version_name,
// item_name) follows its fields.
func (e *Entity) Flat() *Flat {
	f := new(Flat)
	e.AppendFlat(f)
	return f
}

// AppendFlat is [Entity.Flat] into f, which it empties first.
func (e *Entity) AppendFlat(f *Flat) {
	f.Reset(nil)
	for _, l := range e.levels() {
		l.addTo(f)
	}
}

// AddItem adds the fields and the name of e's item to f, which has those of the nodes above it: as [Entity.AppendFlat],
// where many items share a version.
func (e *Entity) AddItem(f *Flat) { e.levels()[3].addTo(f) }

// level is one node of an [Entity].
type level struct {
	attrs     *Attrs // nil if the entity has not got it
	key, name string // what the node is called, and under which key that is seen; no key at the top
}

func (e *Entity) levels() [4]level {
	l := [4]level{{}, {nil, productName, e.Ref.Product}, {nil, versionName, e.Ref.Version}, {nil, itemName, e.Ref.Item}}
	if e.Products != nil {
		l[0].attrs = &e.Products.Attrs
	}
	if e.Product != nil {
		l[1].attrs = &e.Product.Attrs
	}
	if e.Version != nil {
		l[2].attrs = &e.Version.Attrs
	}
	if e.Item != nil {
		l[3].attrs = &e.Item.Attrs
	}
	return l
}

// named tells whether the node's name is to be seen: it is there, or it was and its name is known.
func (l level) named() bool { return l.key != "" && (l.attrs != nil || l.name != "") }

func (l level) addTo(f *Flat) {
	if l.attrs != nil {
		f.AddScalars(l.attrs)
	}
	if l.named() {
		f.Set(l.key, l.name)
	}
}

// Get returns one field as [Entity.Flat] has it, "" if there is none.
func (e *Entity) Get(key string) string {
	levels := e.levels()
	for i := len(levels) - 1; i >= 0; i-- {
		l := &levels[i]
		if l.key == key && l.named() {
			return l.name
		}
		if l.attrs == nil {
			continue
		}
		if s, ok := l.attrs.Get(key).Scalar(); ok {
			return s
		}
	}
	return ""
}
