package python

import (
	"bytes"
	"errors"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/seed-43fb3962/sstream/internal/pythontest"
	"github.com/seed-43fb3962/sstream/streams"
)

var update = flag.Bool("update", false, "write the golden files anew")

// dict makes a dictionary of keys and values in turn.
func dict(words ...string) *streams.Flat {
	f := &streams.Flat{}
	for i := 0; i+1 < len(words); i += 2 {
		f.Set(words[i], words[i+1])
	}
	return f
}

var pieces = []string{"a", "word", "size", " ", "  ", "\n", "\r\n", "\r", "\t", "'", `"`, `\`, "é", "😀", "\x7f", "\x00", "\u200b", "\u00a0", "\u2028", "\x85", "\u0085", "\x1c", "\x1f", "\v", "e\u0301", "日本語", "longer-than-most-words-are-by-far", "the quick brown fox jumps over the lazy dog"}

func randomText(r *rand.Rand, n int) string {
	var b strings.Builder
	for range r.IntN(n + 1) {
		b.WriteString(pieces[r.IntN(len(pieces))])
	}
	return strings.ToValidUTF8(b.String(), "?")
}

func TestReprAsPython(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var texts []string
	for range 2000 {
		texts = append(texts, randomText(r, 8))
	}
	var want [][2]string
	pythontest.Run(t, "y = [(repr(s), ascii(s)) for s in x]", texts, &want)
	for i, s := range texts {
		if got := string(AppendRepr(nil, s)); got != want[i][0] {
			t.Errorf("%q: repr %s, Python has %s", s, got, want[i][0])
		}
		if got := string(AppendASCII(nil, s)); got != want[i][1] {
			t.Errorf("%q: ascii %s, Python has %s", s, got, want[i][1])
		}
	}
}

// TestPrintableAsPython compares every character that both know: newer tables know more.
func TestPrintableAsPython(t *testing.T) {
	var known []*bool
	pythontest.Run(t, "import unicodedata\ny = [None if unicodedata.category(chr(c)) == 'Cn' else chr(c).isprintable() for c in range(0x110000)]", nil, &known)
	for c, is := range known {
		if r := rune(c); is != nil && utf8.ValidRune(r) && !unicode.Is(unicode.Cn, r) && printable(r) != *is {
			t.Errorf("%U: %v, Python says %v", r, printable(r), *is)
		}
	}
}

func TestPrettyAsPython(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var dicts []*streams.Flat
	var words [][]string
	for range 3000 {
		d := dict()
		var pairs []string
		for range r.IntN(5) {
			key, value := randomText(r, 3), randomText(r, 20)
			d.Set(key, value)
			pairs = append(pairs, key, value)
		}
		dicts, words = append(dicts, d), append(words, pairs)
	}
	var want [][2]string
	pythontest.Run(t, `
import io, pprint
def both(w):
    d = dict(zip(w[::2], w[1::2]))
    f = io.StringIO()
    pprint.pprint(d, stream=f)
    return repr(d), f.getvalue()
y = [both(w or []) for w in x]`, words, &want)
	for i, d := range dicts {
		if got := string(AppendDict(nil, d)); got != want[i][0] {
			t.Errorf("%q\ngot  %s\nwant %s", words[i], got, want[i][0])
		}
		if got := string(AppendPretty(nil, d)); got != want[i][1] {
			t.Errorf("%q\ngot\n%s\nwant\n%s", words[i], got, want[i][1])
		}
	}
}

var formats = []string{
	"", "plain", "%s", "%r", "%a", "%%", "%5%", "%(a)s", "%(é)s %(b)r %(b)a", "%(none)s", "%(a)", "%(none)", "%(a", "%(a(b))s", "%()s", "%", "%(a)5", "%5s", "%s %s", "%s%(a)s", "%(a)s %s", "%(a)s%s%(none)s",
	"%(a)10s|", "%(a)-10s|", "%(a)05s|", "%(a)+5s|% (a)s", "%(a) 5s|%(a)#5s|", "%(a).2s|%(a)10.2s|%(a)-10.1r|%(é).1s|", "%(a).s|", "%(a)d", "%(size)d", "%(size)5.2f", "%(size)x", "%(size)i%(none)s", "%d", "%(one)c|%(one)5c|%(one).0c|", "%(a)c", "%c",
	"%(a)ls %(a)hs %(a)Ls %(a)lls", "%(a)q", "%q", "%(a)*s", "%(a).*s", "%*s", "%.*s", "%(none)*s", "%(a)%", "%(none)%", "%-5%|", "%(a)-05s|%(a)0-5s|", "%.3s", "%-400s|", "%(b)s\n%(a)s\t", "%(a)é", "é%(a)sé", "%(a)--5s|", "%(size)u", "%(size)e", "%(size)g", "%(size)o", "%(a)s%%s", "%%(a)s", "%(a)z", "%(a)F", "%(a).5", "%.", "%(a)l", "%(a)099s",
}

func TestFormatAsPython(t *testing.T) {
	words := []string{"a", "value", "b", "it's é \n", "é", "größer", "size", "77", "one", "ü", "a(b)", "nested", "", "nothing"}
	d := dict(words...)
	all := formats
	r := rand.New(rand.NewPCG(5, 6))
	parts := strings.Split("%,%,%(a),%(size),%(none),%(one),s,s,r,a,d,c,x,5,.2,-,0,#,+, ,*,l,%%,(,),é,q,(a", ",")
	for range 5000 {
		var b strings.Builder
		for range 1 + r.IntN(6) {
			b.WriteString(parts[r.IntN(len(parts))])
		}
		all = append(all, b.String())
	}
	var want [][2]*string
	pythontest.Run(t, `
d = dict(zip(x["words"][::2], x["words"][1::2]))
def apply(f):
    try:
        return f % d, None
    except KeyError as e:
        return None, e.args[0]
    except (TypeError, ValueError):
        return None, None
y = [apply(f) for f in x["formats"]]`, map[string]any{"words": words, "formats": all}, &want)
	for i, text := range all {
		got, err := ParseFormat(text).Append([]byte("kept"), d)
		var missing MissingKeyError
		switch out, key := want[i][0], want[i][1]; {
		case out != nil && (err != nil || string(got) != "kept"+*out):
			t.Errorf("%q: %q, %v; Python prints %q", text, got, err, *out)
		case key != nil && (!errors.As(err, &missing) || string(missing) != *key):
			t.Errorf("%q: %q, %v; Python misses %q", text, got, err, *key)
		case out == nil && key == nil && (err == nil || errors.As(err, &missing)):
			t.Errorf("%q: %q, %v; Python refuses it", text, got, err)
		case err != nil && string(got) != "kept":
			t.Errorf("%q: %q stayed behind an error", text, got)
		}
	}
}

func TestFormatErrors(t *testing.T) {
	for text, want := range map[string]string{
		"%(size)d":          `%d needs a number, and all fields are text: use %(size)s`,
		"%(none)s":          `the item has no field "none"`,
		"%(a)s %s":          `%s is one too many: name a field, as in %(path)s`,
		"%(a":               `the key "%(a" has no end`,
		"%(a)":              `it ends where a conversion should be`,
		"%(a)99999999999s":  `a width of more than 1048576`,
		"%(a)q":             `%q is no conversion: use %(a)s`,
		"%(a)c":             `%c needs one character, and a is "value"`,
		"%(a).99999999999s": `a width of more than 1048576`,
	} {
		if _, err := ParseFormat(text).Append(nil, dict("a", "value", "size", "5")); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func TestGolden(t *testing.T) {
	d := dict("title", "café “quoted” 'single' \"double\" tab\there\nnewline \\ back 😀 \x7f\u200b", "id", "it's", "k", `say "hi"`, "both", `both ' and "`, "empty", "",
		"long", strings.Repeat("the quick brown fox jumps over the lazy dog ", 4))
	got := append(AppendDict(nil, d), '\n')
	got = AppendPretty(got, d)
	name := filepath.Join("testdata", "dict.golden")
	if *update {
		if err := os.WriteFile(name, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func FuzzFormat(f *testing.F) {
	for _, text := range formats {
		f.Add(text, "value", "é")
	}
	f.Fuzz(func(t *testing.T, text, a, b string) {
		d := dict("a", a, "é", b)
		out, err := ParseFormat(text).Append(nil, d)
		if err != nil && out != nil {
			t.Errorf("%q: %q and %v", text, out, err)
		}
		if err == nil && !strings.Contains(text, "%") && string(out) != text {
			t.Errorf("%q became %q", text, out)
		}
	})
}

func FuzzRepr(f *testing.F) {
	for _, p := range pieces {
		f.Add(p, "x")
	}
	f.Fuzz(func(t *testing.T, s, key string) {
		if a := AppendASCII(nil, s); strings.ContainsFunc(string(a), func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("%q: ascii %q", s, a)
		}
		if out := AppendPretty(nil, dict(key, s, "b"+key, s)); !bytes.HasPrefix(out, []byte("{")) || !bytes.HasSuffix(out, []byte("}\n")) {
			t.Errorf("%q: %q", s, out)
		}
	})
}
