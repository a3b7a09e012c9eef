package streams_test

import (
	"testing"

	"github.com/seed-43fb3962/sstream/streams"
)

func products(t *testing.T, text string) *streams.Products {
	t.Helper()
	p, err := streams.ParseProducts([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestCondense(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"shared by all, up to the product",
			`{"products":{"p":{"versions":{"1":{"items":{"i":{"os":"u","path":"x"},"j":{"os":"u","path":"y"}}},"2":{"items":{"i":{"os":"u","path":"z"}}}}}}}`,
			`{"products":{"p":{"os":"u","versions":{"1":{"items":{"i":{"path":"x"},"j":{"path":"y"}}},"2":{"items":{"i":{"path":"z"}}}}}}}`},
		{"one item alone moves all but what is sticky, and no numbers",
			`{"products":{"p":{"versions":{"1":{"items":{"i":{"ftype":"img","size":5,"extra":5,"flag":true,"md5":"m","sha256":"s","sha512":"t","path":"x"}}}}}}}`,
			`{"products":{"p":{"ftype":"img","sha512":"t","versions":{"1":{"items":{"i":{"extra":5,"flag":true,"md5":"m","path":"x","sha256":"s","size":5}}}}}}}`},
		{"an item without it keeps it with the others",
			`{"products":{"p":{"versions":{"1":{"items":{"i":{"os":"u"},"j":{}}}}}}}`,
			`{"products":{"p":{"versions":{"1":{"items":{"i":{"os":"u"},"j":{}}}}}}}`},
		{"versions that differ keep it",
			`{"products":{"p":{"versions":{"1":{"items":{"i":{"os":"u"}}},"2":{"items":{"i":{"os":"v"}}}}}}}`,
			`{"products":{"p":{"versions":{"1":{"items":{"i":{}},"os":"u"},"2":{"items":{"i":{}},"os":"v"}}}}}`},
		{"a parent with another value keeps its own",
			`{"products":{"p":{"versions":{"1":{"os":"v","items":{"i":{"os":"u"}}}}}}}`,
			`{"products":{"p":{"os":"v","versions":{"1":{"items":{"i":{"os":"u"}}}}}}}`},
		{"a name that the parent lists its children under stays where it is",
			`{"products":{"p":{"versions":{"1":{"items":{"i":{"items":"u","versions":"v"}}}}}}}`,
			`{"products":{"p":{"versions":{"1":{"items":{"i":{"items":"u"}},"versions":"v"}}}}}`},
		{"nothing below",
			`{"products":{"p":{"versions":{"1":{"items":{}},"2":{}}},"q":{}}}`,
			`{"products":{"p":{"versions":{"1":{"items":{}},"2":{}}},"q":{}}}`},
	} {
		p := products(t, c.text)
		p.Condense(streams.Sticky)
		if got := string(streams.Append(nil, p, streams.Style{})); got != c.want {
			t.Errorf("%s\ngot  %s\nwant %s", c.name, got, c.want)
		}
	}
}

// TestCondenseKeepsMeaning shows that every item has the fields that it had.
func TestCondenseKeepsMeaning(t *testing.T) {
	const text = `{"products":{"p":{"os":"w","versions":{"1":{"a":"1","items":{"i":{"os":"u","a":"2","b":"3"},"j":{"os":"u","b":"3","c":4}}},"2":{"items":{"i":{"os":"u","b":"3"}}}}}}}`
	before, after := products(t, text), products(t, text)
	after.Condense(nil)
	for e := range before.All() {
		other, ok := after.Find(e.Ref)
		if !ok {
			t.Fatalf("%s is gone", e.Ref)
		}
		was, is := e.Flat(), other.Flat()
		for key, value := range was.All() {
			if got, _ := is.Get(key); got != value {
				t.Errorf("%s: %s was %q and is %q", e.Ref, key, value, got)
			}
		}
		if was.Len() != is.Len() {
			t.Errorf("%s: %d fields, now %d", e.Ref, was.Len(), is.Len())
		}
	}
}
