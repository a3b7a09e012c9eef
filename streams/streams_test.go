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

func TestSyntaxErrors(t *testing.T) {
	for _, text := range []string{"", "{", `{"a"}`, `{"a":1,}`, `{"a":01}`, `{"a":"\x"}`, "{\"a\":\"\n\"}", `{} x`, `[1 2]`, "\ufeff{}", "{\"a\":\"\xff\"}", strings.Repeat("[", 1000)} {
		if _, err := ParseProducts([]byte(text)); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}

func TestFilter(t *testing.T) {
	for _, c := range []struct {
		filter, value string
		want          bool
	}{
		{"a=b", "b", true}, {"a = b", "b", true}, {"a=b ", "b", false}, {"a==b", "=b", true}, {"a=~b", "~b", true}, {"a!=b", "b", false},
		{"a~b|c", "xcx", true}, {"a!~b", "abc", false}, {"with-dash=1", "1", true}, {`a~(.)\1`, "oo", true}, {`a~(?P<x>.)(?P=x)\Z`, "oo", true}, {`a~o\Z`, "o\n", false}, {"a~(?i)ARM", "armhf", true},
	} {
		f, err := ParseFilter(c.filter)
		if err != nil {
			t.Errorf("%q: %v", c.filter, err)
			continue
		}
		if got, err := f.Match(c.value); got != c.want || err != nil {
			t.Errorf("%q on %q: %v, %v", c.filter, c.value, got, err)
		}
	}
	for _, bad := range []string{"streams/v1/index.json", "a", "=b", "a~(", "a.b=c"} {
		if _, err := ParseFilter(bad); err == nil {
			t.Errorf("%q was read", bad)
		}
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
