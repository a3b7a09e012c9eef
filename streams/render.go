package streams

import (
	"cmp"
	"io"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Escape is the set of characters that are written as \uXXXX although JSON does not ask for it.
type Escape byte

// Escapes.
const (
	ASCII      Escape = iota // everything outside 0x20 … 0x7e, as Python's json.dumps does
	HTML                     // & < > U+2028 U+2029, as Go's encoding/json does
	escapeNone               // only what JSON asks for
)

// Style is how a document is laid out. The zero value is one line without blanks, names sorted, ASCII only.
type Style struct {
	Indent    int  // spaces a level; 0: one line
	Spaced    bool // one line with ", " and ": ", as json.dumps does by itself
	KeepOrder bool // names in the order of the document; false: sorted in byte order
	Newline   bool // a newline at the end
	Escape    Escape
}

// Append renders x, an *Index, *Products, *Product, *Version, *Item, *Entry, *Attrs or Value, after dst.
func Append[T Renderable](dst []byte, x T, style Style) []byte {
	r := renderer{dst: dst, Style: style}
	return r.document(x)
}

// Write is [Append] to w, for what is too large to be made in memory.
func Write[T Renderable](w io.Writer, x T, style Style) error {
	r := renderer{dst: make([]byte, 0, 2*part), Style: style, out: w}
	r.document(x)
	r.flush()
	return r.err
}

// part is from how many bytes on Write writes what it has.
const part = 32 << 10

// Renderable is what [Append] takes.
type Renderable interface {
	*Index | *Products | *Product | *Version | *Item | *Entry | *Attrs | Value
}

type renderer struct {
	dst   []byte
	out   io.Writer // takes what is in dst; nil: it stays there
	err   error     // of out
	depth int
	Style
}

func (r *renderer) flush() {
	if r.err == nil {
		_, r.err = r.out.Write(r.dst)
	}
	r.dst = r.dst[:0]
}

func (r *renderer) document(x any) []byte {
	r.any(x)
	if r.Newline {
		r.dst = append(r.dst, '\n')
	}
	return r.dst
}

func (r *renderer) any(x any) {
	switch x := x.(type) {
	case Value:
		r.value(x.raw)
	case *Attrs:
		r.attrs(x, "", 0, nil)
	case *Item:
		r.attrs(&x.Attrs, "", 0, nil)
	case *Entry:
		r.attrs(&x.Attrs, "", 0, nil)
	case *Version:
		r.attrs(&x.Attrs, "items", x.Items.present(), func() { below(r, &x.Items) })
	case *Product:
		r.attrs(&x.Attrs, "versions", x.Versions.present(), func() { below(r, &x.Versions) })
	case *Products:
		r.attrs(&x.Attrs, "products", x.Products.present(), func() { below(r, &x.Products) })
	case *Gathered:
		r.attrs(&x.Attrs, "products", 1, func() { below(r, &x.products) })
	case *gatheredProduct:
		r.attrs(&x.Attrs, "versions", 1, func() { below(r, &x.versions) })
	case *gatheredVersion:
		r.attrs(&x.Attrs, "items", 1, func() { r.items(x) })
	case *Index:
		r.attrs(&x.Attrs, "index", x.Entries.present(), func() { below(r, &x.Entries) })
	}
}

// present is 1 if the list is to be written, 0 if it is absent.
func (n *Nodes[T]) present() int {
	if n.list == nil {
		return 0
	}
	return 1
}

// attrs writes a node: its fields, and its children as one more member if there are any.
func (r *renderer) attrs(a *Attrs, name string, children int, write func()) {
	if children == 0 && (r.KeepOrder || a.ascending()) {
		r.fields(a.fields.list)
		return
	}
	n := a.Len() - a.tail // where the children come
	at := func(i int) *node[Value] {
		if i > n {
			i -= children
		}
		return &a.fields.list[i]
	}
	r.object(a.Len()+children, func(i int) string {
		if i == n && children > 0 {
			return name
		}
		return at(i).name
	}, func(i int) {
		if i == n && children > 0 {
			write()
		} else {
			r.value(at(i).value.raw)
		}
	})
}

// fields writes a node without children, its fields as they stand: most of a document is that.
func (r *renderer) fields(list []node[Value]) {
	r.dst = append(r.dst, '{')
	r.depth++
	for i := range list {
		r.between(i)
		r.key(list[i].name)
		r.value(list[i].value.raw)
	}
	r.depth--
	if len(list) > 0 {
		r.line()
	}
	r.dst = append(r.dst, '}')
}

// ascending tells whether the fields are in byte order.
func (a *Attrs) ascending() bool {
	list := a.fields.list
	for i := 1; i < len(list); i++ {
		if list[i-1].name > list[i].name {
			return false
		}
	}
	return true
}

func below[T any](r *renderer, n *Nodes[T]) {
	r.object(len(n.list), func(i int) string { return n.list[i].name }, func(i int) { r.any(n.list[i].value) })
}

// object writes n members in the order that the style asks for.
func (r *renderer) object(n int, key func(int) string, value func(int)) {
	var order []int // nil: as they come
	if !r.KeepOrder && !ascending(n, key) {
		order = make([]int, n)
		for i := range order {
			order[i] = i
		}
		slices.SortFunc(order, func(a, b int) int { return cmp.Compare(key(a), key(b)) })
	}
	r.group('{', '}', n, func(i int) {
		if order != nil {
			i = order[i]
		}
		r.key(key(i))
		value(i)
	})
}

func (r *renderer) key(name string) {
	r.dst = append(AppendText(r.dst, name, r.Escape), ':')
	if r.Indent > 0 || r.Spaced {
		r.dst = append(r.dst, ' ')
	}
}

// between writes what comes before element i of a group.
func (r *renderer) between(i int) {
	if r.out != nil && len(r.dst) >= part {
		r.flush()
	}
	if i > 0 {
		r.dst = append(r.dst, ',')
		if r.Spaced && r.Indent == 0 {
			r.dst = append(r.dst, ' ')
		}
	}
	r.line()
}

// ascending tells whether n keys are in byte order.
func ascending(n int, key func(int) string) bool {
	for i := 1; i < n; i++ {
		if key(i-1) > key(i) {
			return false
		}
	}
	return true
}

// group writes n elements between brackets.
func (r *renderer) group(open, close byte, n int, element func(int)) {
	r.dst = append(r.dst, open)
	r.depth++
	for i := range n {
		r.between(i)
		element(i)
	}
	r.depth--
	if n > 0 {
		r.line()
	}
	r.dst = append(r.dst, close)
}

func (r *renderer) line() {
	if r.Indent == 0 {
		return
	}
	const spaces = "                                                                "
	r.dst = append(r.dst, '\n')
	n := r.depth * r.Indent
	for ; n > len(spaces); n -= len(spaces) {
		r.dst = append(r.dst, spaces...)
	}
	r.dst = append(r.dst, spaces[:n]...)
}

// value writes JSON text that has been checked, laid out anew; numbers keep their text.
func (r *renderer) value(raw string) {
	switch v := (Value{raw}); v.Kind() {
	case Text:
		r.dst = appendEscaped(r.dst, raw, r.Escape)
	case Array:
		list := v.List()
		r.group('[', ']', len(list), func(i int) { r.value(list[i].raw) })
	case Object:
		a := v.Fields()
		r.attrs(&a, "", 0, nil)
	case Absent:
		r.dst = append(r.dst, "null"...)
	default:
		r.dst = append(r.dst, raw...)
	}
}

// AppendText writes s as a JSON string, quotes and all, after dst.
func AppendText(dst []byte, s string, e Escape) []byte {
	dst = append(dst, '"')
	dst = appendText(dst, s, e)
	return append(dst, '"')
}

// appendEscaped writes the text of a JSON string, quotes and all, with the escapes that e asks for.
// A surrogate without a partner stays as it is.
func appendEscaped(dst []byte, raw string, e Escape) []byte {
	if e != HTML && skipPlain(raw, 1) == len(raw)-1 {
		return append(dst, raw...)
	}
	dst = append(dst, '"')
	for s := raw[1 : len(raw)-1]; s != ""; {
		n := strings.IndexByte(s, '\\')
		switch {
		case n < 0:
			n = len(s)
			dst = appendText(dst, s, e)
		case n > 0:
			dst = appendText(dst, s[:n], e)
		default:
			var r rune
			if r, n = unescape(s); r == utf8.RuneError && n == 6 {
				dst = append(dst, strings.ToLower(s[:n])...)
			} else {
				dst = appendText(dst, string(r), e)
			}
		}
		s = s[n:]
	}
	return append(dst, '"')
}

// appendText writes s without quotes.
func appendText(dst []byte, s string, e Escape) []byte {
	start := 0
	for i := 0; i < len(s); {
		if e != HTML {
			i = skipPlain(s, i)
			if i == len(s) {
				break
			}
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if !e.escapes(r) && !(r == utf8.RuneError && n == 1) {
			i += n
			continue
		}
		dst = appendRune(append(dst, s[start:i]...), r)
		i += n
		start = i
	}
	return append(dst, s[start:]...)
}

// escapes tells whether r is written as an escape.
func (e Escape) escapes(r rune) bool {
	switch {
	case r < ' ' || r == '"' || r == '\\':
		return true
	case e == HTML:
		return r == '<' || r == '>' || r == '&' || r == '\u2028' || r == '\u2029'
	}
	return e == ASCII && r >= 0x7f
}

// appendRune writes r as an escape.
func appendRune(dst []byte, r rune) []byte {
	switch r {
	case '"', '\\':
		return append(dst, '\\', byte(r))
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	case '\b':
		return append(dst, `\b`...)
	case '\f':
		return append(dst, `\f`...)
	}
	if r > 0xffff {
		high, low := utf16.EncodeRune(r)
		return appendRune(appendRune(dst, high), low)
	}
	dst = append(dst, `\u`...)
	for shift := 12; shift >= 0; shift -= 4 {
		dst = append(dst, "0123456789abcdef"[r>>shift&15])
	}
	return dst
}
