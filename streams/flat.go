package streams

import "iter"

// Names under which an entity's own place is seen by filters, queries and hooks.
const (
	productName = "product_name"
	versionName = "version_name"
	itemName    = "item_name"
)

// Flat are the scalar fields of an entity, its own over those of the nodes above it, as text.
// Keys keep the place where they came first, from the top down. The zero value is empty.
type Flat struct{ pairs []Pair }

// Pair is one field of a [Flat].
type Pair struct{ Key, Value string }

// Get returns the value of key and whether there is one.
func (f *Flat) Get(key string) (string, bool) {
	for i := range f.pairs {
		if f.pairs[i].Key == key {
			return f.pairs[i].Value, true
		}
	}
	return "", false
}

// Set gives key a value; a key that is there keeps its place.
func (f *Flat) Set(key, value string) {
	for i := range f.pairs {
		if f.pairs[i].Key == key {
			f.pairs[i].Value = value
			return
		}
	}
	f.pairs = append(f.pairs, Pair{key, value})
}

// Delete removes key.
func (f *Flat) Delete(key string) {
	for i := range f.pairs {
		if f.pairs[i].Key == key {
			f.pairs = append(f.pairs[:i], f.pairs[i+1:]...)
			return
		}
	}
}

// Pairs returns the fields in order. They are f's own: do not change them.
func (f *Flat) Pairs() []Pair { return f.pairs }

// All yields the fields in order.
func (f *Flat) All() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, p := range f.pairs {
			if !yield(p.Key, p.Value) {
				return
			}
		}
	}
}

// Reset empties f and keeps its memory.
func (f *Flat) Reset() { f.pairs = f.pairs[:0] }

// AddScalars sets the scalar fields of a.
func (f *Flat) AddScalars(a *Attrs) {
	for _, field := range a.fields {
		if s, ok := field.value.Scalar(); ok {
			f.Set(field.key, s)
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
	f.Reset()
	place := e.place()
	for i, a := range e.levels() {
		if a != nil {
			f.AddScalars(a)
		}
		if i > 0 && place[i-1].Value != "" {
			f.Set(place[i-1].Key, place[i-1].Value)
		}
	}
}

// levels returns the fields of the nodes from the top down, nil for those that e has not.
func (e *Entity) levels() [4]*Attrs {
	var l [4]*Attrs
	if e.Products != nil {
		l[0] = &e.Products.Attrs
	}
	if e.Product != nil {
		l[1] = &e.Product.Attrs
	}
	if e.Version != nil {
		l[2] = &e.Version.Attrs
	}
	if e.Item != nil {
		l[3] = &e.Item.Attrs
	}
	return l
}

func (e *Entity) place() [3]Pair {
	return [3]Pair{{productName, e.Ref.Product}, {versionName, e.Ref.Version}, {itemName, e.Ref.Item}}
}

// Get returns one field as [Entity.Flat] has it, "" if there is none.
func (e *Entity) Get(key string) string {
	for _, p := range e.place() {
		if p.Key == key && p.Value != "" {
			return p.Value
		}
	}
	levels := e.levels()
	for i := len(levels) - 1; i >= 0; i-- {
		if levels[i] == nil {
			continue
		}
		if s, ok := levels[i].Get(key).Scalar(); ok {
			return s
		}
	}
	return ""
}
