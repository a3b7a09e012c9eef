package streams

import (
	"errors"
	"io"
	"strings"
)

// windowSize is how much of a list is read at a time.
const windowSize = 256 << 10

// itemReader reads a JSON list of items, of which it holds a part: a window.
type itemReader struct {
	parser           // of the window
	from   io.Reader // the rest
	window []byte
	ended  bool // there is no rest
	n      int  // items so far
}

func newItemReader(from io.Reader, size int) *itemReader {
	return &itemReader{from: from, window: make([]byte, 0, size)}
}

// next lends the fields of the next item, until it is called again; not ok is the end of the list.
func (r *itemReader) next() (fields []node[Value], ok bool, err error) {
	for {
		start := r.i
		fields, ok, err := r.element()
		if r.ended || len(r.s)-r.i >= edge {
			r.n++
			return fields, ok, err
		}
		if err := r.slide(start); err != nil {
			return nil, false, err
		}
	}
}

// edge is how near to the end of a window what comes after it may count: the length of a surrogate pair.
const edge = len(`\ud83d\ude00`)

// element reads the next item of the list, with the bracket or the comma before it.
func (r *itemReader) element() (fields []node[Value], ok bool, err error) {
	c := r.peek()
	switch {
	case r.n == 0 && strings.HasPrefix(r.s, "\ufeff"):
		return nil, false, r.fail("a byte order mark")
	case r.n == 0 && c != '[':
		return nil, false, r.fail("a list of items is needed here")
	case r.n > 0 && c != ',' && c != ']':
		return nil, false, r.fail("a comma or ] is needed here")
	}
	r.i++
	if c == ']' || c == '[' && r.peek() == ']' {
		if c == '[' {
			r.i++
		}
		return nil, false, r.end()
	}
	fields, _, err = r.fields(1, "", nil)
	return fields, true, err
}

// slide moves the window on, to begin at i, and makes it larger if that is where it began. It ends what was lent.
func (r *itemReader) slide(i int) error {
	r.passed.over(r.s[:i])
	if i == 0 && len(r.window) == cap(r.window) {
		r.window = append(make([]byte, 0, 2*cap(r.window)), r.window...)
	} else {
		r.window = r.window[:copy(r.window, r.window[i:])]
	}
	n, err := io.ReadFull(r.from, r.window[len(r.window):cap(r.window)])
	r.window = r.window[:len(r.window)+n]
	r.s, r.i, r.last = inPlace(r.window), 0, [8][]member{}
	if r.ended = err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF); r.ended {
		return nil
	}
	return err
}
