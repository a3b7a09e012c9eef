package streams

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestSyntaxErrors(t *testing.T) {
	for _, c := range []struct {
		text, problem string
		line, column  int
	}{
		{"", "the text ends where a value should be", 1, 1},
		{"{", "a name in quotes", 1, 2},
		{`{"a"}`, "a colon", 1, 5},
		{`{"a":1,}`, "a name in quotes", 1, 8},
		{`{"a":01}`, "a comma or }", 1, 7},
		{`{"a":-}`, "a number without digits", 1, 7},
		{`{"a":1.}`, "after the point", 1, 8},
		{`{"a":1e+}`, "in its exponent", 1, 9},
		{`{"a":.5}`, "a value cannot begin with '.'", 1, 6},
		{`{"a":NaN}`, "a value cannot begin with 'N'", 1, 6},
		{`{"a":nul}`, "a value cannot begin with 'n'", 1, 6},
		{`{"a":"\x"}`, "an invalid escape", 1, 7},
		{`{"a":"\u12g4"}`, "an invalid escape", 1, 7},
		{`{"a":"\`, "an invalid escape", 1, 7},
		{"{\"a\":\n\"\n\"}", "a control character", 2, 2},
		{`{"a":"b`, "the text ends inside a string", 1, 8},
		{`{} x`, "text after the end", 1, 4},
		{`{"a":[1 2]}`, "a comma or ]", 1, 9},
		{"\ufeff{}", "byte order mark", 1, 1},
		{"{\n \"a\":\"\xff\"}", "not UTF-8", 2, 7},
		{`{"a":` + strings.Repeat("[", 1000), "nested more than 128 deep", 1, 134},
	} {
		_, err := Raw(c.text)
		var syntax *SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("%q: %v", c.text, err)
			continue
		}
		if !strings.Contains(syntax.Problem, c.problem) || syntax.Line != c.line || syntax.Column != c.column {
			t.Errorf("%q: %v, want line %d, column %d: %s", c.text, err, c.line, c.column, c.problem)
		}
	}
}

// accepts tells whether text is to be read: what encoding/json reads, if it is UTF-8 and not nested too deep.
func accepts(text string) bool {
	if !json.Valid([]byte(text)) || !utf8.ValidString(text) {
		return false
	}
	depth, deepest := 0, 0
	dec := json.NewDecoder(strings.NewReader(text))
	for {
		tok, err := dec.Token()
		if err != nil {
			return deepest <= maxDepth+1
		}
		switch tok {
		case json.Delim('{'), json.Delim('['):
			depth++
			deepest = max(deepest, depth)
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
	}
}

// decode is what encoding/json makes of text, numbers as they are written.
func decode(t *testing.T, text string) any {
	t.Helper()
	var x any
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&x); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return x
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{
		small, "", "{}", "[]", "null", "1", "-0.5e+10", `"\ud83d\ude00\/"`, `"\ud83d"`, `{"a":1,"a":{"a":[true,false,null]}}`, "[1,]", "{\"\x7f\u2028<&>\":1}", " [ 1 , 2 ] \n",
		strings.Repeat("[", 130) + strings.Repeat("]", 130), strings.Repeat(`{"a":`, 129) + "1" + strings.Repeat("}", 129), "\"\xff\"", "01", `{"a":1}x`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := Raw(text)
		if (err == nil) != accepts(text) {
			t.Fatalf("%q: %v, encoding/json says %v", text, err, accepts(text))
		}
		if err != nil {
			return
		}
		want := decode(t, text)
		for _, style := range []Style{{}, {Escape: HTML, Indent: 2}, {KeepOrder: true, Spaced: true, Escape: escapeNone}} {
			got := string(Append(nil, v, style))
			if !reflect.DeepEqual(decode(t, got), want) {
				t.Errorf("%q: rendered %q", text, got)
			}
			again, err := Raw(got)
			if err != nil {
				t.Errorf("%q: rendered %q: %v", text, got, err)
			} else if twice := string(Append(nil, again, style)); twice != got {
				t.Errorf("%q: rendered %q, then %q", text, got, twice)
			}
		}
		if !strings.Contains(strings.ToLower(text), `\ud`) { // halves of surrogate pairs stay as they are
			same, _ := json.Marshal(want)
			if got := Append(nil, v, Style{Escape: HTML}); !bytes.Equal(got, same) {
				t.Errorf("%q: rendered %s, encoding/json has %s", text, got, same)
			}
		}
	})
}

// FuzzDocument shows that a document that was read is written as it means, whatever is in it.
func FuzzDocument(f *testing.F) {
	f.Add(small)
	f.Add(`{"format":"index:1.0","index":{"a":{"path":"b"},"c":null}}`)
	f.Add(`{"products":{"p":{"versions":{"v":{"items":{"i":{"a":1,"a":2}},"items":{}}},"x":1},"p":{}},"format":"products:1.0","y":2}`)
	f.Add(`{"format":"products:1.0","format":"index:1.0"}`)
	f.Add(`{"format":"products:1.0","products":null}`)
	f.Fuzz(func(t *testing.T, text string) {
		d, err := Parse("x", []byte(text))
		if err != nil {
			return
		}
		var got []byte
		if d.Index != nil {
			got = Append(got, d.Index, Style{KeepOrder: true})
		} else {
			got = Append(got, d.Products, Style{KeepOrder: true})
			for e := range d.Products.All() {
				flat := e.Flat()
				for key, value := range flat.All() {
					if e.Get(key) != value {
						t.Errorf("%s of %s is %q and %q", key, e.Ref, value, e.Get(key))
					}
				}
			}
			_ = d.Products.ExpandAliases()
			d.Products.Condense(Sticky)
		}
		if want := nullsAsEmpty(decode(t, text), "index", "products", "versions", "items"); !reflect.DeepEqual(decode(t, string(got)), want) {
			t.Errorf("%q: rendered %q", text, got)
		}
	})
}

// nullsAsEmpty replaces the nulls that stand for no children.
func nullsAsEmpty(x any, levels ...string) any {
	m, ok := x.(map[string]any)
	if !ok {
		return x
	}
	for i, level := range levels {
		child, ok := m[level]
		if !ok {
			continue
		}
		if child == nil {
			m[level] = map[string]any{}
			continue
		}
		if children, ok := child.(map[string]any); ok {
			for _, c := range children {
				nullsAsEmpty(c, levels[i+1:]...)
			}
		}
		break
	}
	return x
}

// TestWideNodes shows that neither a wide node nor many products take more than linear time: the square of these
// numbers would be minutes.
func TestWideNodes(t *testing.T) {
	const n = 300_000
	var fields, children strings.Builder
	for i := range n {
		fields.WriteString(`,"f` + strings.Repeat("x", i%7) + string(rune('a'+i%26)) + itoa(i) + `":1`)
		children.WriteString(`,"p` + itoa(i) + `":{}`)
	}
	start := time.Now()
	p, err := ParseProducts([]byte(`{"format":"products:1.0"` + fields.String() + `,"_aliases":{"a":{` + fields.String()[1:] + `}},"products":{` + children.String()[1:] + `}}`))
	if err != nil {
		t.Fatal(err)
	}
	if p.Len() != n+2 || p.Products.Len() != n {
		t.Errorf("%d fields, %d products", p.Len(), p.Products.Len())
	}
	if err := p.ExpandAliases(); err != nil {
		t.Error(err)
	}
	flat := (&Entity{Products: p}).Flat()
	if _, ok := flat.Get("fb1"); flat.Len() != n+1 || ok {
		t.Errorf("%d fields", flat.Len())
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
}

func itoa(n int) string { return Int(int64(n)).Raw() }

// TestNodesAlike reads nodes that are nearly like the one before: each must come out as if it had been read alone.
func TestNodesAlike(t *testing.T) {
	nodes := []string{
		`{"a": "1", "b": "2", "c": "3"}`, `{"a": "1", "b": "2", "c": "3"}`, `{"a": "1", "b": "2"}`, `{}`, `{"c": "3", "b": "2", "a": "1"}`,
		`{"a": "1", "b": "2", "a": "3", "c": "4"}`, `{"a": "1", "b": "2", "a": "3", "c": "4"}`, `{"b": "1", "b": "1"}`, `{"a": "1", "b": "2", "c": "3"}`,
		`{"a": "12", "b": 2, "c": null}`, `{"a": "1\"", "b": 21, "c": [1]}`, `{"a":"1","b":{"a": "1"},"c":""}`, `{ "a": "1", "b": "2" , "c": "3" }`,
	}
	var many strings.Builder
	for i := range 100 { // more than are remembered, the last one twice
		fmt.Fprintf(&many, `,"k%d":%d`, i, i)
	}
	nodes = append(nodes, "{"+many.String()[1:]+"}", "{"+many.String()[1:]+`,"k99":"again"}`, "{"+many.String()[1:]+"}")
	for i, first := range nodes {
		for j, second := range nodes {
			p, err := ParseProducts([]byte(`{"products":{"p":` + first + `,"q":` + second + `}}`))
			if err != nil {
				t.Fatal(err)
			}
			for name, text := range map[string]string{"p": first, "q": second} {
				product, _ := p.Products.Get(name)
				alone, err := Raw(text)
				if err != nil {
					t.Fatal(err)
				}
				fields := alone.Fields()
				got, want := string(Append(nil, &product.Attrs, Style{KeepOrder: true})), string(Append(nil, &fields, Style{KeepOrder: true}))
				if got != want {
					t.Errorf("%d after %d: %s is %s, want %s", j, i, name, got, want)
				}
			}
		}
	}
}
