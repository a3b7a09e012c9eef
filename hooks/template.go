package hooks

import (
	"fmt"
	"strings"

	"github.com/seed-43fb3962/sstream/internal/environ"
)

// template is a command with places for fields. In script, which is for sh, ${1} stands for the field names[0].
type template struct {
	script string
	names  []string
}

// parseTemplate reads a command with %(name)s and %%.
//
// A place becomes a parameter in double quotes, whether it stands bare, in single or in double quotes: the value is one
// word. Where this reader does not follow (backquotes, case in $(), here-documents), sh may split the value into words or
// show the quotes, but it never parses the value.
func parseTemplate(command string) (*template, error) {
	if strings.ContainsRune(command, 0) {
		return nil, fmt.Errorf("the command %q holds a NUL", command)
	}
	t := new(template)
	var q quoting
	var script strings.Builder
	for i := 0; i < len(command); i++ {
		if command[i] != '%' {
			if q.next(command, i) && i+1 < len(command) && command[i+1] != '%' {
				script.WriteByte(command[i])
				i++
			}
			script.WriteByte(command[i])
			continue
		}
		rest := command[i+1:]
		if strings.HasPrefix(rest, "%") {
			script.WriteByte('%')
			i++
			continue
		}
		name, _, ok := strings.Cut(strings.TrimPrefix(rest, "("), ")s")
		if !ok || !strings.HasPrefix(rest, "(") || strings.ContainsRune(name, ')') {
			return nil, fmt.Errorf("in the command %q, %q is no %%(name)s; write %%%% for a percent sign", command, command[i:])
		}
		t.names = append(t.names, name)
		fmt.Fprintf(&script, q.place(), len(t.names))
		i += len("(" + name + ")s")
	}
	t.script = script.String()
	return t, nil
}

// quoting is what a byte of shell text is in.
type quoting struct {
	in    byte   // ' or " or # (a comment), or 0
	outer []byte // what the $( around it is in, and so on
}

// next goes on over byte i of text. It tells whether that is a backslash that quotes the next byte.
func (q *quoting) next(text string, i int) (backslash bool) {
	c := text[i]
	switch {
	case q.in == '#':
		if c == '\n' {
			q.in = 0
		}
	case c == '\\':
		return q.in != '\''
	case q.in != 0 && c == q.in:
		q.in = 0
	case q.in == '\'':
	case c == '(' && (q.in == 0 || text[i-1] == '$'):
		q.outer, q.in = append(q.outer, q.in), 0
	case q.in == '"':
	case c == ')' && len(q.outer) > 0:
		last := len(q.outer) - 1
		q.outer, q.in = q.outer[:last], q.outer[last]
	case c == '\'' || c == '"':
		q.in = c
	case c == '#' && (i == 0 || strings.IndexByte(" \t\n;&|(", text[i-1]) >= 0):
		q.in = '#'
	}
	return false
}

// place is how a parameter is written here so that it is one word, with %d for its number.
func (q *quoting) place() string {
	switch q.in {
	case 0:
		return `"${%d}"`
	case '\'':
		return `'"${%d}"'`
	}
	return `${%d}`
}

// args returns the values of the places. A field that is not there, or that no argument can hold, has the value unset.
func (t *template) args(get func(name string) (string, bool), unset *string) ([]string, error) {
	args := make([]string, len(t.names))
	for i, name := range t.names {
		value, ok := get(name)
		why := "it is not there"
		if ok {
			why = environ.Unfit(value, environ.MaxString)
		}
		switch {
		case why == "":
			args[i] = value
		case unset != nil:
			args[i] = *unset
		default:
			return nil, fmt.Errorf("its command names the field %s, but %s (give unset_value what to put in its place)", name, why)
		}
	}
	return args, nil
}
