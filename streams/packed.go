package streams

import (
	"slices"
	"strings"
)

// packed is an item of a document that is being gathered: the text of its values, each with a zero byte after it.
type packed struct {
	*shape
	values string
}

// shape is what all items have in common that have fields of the same names.
type shape struct {
	names []string // of the fields, in byte order
	leads []string // what is written before the value of each
	end   string   // what is written after all of them
}

// fields appends the fields of an item to list.
func (p packed) fields(list []node[Value]) []node[Value] {
	text := p.values
	for _, name := range p.names {
		var value string
		value, text, _ = strings.Cut(text, "\x00")
		list = append(list, node[Value]{name, Value{value}})
	}
	return list
}

// appendTo writes an item after dst, from brace to brace.
func (p packed) appendTo(dst []byte) []byte {
	text := p.values
	for _, lead := range p.leads {
		end := strings.IndexByte(text, 0)
		dst = append(append(dst, lead...), text[:end]...)
		text = text[end+1:]
	}
	return append(dst, p.end...)
}

// packer packs items.
type packer struct {
	shapes map[string]*shape // by the names, in quotes
	last   *shape            // most items have the shape of the one before
	values renderer          // of the last item
}

// itemDepth is how many braces an item of a products document stands in.
const itemDepth = 6

// pack returns the shape of an item with these fields, which are sorted, and the text of their values until the next one is
// packed.
func (p *packer) pack(fields []node[Value], style Style) (*shape, string) {
	if p.last == nil || !p.last.fits(fields) {
		p.last = p.shape(fields, style)
	}
	r := &p.values
	r.dst, r.Style, r.depth = r.dst[:0], style, itemDepth+1
	for i := range fields {
		r.value(fields[i].value.raw)
		r.dst = append(r.dst, 0)
	}
	return p.last, inPlace(r.dst)
}

// fits tells whether the fields have the names of a shape.
func (s *shape) fits(fields []node[Value]) bool {
	return slices.EqualFunc(s.names, fields, func(name string, f node[Value]) bool { return name == f.name })
}

// shape returns the shape of fields, making it if there was none like it.
func (p *packer) shape(fields []node[Value], style Style) *shape {
	var key []byte
	for _, f := range fields {
		key = AppendText(key, f.name, escapeNone)
	}
	s, ok := p.shapes[string(key)]
	if !ok {
		if p.shapes == nil {
			p.shapes = map[string]*shape{}
		}
		s = newShape(fields, style)
		p.shapes[string(key)] = s
	}
	return s
}

func newShape(fields []node[Value], style Style) *shape {
	s := new(shape)
	r := renderer{Style: style, depth: itemDepth + 1, dst: []byte{'{'}}
	for i, f := range fields {
		r.between(i)
		r.key(f.name)
		s.names, s.leads = append(s.names, strings.Clone(f.name)), append(s.leads, string(r.dst))
		r.dst = r.dst[:0]
	}
	if r.depth--; len(fields) > 0 {
		r.line()
	}
	s.end = string(append(r.dst, '}'))
	return s
}
