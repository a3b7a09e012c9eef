// Package python prints text and dictionaries of text as Python does: repr, pprint and the % operator. Scripts read what
// the old tools print so.
package python

import (
	"fmt"
	"iter"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Dict is a dictionary of text in the order of its insertion.
type Dict interface {
	Get(key string) (value string, ok bool)
	All() iter.Seq2[string, string]
}

// List returns a list of strings as Python prints it: ['a', 'b'].
func List(list iter.Seq[string]) string {
	text := []byte{'['}
	for s := range list {
		if len(text) > 1 {
			text = append(text, ", "...)
		}
		text = AppendRepr(text, s)
	}
	return string(append(text, ']'))
}

// AppendRepr appends repr(s) to dst: in quotes, what cannot be printed as an escape.
func AppendRepr(dst []byte, s string) []byte { return appendRepr(dst, s, false) }

// AppendASCII appends ascii(s) to dst: repr(s) with nothing but ASCII in it.
func AppendASCII(dst []byte, s string) []byte { return appendRepr(dst, s, true) }

// AppendDict appends repr(d) to dst.
func AppendDict(dst []byte, d Dict) []byte { return appendDict(dst, d.All(), false) }

func appendDict(dst []byte, pairs iter.Seq2[string, string], ascii bool) []byte {
	dst = append(dst, '{')
	first := true
	for key, value := range pairs {
		if !first {
			dst = append(dst, ", "...)
		}
		first = false
		dst = append(appendRepr(dst, key, ascii), ": "...)
		dst = appendRepr(dst, value, ascii)
	}
	return append(dst, '}')
}

func appendRepr(dst []byte, s string, ascii bool) []byte {
	quote := byte('\'')
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = '"'
	}
	dst = append(dst, quote)
	start := 0
	for i := 0; i < len(s); {
		r, n := rune(s[i]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRuneInString(s[i:])
		}
		if r == rune(quote) || r == '\\' || (r >= utf8.RuneSelf && ascii) || !printable(r) {
			dst = appendEscape(append(dst, s[start:i]...), r)
			start = i + n
		}
		i += n
	}
	return append(append(dst, s[start:]...), quote)
}

func printable(r rune) bool {
	if r < utf8.RuneSelf {
		return ' ' <= r && r <= '~'
	}
	return unicode.IsPrint(r)
}

func appendEscape(dst []byte, r rune) []byte {
	switch {
	case r == '\n':
		return append(dst, `\n`...)
	case r == '\r':
		return append(dst, `\r`...)
	case r == '\t':
		return append(dst, `\t`...)
	case r == '\\' || r == '\'' || r == '"':
		return append(dst, '\\', byte(r))
	case r < 0x100:
		return fmt.Appendf(dst, `\x%02x`, r)
	case r < 0x10000:
		return fmt.Appendf(dst, `\u%04x`, r)
	}
	return fmt.Appendf(dst, `\U%08x`, r)
}
