package streams_test

import (
	"strings"
	"testing"

	"github.com/seed-43fb3962/sstream/streams"
)

func show(f *streams.Flat) string {
	var words []string
	for key, value := range f.All() {
		words = append(words, key+"="+value)
	}
	return strings.Join(words, " ")
}

func TestFlat(t *testing.T) {
	p := products(t, `{"format":"f","content_id":"c","label":"top","n":null,"products":{"p":{"arch":"a","product_name":"mine","versions":{
		"1":{"label":"low","items":{"i":{"size":10,"arch":"b","product_name":"stolen","version_name":"too","l":[1],"d":{}},"j":{"f":1.50,"t":true}}}}}}}`)
	for _, c := range []struct {
		ref  streams.Ref
		want string
	}{
		{streams.Ref{}, "format=f content_id=c label=top"},
		{streams.Ref{Product: "p"}, "format=f content_id=c label=top arch=a product_name=p"},
		{streams.Ref{Product: "p", Version: "1"}, "format=f content_id=c label=low arch=a product_name=p version_name=1"},
		{streams.Ref{Product: "p", Version: "1", Item: "j"}, "format=f content_id=c label=low arch=a product_name=p version_name=1 f=1.5 t=True item_name=j"},
		{streams.Ref{Product: "p", Version: "1", Item: "i"}, "format=f content_id=c label=low arch=b product_name=stolen version_name=too size=10 item_name=i"},
	} {
		e, ok := p.Find(c.ref)
		if c.ref.Product == "" {
			e, ok = streams.Entity{Products: p}, true
		}
		if !ok {
			t.Fatalf("%s is not there", c.ref)
		}
		flat := e.Flat()
		if got := show(flat); got != c.want {
			t.Errorf("%s\ngot  %s\nwant %s", c.ref, got, c.want)
		}
		for key, value := range flat.All() {
			if got := e.Get(key); got != value {
				t.Errorf("%s: %s is %q and %q", c.ref, key, value, got)
			}
		}
		if got := e.Get("none"); got != "" {
			t.Errorf("%s: none is %q", c.ref, got)
		}
	}
	gone := streams.Entity{Ref: streams.Ref{Product: "p", Version: "0"}, Products: p}
	if got := show(gone.Flat()); got != "format=f content_id=c label=top product_name=p version_name=0" {
		t.Errorf("a version that is gone: %s", got)
	}
	if _, ok := p.Find(streams.Ref{Product: "p", Version: "1", Item: "k"}); ok {
		t.Error("an item that is not there was found")
	}
}

func TestFlatReset(t *testing.T) {
	var base, f streams.Flat
	base.Set("a", "1")
	base.Set("b", "2")
	for range 2 {
		f.Reset(&base)
		f.Set("a", "3")
		f.Delete("b")
		f.Set("c", "4")
		if show(&f) != "a=3 c=4" || show(&base) != "a=1 b=2" {
			t.Errorf("%s, %s", show(&f), show(&base))
		}
	}
	f.Reset(nil)
	if f.Len() != 0 {
		t.Error("it is not empty")
	}
}
