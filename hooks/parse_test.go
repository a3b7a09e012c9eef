package hooks

import (
	"slices"
	"strings"
	"testing"
)

func TestParseTemplate(t *testing.T) {
	for _, c := range []struct{ command, script string }{
		{"true", "true"},
		{"up %(a)s %(b)s", `up "${1}" "${2}"`},
		{`up "%(a)s" '%(a)s'`, `up "${1}" ''"${2}"''`},
		{`up "a\"%(a)s"`, `up "a\"${1}"`},
		{`up \"%(a)s\"`, `up \""${1}"\"`},
		{`up \%(a)s`, `up \"${1}"`},
		{"# it's\nup %(a)s", "# it's\nup \"${1}\""},
		{"up a#'%(a)s'", `up a#''"${1}"''`},
		{"date +%%s 100%%", "date +%s 100%"},
		{"%(a b-c)s", `"${1}"`},
		{`x="$(f %(a)s "%(a)s")%(a)s"`, `x="$(f "${1}" "${2}")${3}"`},
		{`(f %(a)s; case a in a) f '%(a)s' ;; esac)`, `(f "${1}"; case a in a) f ''"${2}"'' ;; esac)`},
	} {
		got, err := parseTemplate(c.command)
		if err != nil || got.script != c.script {
			t.Errorf("%s: %+v, %v; want %s", c.command, got, err, c.script)
		}
	}
}

func FuzzParseTemplate(f *testing.F) {
	for _, s := range []string{"true", "%(a)s", "'%(a)s'", "\"%(a)s", "%%", "%", "\\", "\\%(a)s", "# '\n%(x)s", "%()s", "%(a)d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, command string) {
		got, err := parseTemplate(command)
		if err != nil {
			return
		}
		const secret = "\x01value\x01"
		args, err := got.args(func(string) (string, bool) { return secret, true }, nil)
		if err != nil || len(args) != len(got.names) || strings.Contains(got.script, secret) && !strings.Contains(command, secret) {
			t.Fatalf("%q: %+v, %q, %v", command, got, args, err)
		}
		if strings.Count(got.script, "${") < len(got.names) {
			t.Fatalf("%q: a place was lost: %q", command, got.script)
		}
	})
}

func TestParseLoaded(t *testing.T) {
	have, err := parseLoaded([]byte("p 1\r\n\n  q\t 2 \np 3\n"), SerialList, "c")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for name, p := range have.Products.All() {
		got = append(got, name+":"+strings.Join(p.Versions.Names(), ","))
	}
	if want := []string{"p:1,3", "q:2"}; !slices.Equal(got, want) || have.ContentID() != "c" {
		t.Errorf("%q of %q", got, have.ContentID())
	}
	for _, text := range []string{"word\n", "p 1\nword"} {
		if _, err := parseLoaded([]byte(text), SerialList, "c"); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
	for _, text := range []string{"", " null\n", "{}"} {
		if have, err := parseLoaded([]byte(text), JSON, "c"); have != nil || err != nil {
			t.Errorf("%q: %v, %v", text, have, err)
		}
	}
	if _, err := parseLoaded([]byte("p 1\n"), JSON, "c"); err == nil {
		t.Error("a list was taken for JSON")
	}
}

func FuzzParseLoaded(f *testing.F) {
	f.Add([]byte("p 1\nq\t2\n"), false)
	f.Add([]byte(`{"content_id":"c","_aliases":{"a":{"b":{"c":"d"}}},"products":{"p":{"a":"b","versions":{"1":{"items":{"i":{}}}}}}}`), true)
	f.Fuzz(func(t *testing.T, output []byte, asJSON bool) {
		format := SerialList
		if asJSON {
			format = JSON
		}
		have, err := parseLoaded(output, format, "c")
		if err != nil || have == nil {
			return
		}
		for e := range have.All() {
			e.Flat()
		}
		for name, p := range have.Products.All() {
			for version := range p.Versions.All() {
				if format == SerialList && (name == "" || version == "") {
					t.Fatalf("an empty name in %q", output)
				}
			}
		}
	})
}

func TestParseConfig(t *testing.T) {
	c, err := ParseConfig([]byte(`
hook: hook-debug
insert_item: "up %(path_local)s"
insert_version: null
foo: [1, 2]
max_items: 3
keep_items: yes
item_skip_download: true
delete_filtered_items: false
delete_products: on
product_load_output_format: json
checksumming_reader: false
unset_value: ""
mirror_url: http://host/
path: streams/v1/index.json
delete_filtered_products: true
`))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Commands) != 2 || c.Commands[Default] != "hook-debug" || c.Commands[InsertItem] != "up %(path_local)s" {
		t.Errorf("commands: %q", c.Commands)
	}
	if *c.Max != 3 || !c.Keep || !c.SkipDownload || c.RemoveUnwanted || !c.RemoveProducts || c.LoadFormat != JSON || !c.Unchecked || *c.Unset != "" {
		t.Errorf("options: %+v", c.Options)
	}
	if c.MirrorURL != "http://host/" || c.Path != "streams/v1/index.json" {
		t.Errorf("source: %q %q", c.MirrorURL, c.Path)
	}
	if want := []string{"foo", "delete_filtered_products"}; !slices.Equal(c.Unknown, want) {
		t.Errorf("unknown: %q", c.Unknown)
	}
	if want := []string{"foo", "delete_products", "product_load_output_format", "checksumming_reader", "unset_value", "delete_filtered_products"}; !slices.Equal(c.Hidden, want) {
		t.Errorf("hidden: %q", c.Hidden)
	}
}

func TestParseConfigErrors(t *testing.T) {
	for text, want := range map[string]string{
		"hook: [echo, hi]":       "line 1: hook takes one value, no list",
		"\nmax_items: \"3\"":     `line 2: max_items: "3" is not a whole number`,
		"max_items: 1.5":         `"1.5" is not a whole number`,
		"keep_items: maybe":      `"maybe" is neither true nor false`,
		"- a":                    "KEY: VALUE is needed",
		"a: b: c":                "yaml",
		"a: &x [*x]\nhook: *x\n": "hook takes one value, no list",
	} {
		if _, err := ParseConfig([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, text := range []string{"", "# nothing\n", "null", "---\n"} {
		if c, err := ParseConfig([]byte(text)); err != nil || len(c.Commands) != 0 {
			t.Errorf("%q: %v, %v", text, c, err)
		}
	}
}

func FuzzParseConfig(f *testing.F) {
	for _, s := range []string{"hook: x\nmax_items: 1\n", "a: &a b\nhook: *a", "[", "? x\n: y", "!!binary x: y", "<<: {hook: x}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if c, err := ParseConfig(text); err == nil && c.Commands == nil {
			t.Fatal("no commands")
		}
	})
}
