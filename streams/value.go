package streams

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Value is one JSON value in the text it was read in, so that numbers keep how they were written.
// The zero value is an absent value.
type Value struct{ raw string }

// Kind is the JSON type of a [Value].
type Kind byte

// The kinds of a Value.
const (
	Absent Kind = iota
	Null
	Bool
	Number
	Text
	Array
	Object
)

// Kind returns the JSON type of v.
func (v Value) Kind() Kind {
	if v.raw == "" {
		return Absent
	}
	switch v.raw[0] {
	case 'n':
		return Null
	case 't', 'f':
		return Bool
	case '"':
		return Text
	case '[':
		return Array
	case '{':
		return Object
	}
	return Number
}

// Raw returns the JSON text of v, "" if v is absent.
func (v Value) Raw() string { return v.raw }

// String makes a JSON string of s.
func String(s string) Value { return Value{string(AppendText(nil, s, escapeNone))} }

// Int makes a JSON number of n.
func Int(n int64) Value { return Value{strconv.FormatInt(n, 10)} }

// Strings makes a JSON list of strings.
func Strings(list []string) Value {
	b := []byte{'['}
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = AppendText(b, s, escapeNone)
	}
	return Value{string(append(b, ']'))}
}

// Map makes a JSON object of fields.
func Map(fields *Attrs) Value {
	return Value{string(Append(nil, fields, Style{KeepOrder: true, Escape: escapeNone}))}
}

// Raw makes a value of JSON text. It returns an error if text is not exactly one JSON value.
func Raw(text string) (Value, error) {
	p, err := newParser(text)
	if err != nil {
		return Value{}, err
	}
	v, err := p.value(0)
	if err == nil {
		err = p.end()
	}
	if err != nil {
		return Value{}, err
	}
	return v, nil
}

// Str returns the string that v is, and whether it is one.
func (v Value) Str() (string, bool) {
	if v.Kind() != Text {
		return "", false
	}
	return unquote(v.raw), true
}

// Int returns the whole number that v is, written as a number or as a string of digits, and whether it is one.
// Streams in the wild have both "size": 123 and "size": "123".
func (v Value) Int() (int64, bool) {
	text := v.raw
	if s, ok := v.Str(); ok {
		text = s
	} else if v.Kind() != Number {
		return 0, false
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil
}

// Scalar returns v as Python's str() prints it (True, 1.5, 1e+30), and whether v is a string, a number or a boolean:
// only those are seen by filters, queries and hooks.
func (v Value) Scalar() (string, bool) {
	switch v.Kind() {
	case Text:
		return unquote(v.raw), true
	case Bool:
		if v.raw == "true" {
			return "True", true
		}
		return "False", true
	case Number:
		return pythonNumber(v.raw), true
	}
	return "", false
}

// List returns the elements of an array, nil for any other kind.
func (v Value) List() []Value {
	if v.Kind() != Array {
		return nil
	}
	var list []Value
	p := parser{s: v.raw}
	_ = p.array(0, func(e Value) { list = append(list, e) }) // its text was checked when it was read
	return list
}

// StringList returns the strings of an array, leaving out whatever else is in it.
func (v Value) StringList() []string { return v.AppendStrings(nil) }

// AppendStrings appends the strings of an array to list, leaving out whatever else is in it.
func (v Value) AppendStrings(list []string) []string {
	if v.Kind() != Array {
		return list
	}
	p := parser{s: v.raw}
	_ = p.array(0, func(e Value) { // its text was checked when it was read
		if s, ok := e.Str(); ok {
			list = append(list, s)
		}
	})
	return list
}

// Members reads the object that text is and calls member for what is in it, in order, twice for a name that stands twice.
// It reads text in place: text must not change afterwards.
func Members(text []byte, member func(name string, v Value)) error {
	p, err := newParser(inPlace(text))
	if err != nil {
		return err
	}
	err = p.object(0, func(name string) error {
		v, err := p.value(1)
		if err == nil {
			member(name, v)
		}
		return err
	})
	if err != nil {
		return err
	}
	return p.end()
}

// Fields returns the members of an object, in order; none for any other kind.
func (v Value) Fields() Attrs {
	var a Attrs
	if v.Kind() == Object {
		p := parser{s: v.raw}
		_ = p.node(0, &a, "", nil) // its text was checked when it was read
	}
	return a
}

// pythonNumber renders a JSON number as Python's str(json.loads(text)) does.
func pythonNumber(text string) string {
	if !strings.ContainsAny(text, ".eE") {
		if text == "-0" {
			return "0"
		}
		return text
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil { // out of range: Python has inf
		if strings.HasPrefix(text, "-") {
			return "-inf"
		}
		return "inf"
	}
	return pythonFloat(f)
}

// pythonFloat is Python's repr of a float: the shortest digits, an exponent outside 1e-4 … 1e16.
func pythonFloat(f float64) string {
	s := strconv.FormatFloat(f, 'e', -1, 64)
	mantissa, exp, _ := strings.Cut(s, "e")
	n, _ := strconv.Atoi(exp)
	if n < -4 || n >= 16 {
		sign := "+"
		if n < 0 {
			sign, n = "-", -n
		}
		digits := strconv.Itoa(n)
		if len(digits) < 2 {
			digits = "0" + digits
		}
		return mantissa + "e" + sign + digits
	}
	s = strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// unquote decodes a JSON string whose text has been checked.
func unquote(raw string) string {
	s := raw[1 : len(raw)-1]
	i := strings.IndexByte(s, '\\')
	if i < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i >= 0 {
		b = append(b, s[:i]...)
		r, n := unescape(s[i:])
		b = utf8.AppendRune(b, r)
		s = s[i+n:]
		i = strings.IndexByte(s, '\\')
	}
	return string(append(b, s...))
}

// unescape decodes the escape at the start of s and returns its length in bytes.
// A surrogate without its partner becomes U+FFFD.
func unescape(s string) (rune, int) {
	switch s[1] {
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'u':
		r := hex4(s[2:])
		if utf16.IsSurrogate(r) {
			if len(s) >= 12 && s[6] == '\\' && s[7] == 'u' {
				if both := utf16.DecodeRune(r, hex4(s[8:])); both != utf8.RuneError {
					return both, 12
				}
			}
			return utf8.RuneError, 6
		}
		return r, 6
	}
	return rune(s[1]), 2
}

func hex4(s string) rune {
	n, _ := strconv.ParseUint(s[:4], 16, 32)
	return rune(n)
}
