package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/seed-43fb3962/sstream/streams"
)

// products makes a products file from lines "product version item…"; an item may carry "=PATH".
func products(t *testing.T, lines ...string) *streams.Products {
	t.Helper()
	p := &streams.Products{Products: streams.MakeNodes[*streams.Product]()}
	for _, line := range lines {
		words := strings.Fields(line)
		product, ok := p.Products.Get(words[0])
		if !ok {
			product = &streams.Product{Versions: streams.MakeNodes[*streams.Version]()}
			p.Products.Set(words[0], product)
		}
		if len(words) == 1 {
			continue
		}
		v := &streams.Version{Items: streams.MakeNodes[*streams.Item]()}
		for _, word := range words[2:] {
			name, path, _ := strings.Cut(word, "=")
			it := &streams.Item{}
			it.Set("path", streams.String(path))
			v.Items.Set(name, it)
		}
		product.Versions.Set(words[1], v)
	}
	return p
}

// String shows a plan: "+" adds, "~" changes inside, "-" removes.
func show(p *Plan) string {
	var words []string
	for _, s := range p.Steps {
		words = append(words, s.Name+":")
		for _, c := range s.Add {
			words = append(words, "+"+c.Name)
		}
		for _, c := range s.Update {
			words = append(words, fmt.Sprintf("~%s+%v-%v", c.Name, c.Add, c.Remove))
		}
		for _, c := range s.Remove {
			words = append(words, "-"+c.Name)
		}
	}
	return strings.Join(words, " ")
}

func number(n int) *int { return &n }

func TestNew(t *testing.T) {
	src := []string{"a 1 i", "a 2 i", "a 3 i", "b 9 i", "b 10 i", "empty"}
	for _, c := range []struct {
		name string
		have []string
		o    Options
		want string
	}{
		{"all", nil, Options{}, "a: +3 +2 +1 b: +9 +10 empty:"},
		{"one", nil, Options{Max: number(1)}, "a: +3 b: +9 empty:"},
		{"none", []string{"a 2 i", "a 1 i"}, Options{Max: number(0)}, "a: -1 -2 b: empty:"},
		{"all but the oldest", nil, Options{Max: number(-1)}, "a: +3 +2 b: +9 empty:"},
		{"the same again", src, Options{}, "a: b: empty:"},
		{"left the source", []string{"a 0 i", "a 2 i"}, Options{}, "a: +3 +1 -0 b: +9 +10 empty:"},
		{"kept, room for all", []string{"a 0 i", "a 2 i"}, Options{Max: number(4), Keep: true}, "a: +3 +1 b: +9 +10 empty:"},
		{"kept, no room", []string{"a 0 i", "a 2 i"}, Options{Max: number(2), Keep: true}, "a: +3 -0 b: +9 +10 empty:"},
		{"products that left stay", []string{"z 1 i"}, Options{}, "a: +3 +2 +1 b: +9 +10 empty:"},
		{"products that left go", []string{"z 2 i", "z 1 i", "none"}, Options{RemoveProducts: true}, "a: +3 +2 +1 b: +9 +10 empty: z: -1 -2"},
		{"products that left are kept", []string{"z 2 i", "z 1 i"}, Options{Max: number(1), Keep: true, RemoveProducts: true}, "a: +3 b: +9 empty: z: -1"},
	} {
		p, err := New(products(t, src...), products(t, c.have...), c.o)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if got := show(p); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
	if _, err := New(products(t, src...), products(t), Options{Keep: true}); err == nil {
		t.Error("keep without a maximum was accepted")
	}
}

func TestUnwanted(t *testing.T) {
	src := products(t, "a 1 i j", "a 2 j", "b 1 j")
	not := func(refs ...string) func(*streams.Entity) (bool, error) {
		return func(e *streams.Entity) (bool, error) { return !slices.Contains(refs, e.Ref.String()), nil }
	}
	for _, c := range []struct {
		name string
		have []string
		o    Options
		want string
	}{
		{"items", nil, Options{Item: not("a/2/j", "b/1/j")}, "a: +1"},
		{"a version that lost its items leaves", []string{"a 2 j"}, Options{Item: not("a/2/j")}, "a: +1 -2 b: +1"},
		{"products", []string{"b 0 j"}, Options{Product: not("b")}, "a: +2 +1"},
		{"products that left", []string{"y 1 j", "z 1 j"}, Options{Product: not("z"), RemoveProducts: true}, "a: +2 +1 b: +1 y: -1"},
		{"versions stay", []string{"a 1 i j"}, Options{Version: not("a/1")}, "a: +2 b: +1"},
		{"versions go", []string{"a 1 i j"}, Options{Version: not("a/1"), RemoveUnwanted: true}, "a: +2 -1 b: +1"},
	} {
		p, err := New(src, products(t, c.have...), c.o)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if got := show(p); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestCompareItems(t *testing.T) {
	src := products(t, "a 1 i=x j=y k=z", "a 2 i=x")
	have := products(t, "a 1 i=x j=old gone=g", "a 2 i=x")
	only := func(e *streams.Entity) (bool, error) { return e.Ref.Item != "k", nil }
	lost := func(r streams.Ref, _ *streams.Item) bool { return r.String() != "a/2/i" }
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{}, "a:"},
		{Options{CompareItems: true}, "a: ~1+[j k]-[gone]"},
		{Options{CompareItems: true, Item: only}, "a: ~1+[j]-[gone]"},
		{Options{CompareItems: true, Held: lost}, "a: ~2+[i]-[] ~1+[j k]-[gone]"},
		{Options{CompareItems: true, Max: number(1)}, "a: -1"},
	} {
		p, err := New(src, have, c.o)
		if err != nil {
			t.Fatal(err)
		}
		if got := show(p); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestStepsAskInOrder(t *testing.T) {
	var asked []string
	ask := func(kind string) func(*streams.Entity) (bool, error) {
		return func(e *streams.Entity) (bool, error) {
			asked = append(asked, kind+" "+e.Ref.String())
			return true, nil
		}
	}
	src := products(t, "b 1 i", "b 2 i", "a 1 i")
	for step, err := range Steps(src, products(t, "b 2 i"), Options{Item: ask("item"), Product: ask("product"), Version: ask("version")}) {
		if err != nil {
			t.Fatal(err)
		}
		asked = append(asked, "do "+step.Name)
	}
	want := "item b/1/i, item b/2/i, item a/1/i, product b, version b/2, version b/1, do b, product a, version a/1, do a"
	if got := strings.Join(asked, ", "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestAfterProductsLeft: of a product that left nothing is held, or what is kept with the fields that it had.
func TestAfterProductsLeft(t *testing.T) {
	have := products(t, "a 1 i", "z 1 i", "z 2 i")
	z, _ := have.Products.Get("z")
	z.Set("arch", streams.String("amd64"))
	p, err := New(products(t, "a 1 i"), have, Options{RemoveProducts: true})
	if err != nil {
		t.Fatal(err)
	}
	if names := p.After().Products.Names(); !slices.Equal(names, []string{"a"}) {
		t.Errorf("products %q are held, want a", names)
	}
	p, err = New(products(t, "a 1 i"), have, Options{Max: number(1), Keep: true, RemoveProducts: true})
	if err != nil {
		t.Fatal(err)
	}
	kept, ok := p.After().Products.Get("z")
	if !ok || kept.Str("arch") != "amd64" || !slices.Equal(kept.Versions.Names(), []string{"2"}) {
		t.Errorf("kept of z: %v", kept)
	}
}
