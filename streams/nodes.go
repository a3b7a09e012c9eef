package streams

import (
	"iter"
	"slices"
	"strings"
)

// Nodes are children by name, in the order in which the document lists them.
// The zero value is absent from a rendered document; an empty list that was read or made with [MakeNodes] is {}.
type Nodes[T any] struct {
	list  []node[T]
	index map[string]int // name to place, if there are more than linearLimit and they are not in byte order
}

type node[T any] struct {
	name  string
	value T
}

func (e node[T]) compare(name string) int { return strings.Compare(e.name, name) }
func (e node[T]) order(other node[T]) int { return strings.Compare(e.name, other.name) }

// linearLimit is where looking names up one by one begins to cost more than a search.
const linearLimit = 24

// MakeNodes returns an empty, present list.
func MakeNodes[T any]() Nodes[T] { return Nodes[T]{list: []node[T]{}} }

// Len returns the number of children.
func (n *Nodes[T]) Len() int { return len(n.list) }

// Get returns the child of that name and whether there is one.
func (n *Nodes[T]) Get(name string) (T, bool) {
	if i := n.find(name); i >= 0 {
		return n.list[i].value, true
	}
	var none T
	return none, false
}

// GetAt is Get for a child that probably stands at place i.
func (n *Nodes[T]) GetAt(i int, name string) (T, bool) {
	if i < len(n.list) && n.list[i].name == name {
		return n.list[i].value, true
	}
	return n.Get(name)
}

func (n *Nodes[T]) find(name string) int {
	if n.index != nil {
		if i, ok := n.index[name]; ok {
			return i
		}
		return -1
	}
	if len(n.list) > linearLimit {
		if i, ok := slices.BinarySearchFunc(n.list, name, node[T].compare); ok {
			return i
		}
		return -1
	}
	for i := range n.list {
		if n.list[i].name == name {
			return i
		}
	}
	return -1
}

// Set gives name a child; a name that is there keeps its place.
func (n *Nodes[T]) Set(name string, child T) { n.setAt(len(n.list), name, child) }

// setAt is Set; a new name is put before the child at place i.
func (n *Nodes[T]) setAt(i int, name string, child T) {
	if at := n.find(name); at >= 0 {
		n.list[at].value = child
		return
	}
	if i < len(n.list) {
		n.list = slices.Insert(n.list, i, node[T]{name, child})
		n.reindex()
		return
	}
	n.add(name, child)
}

// add is Set for a name that is not there.
func (n *Nodes[T]) add(name string, child T) {
	n.list = append(n.list, node[T]{name, child})
	n.added()
}

// added keeps the index right after a child was appended.
func (n *Nodes[T]) added() {
	last := len(n.list) - 1
	switch {
	case n.index != nil:
		n.index[n.list[last].name] = last
	case last == linearLimit, last > linearLimit && n.list[last-1].name > n.list[last].name:
		n.reindex()
	}
}

func (n *Nodes[T]) reindex() {
	n.index = nil
	if len(n.list) <= linearLimit || slices.IsSortedFunc(n.list, node[T].order) {
		return
	}
	n.index = make(map[string]int, len(n.list))
	for i := range n.list {
		n.index[n.list[i].name] = i
	}
}

// Delete removes the child of that name. A list that holds no more is empty, not absent.
func (n *Nodes[T]) Delete(name string) {
	if i := n.find(name); i >= 0 {
		n.list = slices.Delete(slices.Clone(n.list), i, i+1) // copies of n keep what they have
		n.reindex()
	}
}

// DeleteFunc removes every child for which gone is true.
func (n *Nodes[T]) DeleteFunc(gone func(name string, child T) bool) {
	before := len(n.list)
	n.list = slices.DeleteFunc(n.list, func(e node[T]) bool { return gone(e.name, e.value) })
	if len(n.list) != before {
		n.reindex()
	}
}

// All yields the children in the order of the document.
func (n *Nodes[T]) All() iter.Seq2[string, T] {
	return func(yield func(string, T) bool) {
		for _, e := range n.list {
			if !yield(e.name, e.value) {
				return
			}
		}
	}
}

// Names returns the names in the order of the document.
func (n *Nodes[T]) Names() []string {
	names := make([]string, len(n.list))
	for i, e := range n.list {
		names[i] = e.name
	}
	return names
}

// Sorted returns the names in byte order. Versions sort so: the last is the newest.
func (n *Nodes[T]) Sorted() []string {
	names := n.Names()
	slices.Sort(names)
	return names
}

// SameNodes tells whether two lists hold the very same children, under the same names and in the same order.
func SameNodes[T comparable](a, b *Nodes[T]) bool {
	return a.present() == b.present() && slices.Equal(a.list, b.list)
}
