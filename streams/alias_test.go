package streams_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/seed-43fb3962/sstream/streams"
)

func TestExpandAliases(t *testing.T) {
	const aliases = `{"_aliases":{"crsn":{"us":{"region":"us-1","endpoint":"e"},"eu":{"region":"eu-1"}},"chain":{"1":{"crsn":"us"},"2":{"chain":"1"},"3":{"chain":"2"}},"empty":{}},`
	for _, c := range []struct{ name, text, want string }{
		{"on every level, over what is there",
			`"crsn":"us","products":{"p":{"crsn":"eu","versions":{"1":{"crsn":"us","items":{"i":{"crsn":"eu","region":"other"},"j":{}}}}}}}`,
			`"crsn":"us","endpoint":"e","products":{"p":{"crsn":"eu","region":"eu-1","versions":{"1":{"crsn":"us","endpoint":"e","items":{"i":{"crsn":"eu","region":"eu-1"},"j":{}},"region":"us-1"}}}},"region":"us-1"}`},
		{"an alias that stands for another, and no further", `"products":{"p":{"crsn":"us","chain":"1","versions":{}},"q":{"chain":"3","versions":{}}}}`,
			`"products":{"p":{"chain":"1","crsn":"us","endpoint":"e","region":"us-1","versions":{}},"q":{"chain":"1","versions":{}}}}`},
		{"what is no text stays", `"crsn":"","products":{"p":{"crsn":1,"empty":"x"}}}`, `"crsn":"","products":{"p":{"crsn":1,"empty":"x"}}}`},
	} {
		p := products(t, aliases+c.text)
		if err := p.ExpandAliases(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		got := string(streams.Append(nil, p, streams.Style{}))
		if _, got, _ = strings.Cut(got, `"empty":{}},`); got != c.want {
			t.Errorf("%s\ngot  %s\nwant %s", c.name, got, c.want)
		}
	}
	after := products(t, aliases+`"products":{"p":{"crsn":"us","versions":{"1":{}},"arch":"a"}}}`)
	if err := after.ExpandAliases(); err != nil {
		t.Error(err)
	}
	product, _ := after.Products.Get("p")
	var order []string
	for key := range product.All() {
		order = append(order, key)
	}
	if want := []string{"crsn", "arch", "region", "endpoint"}; !slices.Equal(order, want) {
		t.Errorf("fields in the order %q, want %q: those of an alias come last, as the Python tool shows them", order, want)
	}
	p := products(t, aliases+`"products":{"p":{"versions":{"1":{"items":{"i":{"crsn":"nowhere"}}}}}}}`)
	if err := p.ExpandAliases(); err == nil || err.Error() != `p/1/i: crsn="nowhere" is not defined in _aliases` {
		t.Error(err)
	}
	if err := products(t, `{"_aliases":[],"crsn":"us"}`).ExpandAliases(); err != nil {
		t.Error(err)
	}
}
