package streams_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/seed-43fb3962/sstream/internal/catalog"
	"github.com/seed-43fb3962/sstream/streams"
)

func render(c *streams.Collection) string {
	var lines []string
	docs := c.Documents()
	index := c.Index(docs, func(id string) string { return "streams/v1/" + id + ".json" })
	lines = append(lines, string(streams.Append(nil, index, streams.Style{})))
	for _, doc := range docs {
		lines = append(lines, text(doc))
	}
	return strings.Join(lines, "\n")
}

// text is a document as it is written.
func text(doc *streams.Gathered) string {
	var b strings.Builder
	_ = doc.Render(&b) // a Builder takes everything
	return b.String()
}

func TestCollection(t *testing.T) {
	c := streams.Collection{Updated: "now", Datatype: "content-download"}
	if err := c.AddJSON(strings.NewReader(` [ {"content_id":"foo:1","product_name":"q","version_name":"1","item_name":"i","size":"027","item_url":"http://x","os":"u","n":1.50},
		{"content_id":"bar","product_name":"p","version_name":"2","item_name":"j","size":5,"l":[1,{"a":"b"}]},
		{"content_id":"bar","product_name":"p","version_name":"2","item_name":"k","size":null} ] `)); err != nil {
		t.Fatal(err)
	}
	if err := c.AddJSON(strings.NewReader(`[]`)); err != nil {
		t.Fatal(err)
	}
	if err := c.AddTab(strings.NewReader("# comment\n\nfoo:1\tp\t1\ti\tsize=0\turl=http://x/?a=b\r\nfoo:1\tp\t1\tj\n")); err != nil {
		t.Fatal(err)
	}
	const want = `{"format":"index:1.0","index":{"bar":{"datatype":"content-download","format":"products:1.0","path":"streams/v1/bar.json","products":["p"],"updated":"now"},"foo:1":{"datatype":"content-download","format":"products:1.0","path":"streams/v1/foo:1.json","products":["q","p"],"updated":"now"}},"updated":"now"}
{"content_id":"foo:1","datatype":"content-download","format":"products:1.0","products":{"p":{"versions":{"1":{"items":{"i":{"size":0,"url":"http://x/?a=b"},"j":{}}}}},"q":{"os":"u","versions":{"1":{"items":{"i":{"n":1.50,"size":27}}}}}},"updated":"now"}
{"content_id":"bar","datatype":"content-download","format":"products:1.0","products":{"p":{"versions":{"2":{"items":{"j":{"l":[1,{"a":"b"}],"size":5},"k":{"size":null}}}}}},"updated":"now"}`
	if got := render(&c); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := render(&streams.Collection{}); got != `{"format":"index:1.0","index":{}}` {
		t.Errorf("nothing is %s", got)
	}
}

func TestCollectionErrors(t *testing.T) {
	const full = `"content_id":"c","product_name":"p","version_name":"v","item_name":"i"`
	for text, want := range map[string]string{
		`{}`:     "a list of items is needed here",
		``:       "a list of items is needed here",
		`[1]`:    "line 1, column 2: an object is needed here",
		`[{}] x`: "item 1: it has no content_id",
		`[{"content_id":"c","product_name":"p","version_name":"v"}]`: "item 1: it has no item_name",
		`[{` + full + `},{"content_id":5}]`:                          "item 2: it has no content_id",
		`[{` + full + `},{` + full + `}]`:                            "item 2: c/p/v/i is there already",
		`[{` + full + `,"size":"x"}]`:                                `item 1: its size "x" is no number of bytes`,
		`[{` + full + `,"size":-1}]`:                                 "item 1: its size -1 is no number of bytes",
		`[{` + full + `,"size":1.5}]`:                                "item 1: its size 1.5 is no number of bytes",
		`[{` + full + `,"item_name":""}]`:                            "item 1: its item_name is empty",
		`[{` + full + `}`:                                            "a comma or ] is needed here",
		`[{` + full + `}]]`:                                          "text after the end of the value",
	} {
		if err := new(streams.Collection).AddJSON(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	for text, want := range map[string]string{
		"c\tp\tv\n":                     "line 1: content id, product, version and item are needed, with tabs between them",
		"#\nc p v i\n":                  "line 2: content id",
		"c\tp\tv\ti\tx\n":               `line 1: "x" is not key=value`,
		"c\tp\tv\ti\tsize=\n":           `line 1: its size "" is no number of bytes`,
		"c\tp\tv\ti\nc\tp\tv\ti\ta=b\n": "line 2: c/p/v/i is there already",
		"c\tp\tv\ti\nc\t\xff\tv\ti":     "line 2: not UTF-8",
		"c\t\tv\ti\n":                   "line 1: its product_name is empty",
	} {
		if err := new(streams.Collection).AddTab(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func FuzzAddJSON(f *testing.F) {
	f.Add(`[{"content_id":"c","product_name":"p","version_name":"v","item_name":"i","size":"1","a":{}}]`)
	f.Add(`[{"content_id":"c","content_id":"d","product_name":"p","version_name":"v","item_name":"i","item_url":1}, {}]`)
	f.Fuzz(func(t *testing.T, text string) {
		var c streams.Collection
		if c.AddJSON(strings.NewReader(text)) == nil {
			checkCollection(t, &c)
		}
	})
}

func FuzzAddTab(f *testing.F) {
	f.Add("# x\nc\tp\tv\ti\tsize=1\ta=b=c\n\nc\tp\tv\tj")
	f.Fuzz(func(t *testing.T, text string) {
		var c streams.Collection
		if c.AddTab(strings.NewReader(text)) == nil {
			checkCollection(t, &c)
		}
	})
}

// checkCollection shows that what was gathered is written so that it can be read again.
func checkCollection(t *testing.T, c *streams.Collection) {
	t.Helper()
	for _, doc := range c.Documents() {
		want := text(doc)
		again, err := streams.Parse("x", []byte(want))
		if err != nil {
			t.Fatalf("%s: %v", want, err)
		}
		if got := streams.Append(nil, again.Products, streams.Style{}); string(got) != want {
			t.Errorf("%s became %s", want, got)
		}
	}
}

func BenchmarkAddJSON(b *testing.B) {
	items := catalog.Items(100_000)
	b.SetBytes(int64(len(items)))
	b.ReportAllocs()
	for b.Loop() {
		var c streams.Collection
		if err := c.AddJSON(bytes.NewReader(items)); err != nil {
			b.Fatal(err)
		}
	}
}

// TestCollectionCondenses shows that what is shared while items come is what Condense finds among all of them.
func TestCollectionCondenses(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		doc := &streams.Products{Products: streams.MakeNodes[*streams.Product]()}
		doc.Set("content_id", streams.String("c"))
		doc.Set("format", streams.String(streams.ProductsFormat))
		var list []string
		keys := []string{"arch", "items", "os", "path", "versions"}
		for k := range rnd.IntN(2) * 20 { // more than are looked through one by one
			keys = append(keys, fmt.Sprint("k", k))
		}
		for _, k := range rnd.Perm(8) {
			product, version, name := fmt.Sprint("p", k/4), fmt.Sprint("v", k/2%2), fmt.Sprint("i", k%2)
			item := &streams.Item{}
			text := fmt.Sprintf(`"content_id":"c","product_name":%q,"version_name":%q,"item_name":%q`, product, version, name)
			for _, f := range rnd.Perm(len(keys))[:rnd.IntN(6)+len(keys)-5] {
				key := keys[f]
				value, _ := streams.Raw([]string{`"x"`, `"\u0078"`, `"y"`, `1`}[rnd.IntN(4)*rnd.IntN(2)])
				item.Set(key, value)
				text += fmt.Sprintf(",%q:%s", key, value.Raw())
			}
			list = append(list, "{"+text+"}")
			put(doc, product, version, name, item)
		}
		doc.Condense(streams.Sticky)
		var c streams.Collection
		if err := c.AddJSON(strings.NewReader("[" + strings.Join(list, ",\n") + "]")); err != nil {
			t.Fatal(err)
		}
		want := string(streams.Append(nil, doc, streams.Style{}))
		if got := text(c.Documents()[0]); got != want {
			t.Fatalf("%s\ngot  %s\nwant %s", strings.Join(list, "\n"), got, want)
		}
	}
}

func put(doc *streams.Products, product, version, name string, item *streams.Item) {
	p, ok := doc.Products.Get(product)
	if !ok {
		p = &streams.Product{Versions: streams.MakeNodes[*streams.Version]()}
		doc.Products.Set(product, p)
	}
	v, ok := p.Versions.Get(version)
	if !ok {
		v = &streams.Version{Items: streams.MakeNodes[*streams.Item]()}
		p.Versions.Set(version, v)
	}
	v.Items.Set(name, item)
}
