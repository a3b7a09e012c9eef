package streams

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// AddJSON adds the items of a JSON list of flat objects, as query --json prints them. The fields content_id,
// product_name, version_name and item_name say where an item goes, item_url is left out, and size becomes a number.
// The list is read as it is needed, and nothing is kept of it but the items.
func (c *Collection) AddJSON(list io.Reader) error {
	r := newItemReader(list, windowSize)
	for {
		fields, ok, err := r.next()
		if err != nil || !ok {
			return err
		}
		place, fields, err := takePlace(fields)
		if err == nil {
			err = c.add(place, fields)
		}
		if err != nil {
			return fmt.Errorf("item %d: %w", r.n, err)
		}
	}
}

var placeKeys = [4]string{contentIDKey, productName, versionName, itemName}

// placeOf returns which of placeKeys name is, -1 if none.
func placeOf(name string) int {
	switch name {
	case contentIDKey:
		return 0
	case productName:
		return 1
	case versionName:
		return 2
	case itemName:
		return 3
	}
	return -1
}

// takePlace takes the fields that say where an item goes out of fields, and item_url.
func takePlace(fields []node[Value]) (place [4]string, left []node[Value], err error) {
	var known [4]bool
	left = fields[:0]
	for _, f := range fields {
		if i := placeOf(f.name); i >= 0 {
			place[i], known[i] = f.value.Str()
		} else if f.name != "item_url" {
			left = append(left, f)
		}
	}
	if i := slices.Index(known[:], false); i >= 0 {
		return place, nil, fmt.Errorf("it has no %s", placeKeys[i])
	}
	return place, left, nil
}

// AddTab adds the items of a list with one item a line, of words with tabs between them: content id, product, version
// and item, then key=value for each field. Blank lines and those that begin with # do not count; size becomes a number.
// The list is read as it is needed.
func (c *Collection) AddTab(list io.Reader) error {
	lines := bufio.NewScanner(list)
	lines.Buffer(make([]byte, 0, windowSize), maxLine)
	var t tabItem
	for n := 1; lines.Scan(); n++ {
		line := inPlace(lines.Bytes())
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}
		err := t.parse(line)
		if err == nil {
			err = c.add(t.place, t.fields.list)
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	return lines.Err()
}

// maxLine is how long a line with tabs may be.
const maxLine = 1 << 30

// tabItem is an item in a line with tabs, until the next one is parsed.
type tabItem struct {
	place  [4]string
	fields Nodes[Value]
	text   []byte // of the values
}

func (t *tabItem) parse(line string) error {
	if !utf8.ValidString(line) {
		return fmt.Errorf("not UTF-8")
	}
	more := true
	for i := range t.place {
		if !more {
			return fmt.Errorf("content id, product, version and item are needed, with tabs between them")
		}
		t.place[i], line, more = strings.Cut(line, "\t")
	}
	t.fields, t.text = Nodes[Value]{list: t.fields.list[:0]}, t.text[:0]
	for more {
		var word string
		word, line, more = strings.Cut(line, "\t")
		key, value, ok := strings.Cut(word, "=")
		if !ok {
			return fmt.Errorf("%q is not key=value", word)
		}
		start := len(t.text)
		t.text = AppendText(t.text, value, escapeNone)
		t.fields.Set(key, Value{inPlace(t.text[start:])})
	}
	return nil
}
