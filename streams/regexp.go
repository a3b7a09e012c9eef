package streams

import (
	"fmt"
	"strings"
	"time"

	"github.com/dlclark/regexp2"
)

// regexpTimeout ends an expression that backtracks without end.
const regexpTimeout = 2 * time.Second

// compilePython reads an expression of Python's re. What that has and other engines do not (look-ahead,
// back-references) is there; of what it lacks nothing is refused.
func compilePython(pattern string) (*regexp2.Regexp, error) {
	t := translator{in: pattern, groups: map[string]int{}}
	t.run()
	re, err := regexp2.Compile(t.out.String(), regexp2.None)
	if err != nil {
		return nil, err
	}
	re.MatchTimeout = regexpTimeout
	return re, nil
}

// translator rewrites what Python spells, or counts, in its own way.
type translator struct {
	in     string
	out    strings.Builder
	count  int            // groups so far
	groups map[string]int // the named ones: they are numbered with the others
	class  bool           // between [ and ]
}

func (t *translator) run() {
	for t.in != "" {
		if !t.class && t.group() {
			continue
		}
		n := 1
		switch text := t.in; {
		case strings.HasPrefix(text, `\Z`) && !t.class:
			t.replace(2, `\z`)
			continue
		case text[0] == '\\' && len(text) > 1:
			n = 2
		case text[0] == '[' && t.class: // elsewhere this begins a class inside a class
			t.replace(1, `\[`)
			continue
		case text[0] == '[':
			t.class = true
			n = len(text) - len(strings.TrimPrefix(strings.TrimPrefix(text[1:], "^"), "]"))
		case text[0] == ']':
			t.class = false
		case strings.HasPrefix(text, "{,") && !t.class && isCount(text[2:]):
			t.replace(2, "{0,")
			continue
		}
		t.replace(n, t.in[:n])
	}
}

// group takes what begins a group or names one.
func (t *translator) group() bool {
	name, n := "", 0
	switch text := t.in; {
	case strings.HasPrefix(text, "(?P<"):
		name, n = between(text, "(?P<", '>')
		t.count++
		t.groups[name] = t.count
		t.replace(n, "(")
	case strings.HasPrefix(text, "(?P="):
		name, n = between(text, "(?P=", ')')
		if t.groups[name] == 0 {
			return false // the engine says what is wrong with it
		}
		t.replace(n, fmt.Sprintf(`(?:\%d)`, t.groups[name]))
	case strings.HasPrefix(text, "(?("):
		name, n = between(text, "(?(", ')')
		if t.groups[name] == 0 {
			return false
		}
		t.replace(n, fmt.Sprintf("(?(%d)", t.groups[name]))
	case strings.HasPrefix(text, "(?u)"): // as it is anyway
		t.replace(4, "")
	case text[0] == '(' && !strings.HasPrefix(text, "(?"):
		t.count++
		return false
	default:
		return false
	}
	return true
}

func (t *translator) replace(n int, by string) {
	t.out.WriteString(by)
	t.in = t.in[n:]
}

// between returns what stands between before, with which text begins, and after; and how long all of it is.
func between(text, before string, after byte) (string, int) {
	end := strings.IndexByte(text, after)
	if end < 0 {
		return "", len(text)
	}
	return text[len(before):end], end + 1
}

// isCount tells whether text goes on like "3}".
func isCount(text string) bool {
	rest := strings.TrimLeft(text, "0123456789")
	return rest != text && strings.HasPrefix(rest, "}")
}
