package streams

import (
	"fmt"
	"strings"
	"unicode/utf8"
	"unsafe"

	"github.com/seed-43fb3962/sstream/internal/pages"
)

// maxDepth bounds nesting, so that a hostile document cannot exhaust the stack.
const maxDepth = 128

// SyntaxError says where a document stops being JSON.
type SyntaxError struct {
	Line, Column int // both from 1; the column counts bytes
	Problem      string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("not valid JSON: line %d, column %d: %s", e.Line, e.Column, e.Problem)
}

// parser reads JSON in one pass; strings and values are slices of the text.
type parser struct {
	s      string
	i      int
	passed position      // where s begins
	stack  []node[Value] // the fields of the nodes that are being read
	counts [8]int        // how many children the last node of each depth had: the next will have as many
	last   [8][]member   // the members of the last node of each depth, as far as they are remembered
	arena                // where the fields of finished nodes go
}

// newParser makes a parser of a whole text.
func newParser(text string) (*parser, error) {
	p := &parser{s: text, arena: arena{fields: pages.Make[node[Value]](max(512, len(text)/150))}}
	if strings.HasPrefix(text, "\ufeff") {
		return nil, p.fail("a byte order mark")
	}
	return p, nil
}

// inPlace is data as text that is not copied: data must not change afterwards.
func inPlace(data []byte) string { return unsafe.String(unsafe.SliceData(data), len(data)) }

func (p *parser) fail(format string, args ...any) error {
	at := p.passed
	at.over(p.s[:p.i])
	return &SyntaxError{Line: 1 + at.lines, Column: 1 + at.columns, Problem: fmt.Sprintf(format, args...)}
}

// position is how much text there is before a place.
type position struct {
	lines   int
	columns int // bytes in the last line
}

// over moves on by a text.
func (p *position) over(text string) {
	if i := strings.LastIndexByte(text, '\n'); i >= 0 {
		p.lines += strings.Count(text, "\n")
		p.columns, text = 0, text[i+1:]
	}
	p.columns += len(text)
}

func (p *parser) space() { p.i = skipBlanks(p.s, p.i) }

// end fails unless only white space is left.
func (p *parser) end() error {
	p.space()
	if p.i < len(p.s) {
		return p.fail("text after the end of the value")
	}
	return nil
}

// peek returns the next byte that is not white space, 0 at the end.
func (p *parser) peek() byte {
	p.space()
	if p.i < len(p.s) {
		return p.s[p.i]
	}
	return 0
}

// value checks the value that comes next and steps over it.
func (p *parser) value(depth int) (Value, error) {
	c := p.peek()
	start := p.i
	var err error
	switch {
	case c == '"':
		_, err = p.text()
	case c == '{':
		err = p.object(depth, func(string) error { _, err := p.value(depth + 1); return err })
	case c == '[':
		err = p.array(depth, func(Value) {})
	case c == '-' || c >= '0' && c <= '9':
		err = p.number()
	case c == 't':
		err = p.word("true")
	case c == 'f':
		err = p.word("false")
	case c == 'n':
		err = p.word("null")
	case c == 0 && p.i >= len(p.s):
		err = p.fail("the text ends where a value should be")
	default:
		err = p.fail("a value cannot begin with %q", c)
	}
	if err != nil {
		return Value{}, err
	}
	return Value{p.s[start:p.i]}, nil
}

func (p *parser) word(w string) error {
	if !strings.HasPrefix(p.s[p.i:], w) {
		return p.fail("a value cannot begin with %q", p.s[p.i])
	}
	p.i += len(w)
	return nil
}

func (p *parser) digits() bool {
	start := p.i
	for p.i < len(p.s) && p.s[p.i] >= '0' && p.s[p.i] <= '9' {
		p.i++
	}
	return p.i > start
}

func (p *parser) at(c byte) bool { return p.i < len(p.s) && p.s[p.i] == c }

func (p *parser) number() error {
	if p.at('-') {
		p.i++
	}
	if p.at('0') {
		p.i++
	} else if !p.digits() {
		return p.fail("a number without digits")
	}
	if p.at('.') {
		p.i++
		if !p.digits() {
			return p.fail("a number without digits after the point")
		}
	}
	if p.at('e') || p.at('E') {
		p.i++
		if p.at('+') || p.at('-') {
			p.i++
		}
		if !p.digits() {
			return p.fail("a number without digits in its exponent")
		}
	}
	return nil
}

// text steps over a string and returns its raw text with the quotes.
func (p *parser) text() (string, error) {
	start := p.i
	for i := skipPlain(p.s, start+1); i < len(p.s); i = skipPlain(p.s, i) {
		switch c := p.s[i]; {
		case c == '"':
			p.i = i + 1
			return p.s[start:p.i], nil
		case c == '\\':
			n := escapeLen(p.s[i:])
			if n == 0 {
				p.i = i
				return "", p.fail("an invalid escape in a string")
			}
			i += n
		case c < ' ':
			p.i = i
			return "", p.fail("a control character in a string")
		default:
			r, n := utf8.DecodeRuneInString(p.s[i:])
			if r == utf8.RuneError && n == 1 {
				p.i = i
				return "", p.fail("not UTF-8")
			}
			i += n
		}
	}
	p.i = len(p.s)
	return "", p.fail("the text ends inside a string")
}

// escapeLen returns the length of the escape at the start of s, 0 if it is none.
func escapeLen(s string) int {
	if len(s) < 2 {
		return 0
	}
	if s[1] != 'u' {
		if strings.IndexByte(`"\/bfnrt`, s[1]) < 0 {
			return 0
		}
		return 2
	}
	if len(s) < 6 {
		return 0
	}
	for _, c := range []byte(s[2:6]) {
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F') {
			return 0
		}
	}
	return 6
}

// object steps over an object; member is called with each key, standing before its value, and must step over that.
func (p *parser) object(depth int, member func(key string) error) error {
	if err := p.open(depth); err != nil {
		return err
	}
	for n := 0; ; n++ {
		raw, err := p.key(n)
		if err != nil || raw == "" {
			return err
		}
		if err := member(unquote(raw)); err != nil {
			return err
		}
	}
}

// open steps over the brace that begins an object.
func (p *parser) open(depth int) error {
	if depth > maxDepth {
		return p.fail("nested more than %d deep", maxDepth)
	}
	if p.peek() != '{' {
		return p.fail("an object is needed here")
	}
	p.i++
	return nil
}

// key steps to the value of the n-th member of an object and returns its raw key, "" if the object ended instead.
func (p *parser) key(n int) (string, error) {
	switch c := p.peek(); {
	case c == '}':
		p.i++
		return "", nil
	case n == 0:
	case c == ',':
		p.i++
	default:
		return "", p.fail("a comma or } is needed here")
	}
	if p.peek() != '"' {
		return "", p.fail("a name in quotes is needed here")
	}
	raw, err := p.text()
	if err != nil {
		return "", err
	}
	if p.peek() != ':' {
		return "", p.fail("a colon is needed here")
	}
	p.i++
	p.space()
	return raw, nil
}

// array steps over an array and calls element with what is in it.
func (p *parser) array(depth int, element func(Value)) error {
	return p.elements(depth, func() error {
		v, err := p.value(depth + 1)
		if err == nil {
			element(v)
		}
		return err
	})
}

// elements steps over an array; element is called before each value and must step over it.
func (p *parser) elements(depth int, element func() error) error {
	if depth > maxDepth {
		return p.fail("nested more than %d deep", maxDepth)
	}
	p.i++
	if p.peek() == ']' {
		p.i++
		return nil
	}
	for {
		if err := element(); err != nil {
			return err
		}
		switch p.peek() {
		case ',':
			p.i++
		case ']':
			p.i++
			return nil
		default:
			return p.fail("a comma or ] is needed here")
		}
	}
}
