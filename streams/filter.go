package streams

import (
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/dlclark/regexp2"
)

// Filter is a condition on one field: key=value, key!=value, key~regexp, key!~regexp.
// Regular expressions are Python's, found anywhere in the value; a field that is not there is "". (\w has combining marks
// too, and \s has not U+001C to U+001F.)
type Filter struct {
	Key    string
	Negate bool
	value  string
	re     *regexp2.Regexp // nil: compare
	seen   map[string]bool // what the expression said of the values so far: they repeat
	text   string
}

// The key may hold word characters, - and |; blanks around the operator do not count, blanks at the end do. It takes a while
// to compile, which runs without filters are spared.
var filterForm = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^([\p{L}\p{N}_|-]+) *(!?[=~]) *([^\n]*)\n?$`)
})

const maxSeen = 4096

// ParseFilter reads one condition.
func ParseFilter(text string) (*Filter, error) {
	m := filterForm().FindStringSubmatch(text)
	if m == nil {
		return nil, fmt.Errorf("cannot read filter %q: it is not key=value, key!=value, key~regexp or key!~regexp", text)
	}
	f := &Filter{Key: m[1], Negate: m[2][0] == '!', value: m[3], text: text}
	if strings.HasSuffix(m[2], "~") {
		re, err := compilePython(m[3])
		if err != nil {
			return nil, fmt.Errorf("cannot read filter %q: %w", text, err)
		}
		f.re, f.seen = re, map[string]bool{}
	}
	return f, nil
}

// String returns the text that f was read from.
func (f *Filter) String() string { return f.text }

// Match tells whether the value of f's key fulfils the condition. It is not safe for concurrent use.
func (f *Filter) Match(value string) (bool, error) {
	if f.re == nil {
		return (value == f.value) != f.Negate, nil
	}
	found, ok := f.seen[value]
	if !ok {
		var err error
		if found, err = f.re.MatchString(value); err != nil {
			return false, fmt.Errorf("filter %q: %w", f.text, err)
		}
		if len(f.seen) < maxSeen {
			f.seen[value] = found
		}
	}
	return found != f.Negate, nil
}

// Filters is a list of conditions of which all must hold. The empty list always holds.
type Filters []*Filter

// ParseFilters reads conditions.
func ParseFilters(texts []string) (Filters, error) {
	var list Filters
	for _, text := range texts {
		f, err := ParseFilter(text)
		if err != nil {
			return nil, err
		}
		list = append(list, f)
	}
	return list, nil
}

// Match tells whether every condition holds for the fields that get returns.
func (fs Filters) Match(get func(key string) string) (bool, error) {
	for _, f := range fs {
		if ok, err := f.Match(get(f.Key)); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}
