package streams

import (
	"iter"
	"slices"
)

// Attrs are the fields of a node as the document has them, in its order. Unknown fields survive a round trip.
// The zero value has no fields.
type Attrs struct {
	fields []field
	tail   int // how many of fields, the last ones, the document has after the node's children
}

type field struct {
	key   string
	value Value
}

// Get returns the field named key; its Kind is Absent if there is none.
func (a *Attrs) Get(key string) Value {
	for i := range a.fields {
		if a.fields[i].key == key {
			return a.fields[i].value
		}
	}
	return Value{}
}

// Str returns the field named key if it is a string, else "".
func (a *Attrs) Str(key string) string {
	s, _ := a.Get(key).Str()
	return s
}

// Set gives the field named key a value; a field that is there keeps its place.
func (a *Attrs) Set(key string, v Value) {
	for i := range a.fields {
		if a.fields[i].key == key {
			a.fields[i].value = v
			return
		}
	}
	a.fields = slices.Insert(a.fields, len(a.fields)-a.tail, field{key, v})
}

// SetAfter is Set; a new field comes after the node's children where the order is kept.
func (a *Attrs) SetAfter(key string, v Value) {
	if a.Get(key).Kind() != Absent {
		a.Set(key, v)
		return
	}
	a.fields = append(a.fields, field{key, v})
	a.tail++
}

// Delete removes the field named key.
func (a *Attrs) Delete(key string) {
	for i := range a.fields {
		if a.fields[i].key == key {
			if i >= len(a.fields)-a.tail {
				a.tail--
			}
			a.fields = append(a.fields[:i:i], a.fields[i+1:]...)
			return
		}
	}
}

// Len returns the number of fields.
func (a *Attrs) Len() int { return len(a.fields) }

// All yields the fields in their order.
func (a *Attrs) All() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		for _, f := range a.fields {
			if !yield(f.key, f.value) {
				return
			}
		}
	}
}

// Clone returns a copy that can be changed on its own.
func (a *Attrs) Clone() Attrs { return Attrs{append([]field(nil), a.fields...), a.tail} }
