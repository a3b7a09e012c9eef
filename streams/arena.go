package streams

import (
	"slices"
	"unsafe"

	"github.com/seed-43fb3962/sstream/internal/pages"
)

// arena is where many small things are kept: one allocation for hundreds of them, for more each time. What is kept stays
// where it is.
type arena struct {
	fields []node[Value]
	items  []Item
	text   []byte
}

// keep copies a node's fields.
func (a *arena) keep(fields []node[Value]) []node[Value] {
	a.fields = room(a.fields, len(fields))
	start := len(a.fields)
	a.fields = append(a.fields, fields...)
	return slices.Clip(a.fields[start:])
}

// item makes an item of fields.
func (a *arena) item(fields []node[Value]) *Item {
	a.items = append(room(a.items, 1), Item{})
	x := &a.items[len(a.items)-1]
	x.fields.list = fields
	x.fields.reindex()
	return x
}

// clone copies a text.
func (a *arena) clone(s string) string {
	a.text = room(a.text, len(s))
	start := len(a.text)
	a.text = append(a.text, s...)
	return inPlace(a.text[start:])
}

// room returns a block with room for n more: the one that there is, or an empty one.
func room[T any](block []T, n int) []T {
	if n <= cap(block)-len(block) {
		return block
	}
	size := int(unsafe.Sizeof(*new(T)))
	return pages.Make[T](max(n, 16<<10/size, min(2*cap(block), 16<<20/size)))
}
