package python

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Format is the left side of Python's % operator, whose right side is a [Dict].
type Format struct{ pieces []piece }

// piece is text, then one directive. Mistakes in a format count when an item gets as far as that, not before.
type piece struct {
	text  string
	keyed bool   // %(key)…
	key   string // "" may be one
	spec
	verb rune  // 0: nothing follows the text
	err  error // instead of the verb
}

// spec is how a directive lays out its value.
type spec struct {
	left  bool // blanks after the value
	width int  // in characters, at least
	prec  int  // characters at most, -1: all
}

// MissingKeyError is a key that a format needs and a dictionary has not got.
type MissingKeyError string

func (e MissingKeyError) Error() string { return fmt.Sprintf("the item has no field %q", string(e)) }

// maxWidth bounds what a format can ask for.
const maxWidth = 1 << 20

// ParseFormat reads a format. A mistake in it is an error of [Format.Append].
func ParseFormat(text string) *Format {
	f := &Format{}
	for text != "" {
		before, rest, found := strings.Cut(text, "%")
		p := piece{text: before}
		if strings.HasPrefix(rest, "%") {
			p.text, rest = before+"%", rest[1:]
		} else if found {
			rest = p.parse(rest)
		}
		f.pieces = append(f.pieces, p)
		if p.err != nil {
			break
		}
		text = rest
	}
	return f
}

// parse reads what follows a percent sign and returns the rest.
func (p *piece) parse(text string) string {
	if strings.HasPrefix(text, "(") {
		key, rest, ok := cutKey(text[1:])
		if !ok {
			p.err = fmt.Errorf("the key %q has no end", "%"+text)
			return ""
		}
		p.keyed, p.key, text = true, key, rest
	}
	flags := len(text) - len(strings.TrimLeft(text, "-+ #0"))
	p.left, p.prec = strings.Contains(text[:flags], "-"), -1
	text = p.number(text[flags:], &p.width)
	if strings.HasPrefix(text, ".") {
		p.prec = 0
		text = p.number(text[1:], &p.prec)
	}
	if text != "" && strings.ContainsRune("hlL", rune(text[0])) {
		text = text[1:]
	}
	if p.err != nil {
		return ""
	}
	verb, n := utf8.DecodeRuneInString(text)
	if n == 0 {
		p.err = fmt.Errorf("it ends where a conversion should be")
	}
	p.verb = verb
	return text[n:]
}

// number reads digits; a star would take the number from the arguments, which are all text.
func (p *piece) number(text string, n *int) string {
	if strings.HasPrefix(text, "*") {
		p.err = fmt.Errorf("* needs a number, and all fields are text")
		return text
	}
	i := 0
	for ; i < len(text) && '0' <= text[i] && text[i] <= '9'; i++ {
		*n = min(*n*10+int(text[i]-'0'), maxWidth+1)
	}
	if *n > maxWidth {
		p.err = fmt.Errorf("a width of more than %d", maxWidth)
	}
	return text[i:]
}

// cutKey divides text at the parenthesis that closes the key.
func cutKey(text string) (key, rest string, ok bool) {
	open := 1
	for i := range len(text) {
		switch text[i] {
		case '(':
			open++
		case ')':
			open--
		}
		if open == 0 {
			return text[:i], text[i+1:], true
		}
	}
	return "", "", false
}

// Append appends f % d to dst. The error is a [MissingKeyError] if d lacks a key; dst is returned unchanged then.
func (f *Format) Append(dst []byte, d Dict) ([]byte, error) {
	out := dst
	left := true // whether the dictionary, or the value of the last key, was not used yet
	value := ""
	keyed := false
	for i := range f.pieces {
		p := &f.pieces[i]
		out = append(out, p.text...)
		if p.keyed {
			v, ok := d.Get(p.key)
			if !ok {
				return dst, MissingKeyError(p.key)
			}
			value, keyed, left = v, true, true
		}
		switch {
		case p.err != nil:
			return dst, p.err
		case p.verb == 0:
			continue
		case !left:
			return dst, fmt.Errorf("%%%c is one too many: name a field, as in %%(path)%c", p.verb, p.verb)
		}
		left = false
		var err error
		if keyed {
			out, err = p.appendValue(out, value)
		} else {
			out, err = p.appendDict(out, d)
		}
		if err != nil {
			return dst, err
		}
	}
	return out, nil
}

func (p *piece) appendValue(dst []byte, value string) ([]byte, error) {
	start := len(dst)
	switch p.verb {
	case 's':
		dst = append(dst, value...)
	case 'r':
		dst = AppendRepr(dst, value)
	case 'a':
		dst = AppendASCII(dst, value)
	case 'c':
		if utf8.RuneCountInString(value) != 1 {
			return dst, fmt.Errorf("%%c needs one character, and %s is %q", p.key, value)
		}
		return p.layOut(append(dst, value...), start, -1), nil
	default:
		return dst, p.mismatch("%(" + p.key + ")s")
	}
	return p.layOut(dst, start, p.prec), nil
}

// appendDict writes all of d where a directive names no key.
func (p *piece) appendDict(dst []byte, d Dict) ([]byte, error) {
	if p.verb != 's' && p.verb != 'r' && p.verb != 'a' {
		return dst, p.mismatch("%s")
	}
	start := len(dst)
	dst = appendDict(dst, d.All(), p.verb == 'a')
	return p.layOut(dst, start, p.prec), nil
}

// mismatch is the error of a verb that text does not fit.
func (p *piece) mismatch(instead string) error {
	if strings.ContainsRune("diouxXeEfFgG", p.verb) {
		return fmt.Errorf("%%%c needs a number, and all fields are text: use %s", p.verb, instead)
	}
	return fmt.Errorf("%%%c is no conversion: use %s", p.verb, instead)
}

// layOut cuts what dst has from start on to prec characters and fills it up to the width.
func (p *piece) layOut(dst []byte, start, prec int) []byte {
	n := utf8.RuneCount(dst[start:])
	for ; prec >= 0 && n > prec; n-- {
		_, size := utf8.DecodeLastRune(dst)
		dst = dst[:len(dst)-size]
	}
	if n >= p.width {
		return dst
	}
	blanks := strings.Repeat(" ", p.width-n)
	if p.left {
		return append(dst, blanks...)
	}
	text := string(dst[start:])
	return append(append(dst[:start], blanks...), text...)
}
