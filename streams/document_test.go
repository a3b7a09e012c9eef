package streams

import (
	"strings"
	"testing"
)

const small = `{"format":"products:1.0","content_id":"c","_aliases":{"crsn":{"u":{"region":"us"}}},
"products":{"p:a":{"arch":"amd64","versions":{"2":{"items":{"i":{"path":"d/i","size":12,"crsn":"u","big":1e30,"x":[1,{"b":2,"a":"é\ud83d\ude00\/"}]}}},
"1":{"items":{}}}}}}`

func TestParse(t *testing.T) {
	d, err := Parse("streams/v1/c.json", []byte(small))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Products.ExpandAliases(); err != nil {
		t.Fatal(err)
	}
	var got []string
	for e := range d.Products.All() {
		var b strings.Builder
		b.WriteString(e.Ref.String() + ":")
		for k, v := range e.Flat().All() {
			b.WriteString(" " + k + "=" + v)
		}
		got = append(got, b.String())
	}
	want := "p:a/2/i: format=products:1.0 content_id=c arch=amd64 product_name=p:a version_name=2 path=d/i size=12 crsn=u big=1e+30 region=us item_name=i"
	if len(got) != 1 || got[0] != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	const rendered = `{"_aliases":{"crsn":{"u":{"region":"us"}}},"content_id":"c","format":"products:1.0","products":{"p:a":{"arch":"amd64",` +
		`"versions":{"1":{"items":{}},"2":{"items":{"i":{"big":1e30,"crsn":"u","path":"d/i","region":"us","size":12,"x":[1,{"a":"\u00e9\ud83d\ude00/","b":2}]}}}}}}}`
	if got := string(Append(nil, d.Products, Style{})); got != rendered {
		t.Errorf("got  %s\nwant %s", got, rendered)
	}
}

func TestFieldsAfterChildren(t *testing.T) {
	const text = `{"format":"products:1.0","products":{"p":{"os":"x","versions":{},"requirements":{},"z":1}},"updated":"now"}`
	d, err := Parse("x", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(Append(nil, d.Products, Style{KeepOrder: true})); got != text {
		t.Errorf("got  %s\nwant %s", got, text)
	}
	p, _ := d.Products.Products.Get("p")
	p.Set("arch", String("a"))
	p.SetAfter("last", Int(1))
	p.SetAfter("os", String("y"))
	p.Delete("z")
	const want = `{"os":"y","arch":"a","versions":{},"requirements":{},"last":1}`
	if got := string(Append(nil, p, Style{KeepOrder: true})); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		`{}`:                                     `x: unknown format "": "index:1.0" or "products:1.0" is needed`,
		`{"format":1}`:                           `x: unknown format ""`,
		`{"format":"products:2"}`:                `x: unknown format "products:2"`,
		`[]`:                                     "x: not valid JSON: line 1, column 1: an object is needed here",
		`{"format":"index:1.0","index":[]}`:      "line 1, column 31: an object is needed here",
		`{"format":"index:1.0","index":{"a":1}}`: "line 1, column 36: an object is needed here",
		`{"format":"products:1.0","products":{"p":{"versions":"x"}}}`:             "line 1, column 54: an object is needed here",
		`{"format":"products:1.0","products":{"p":{"versions":{"1":{"items":5}}}`: "line 1, column 68: an object is needed here",
		`{"format":"products:1.0","products":{}} {}`:                              "line 1, column 41: text after the end of the value",
		`{"format":"products:1.0","format":"index:1.0"}`:                          "x: the field format stands twice, with different values",
		`{"format":"products:1.0","content_id":"c"}`:                              `x: it has no field "products"`,
		`{"format":"index:1.0"}`:                                                  `x: it has no field "index"`,
	} {
		if _, err := Parse("x", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

func TestParseIndex(t *testing.T) {
	const text = `{"format":"index:1.0","updated":"u","index":{"b":{"path":"p","products":["x"]},"a":{"path":"q"},"b":{"path":"r"}},"z":1}`
	d, err := Parse("streams/v1/index.json", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for name, e := range d.Index.Entries.All() {
		paths = append(paths, name+"="+e.Str("path"))
	}
	if got := strings.Join(paths, " "); got != "b=r a=q" || d.Attrs().Str("updated") != "u" || string(d.Raw) != text {
		t.Errorf("entries %s", got)
	}
	const kept = `{"format":"index:1.0","updated":"u","index":{"b":{"path":"r"},"a":{"path":"q"}},"z":1}`
	if got := string(Append(nil, d.Index, Style{KeepOrder: true})); got != kept {
		t.Errorf("got  %s\nwant %s", got, kept)
	}
}

// TestLastOfTwo shows that of two products of one name the last one counts, in the place of the first.
func TestLastOfTwo(t *testing.T) {
	p, err := ParseProducts([]byte(`{"content_id":"a","products":{"p":{"n":1},"q":{},"p":{"n":2}},"content_id":"b"}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(Append(nil, p, Style{KeepOrder: true})); got != `{"content_id":"b","products":{"p":{"n":2},"q":{}}}` {
		t.Errorf("got %s", got)
	}
	if p, err = ParseProducts([]byte(`{"products":{"p":{}},"products":{"q":{}}}`)); err != nil || p.Products.Names()[0] != "q" {
		t.Errorf("%v, %v", p.Products.Names(), err)
	}
}
