package streams

import (
	"iter"
	"maps"
	"slices"
)

// Attrs are the fields of a node as the document has them, in its order. Unknown fields survive a round trip.
// The zero value has no fields.
type Attrs struct {
	fields Nodes[Value]
	tail   int // how many of fields, the last ones, the document has after the node's children
}

// Get returns the field named key; its Kind is Absent if there is none.
func (a *Attrs) Get(key string) Value {
	v, _ := a.fields.Get(key)
	return v
}

// likely is Get for a field that probably stands at place i.
func (a *Attrs) likely(i int, key string) Value {
	if i < len(a.fields.list) && a.fields.list[i].name == key {
		return a.fields.list[i].value
	}
	return a.Get(key)
}

// Str returns the field named key if it is a string, else "".
func (a *Attrs) Str(key string) string {
	s, _ := a.Get(key).Str()
	return s
}

// Set gives the field named key a value; a field that is there keeps its place.
func (a *Attrs) Set(key string, v Value) { a.fields.setAt(a.Len()-a.tail, key, v) }

// SetAfter is Set; a new field comes after the node's children where the order is kept.
func (a *Attrs) SetAfter(key string, v Value) {
	before := a.Len()
	a.fields.Set(key, v)
	a.tail += a.Len() - before
}

// Delete removes the field named key.
func (a *Attrs) Delete(key string) {
	i := a.fields.find(key)
	if i < 0 {
		return
	}
	if i >= a.Len()-a.tail {
		a.tail--
	}
	a.fields.Delete(key)
}

// Len returns the number of fields.
func (a *Attrs) Len() int { return a.fields.Len() }

// All yields the fields in their order.
func (a *Attrs) All() iter.Seq2[string, Value] { return a.fields.All() }

// Clone returns a copy that can be changed on its own.
func (a *Attrs) Clone() Attrs {
	return Attrs{Nodes[Value]{slices.Clone(a.fields.list), maps.Clone(a.fields.index)}, a.tail}
}

// Equal tells whether a and b have the same fields, in the same order and text.
func (a *Attrs) Equal(b *Attrs) bool { return a.tail == b.tail && SameNodes(&a.fields, &b.fields) }
