package streams_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/seed-43fb3962/sstream/internal/pythontest"
	"github.com/seed-43fb3962/sstream/streams"
)

func TestFilter(t *testing.T) {
	for _, c := range []struct {
		filter, value string
		want          bool
	}{
		{"a=b", "b", true},
		{"a = b", "b", true},
		{"a=b ", "b", false},
		{"a==b", "=b", true},
		{"a=~b", "~b", true},
		{"a!=b", "b", false},
		{"a=", "", true},
		{"a!=", "", false},
		{"a~b|c", "xcx", true},
		{"a!~b", "abc", false},
		{"with-dash=1", "1", true},
		{"a|b=1", "1", true},
		{"größe=1", "1", true},
		{`a~(.)\1`, "oo", true},
		{`a~(?P<x>.)(?P=x)\Z`, "oo", true},
		{`a~o\Z`, "o\n", false},
		{"a~o$", "o\n", true},
		{"a~(?i)ARM", "armhf", true},
		{"a~^server(?!-daily)", "server-daily", false},
		{"a~(?<!un)signed", "unsigned", false},
		{"a=first=second", "first=second", true},
	} {
		f, err := streams.ParseFilter(c.filter)
		if err != nil {
			t.Errorf("%q: %v", c.filter, err)
			continue
		}
		for range 2 { // the second answer is remembered
			if got, err := f.Match(c.value); got != c.want || err != nil {
				t.Errorf("%q on %q: %v, %v", c.filter, c.value, got, err)
			}
		}
		if f.String() != c.filter {
			t.Errorf("%q is shown as %q", c.filter, f)
		}
	}
}

func TestBadFilters(t *testing.T) {
	for text, want := range map[string]string{
		"streams/v1/index.json": "it is not key=value",
		"a":                     "it is not key=value",
		"=b":                    "it is not key=value",
		"a.b=c":                 "it is not key=value",
		" a=b":                  "it is not key=value",
		"a=b\nc":                "it is not key=value",
		"a~(":                   `cannot read filter "a~("`,
		"a~*":                   `cannot read filter "a~*"`,
	} {
		_, err := streams.ParseFilter(text)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestFilters(t *testing.T) {
	fs, err := streams.ParseFilters([]string{"arch=amd64", "none=", "release~^n"})
	if err != nil {
		t.Fatal(err)
	}
	for release, want := range map[string]bool{"noble": true, "jammy": false} {
		fields := map[string]string{"arch": "amd64", "release": release}
		if got, err := fs.Match(func(key string) string { return fields[key] }); got != want || err != nil {
			t.Errorf("%s: %v, %v", release, got, err)
		}
	}
	if ok, err := streams.Filters(nil).Match(nil); !ok || err != nil {
		t.Errorf("no filters: %v, %v", ok, err)
	}
	if _, err := streams.ParseFilters([]string{"a=b", "c"}); err == nil {
		t.Error("a bad one of two was read")
	}
}

// TestFilterIsNoTrap shows that an expression that backtracks without end is an error soon.
func TestFilterIsNoTrap(t *testing.T) {
	f, err := streams.ParseFilter("a~(a+)+$")
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if _, err := f.Match(strings.Repeat("a", 40) + "b"); err == nil {
		t.Error("no error")
	}
	if took := time.Since(start); took > time.Minute {
		t.Errorf("it took %v", took)
	}
}

// patterns and values in which Python's re and other engines may differ.
var (
	patterns = []string{
		"amd64", "^amd64$", "a.c", "a{2}", "a{,2}b", "a{2,}", "a{", "a{x}", "x*?", "(a|b)+", "(?:ab)+", "(?i)AMD", "(?s)a.c", "(?m)^b$", "(?x) a b # c",
		`\d+`, `\D`, `\w+$`, `^\w+$`, `\W`, `\s`, `\S+`, `\bfoo\b`, `\Bo`, `^$`, `a$`, `a\Z`, `\Aab`, `\.`, `\-`, `\/`, "[a-c]+$", "[^a]", "[]a]", "[a-]", "[-a]", "[a^]", `[\w-]`, `[\]]`, "[[]",
		`(.)\1`, `(?P<x>.)(?P=x)`, `(?P<x>a)(b)\1`, `(?P<x>a)(b)\2`, `(a)(?P<x>b)\1`, "(?=ab)a", "a(?!b)", "(?<=a)b", "(?<!a)b", "(?#note)a", `\x61`, `\u00e9`, `\141`, `\0`, `\t`, "é", "É", "(?i)É", "(?i)straße", "(?i)k",
		"(a)?(?(1)b|c)$", "(?>a+)b", "a++b", "(?u)é", "a|", "|a", "()", "(?:)", `\\`, `[\d.]+$`, `^(?:[^:]+:){2}`, `server.*:(16|22)`, `[.]img$`, "(disk1|disk)[.]img", "^[0-9]{8}([.][0-9]+)?$",
		`(?P<a>a)(?P<b>b)\2`, `((?P<n>a)b)\2`, "a{1,2}{2}", "a**", "(?P<1>a)", "(?P=x)", `\1`, "(", ")", "[", "a(?i)b", `\q`, "(?P<x>a)(?P<x>b)", "(?z)", "x{2,1}", "[b-a]", `(?a)\w`, `\N`, `\z`, `\G`, `\K`, `\pL`, `[[:alpha:]]`, `\Qa\E`, `[a-z-[b]]`, `[a-z&&[b]]`, `\e`, `\cA`, `(?'x'a)`, `(?<x>a)\k<x>`,
	}
	values = []string{
		"", "a", "b", "ab", "abc", "aab", "aaab", "a\nc", "a\n", "b\na", "amd64", "AMD64", "amd64\n", "foo bar", "foo", "é", "É", "e\u0301", "STRASSE", "s", "k", "K", "\u212a", "_", "-", "]", "[", ".", "/", "\\", "5", "٣", "٣x", "x ", "\u00a0", "\u2028", "\x1c", "\u200b",
		"com.ubuntu.cloud:server:16.04:amd64", "20240101.1", "disk1.img", "diskximg", "a{", "a{x}", "ba", "aa", "abb", "aba", "ac", "aaaa", "{,2}b", "a{,2}b", "q", "::", "\x00", "\t", "😀",
	}
)

// differs lists the expressions that are known to differ from Python's, on one value; those of new Pythons that are refused.
var differs = map[string]string{
	`\w+$`: "e\u0301", `^\w+$`: "e\u0301", `\W`: "e\u0301", `\s`: "\x1c", `\S+`: "\x1c", "a++b": "", `(?a)\w`: "",
}

// TestFilterAsPython compares the verdicts with those of Python's re: where Python reads an expression, so do we, and
// the answers are the same.
func TestFilterAsPython(t *testing.T) {
	var verdicts [][]bool // nil: Python refuses the expression
	pythontest.Run(t, `
import warnings
warnings.simplefilter("ignore")
def verdicts(p):
    try:
        p = re.compile(p)
    except re.error:
        return None
    return [bool(p.search(v)) for v in x["values"]]
y = [verdicts(p) for p in x["patterns"]]`, map[string]any{"patterns": patterns, "values": values}, &verdicts)
	for i, pattern := range patterns {
		f, err := streams.ParseFilter("k~" + pattern)
		if verdicts[i] == nil {
			continue // to be more lenient does no harm
		}
		if err != nil {
			if _, known := differs[pattern]; !known {
				t.Errorf("%q is refused: %v", pattern, err)
			}
			continue
		}
		for j, value := range values {
			if differs[pattern] == value {
				continue
			}
			if got, err := f.Match(value); err != nil || got != verdicts[i][j] {
				t.Errorf("%q on %q: %v, %v; Python says %v", pattern, value, got, err, verdicts[i][j])
			}
		}
	}
}

// TestFilterFormAsPython compares how filters are taken apart, on words made of what matters in them.
func TestFilterFormAsPython(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	pieces := strings.Split("a|b|-|_|=|!|~| |\n|é|٣|e\u0301|.|==|!=|!~|\t|¾|\x00|ª", "|")
	words := []string{"a|b=c", "|=c"}
	for range 5000 {
		var b strings.Builder
		for range random.IntN(7) {
			b.WriteString(pieces[random.IntN(len(pieces))])
		}
		words = append(words, b.String())
	}
	var want [][]string
	pythontest.Run(t, `
form = re.compile(r"([\w|\-]+)[ ]*([!]{0,1}[=~])[ ]*(.*)[ ]*$")
y = [m and m.groups() for m in map(form.match, x)]`, words, &want)
	for i, word := range words {
		f, err := streams.ParseFilter(word)
		switch {
		case err != nil && want[i] != nil:
			t.Errorf("%q is refused: %v; Python has %q", word, err, want[i])
		case err == nil && want[i] == nil:
			t.Errorf("%q is read; Python refuses it", word)
		case err == nil:
			same, _ := f.Match(want[i][2])
			if f.Key != want[i][0] || f.Negate != (want[i][1][0] == '!') || want[i][1] == "=" && !same {
				t.Errorf("%q is read as key %q, negate %v; Python has %q", word, f.Key, f.Negate, want[i])
			}
		}
	}
}

func FuzzParseFilter(f *testing.F) {
	for _, p := range patterns {
		f.Add("a~"+p, "abc")
	}
	f.Add("a != b", "b")
	f.Fuzz(func(t *testing.T, text, value string) {
		filter, err := streams.ParseFilter(text)
		if err != nil {
			return
		}
		again, err := streams.ParseFilter(filter.String())
		if err != nil || again.Key != filter.Key || again.Negate != filter.Negate {
			t.Errorf("%q is read again as %v, %v", text, again, err)
		}
		if !strings.ContainsAny(text, "*+{(") { // whatever may take its time
			_, _ = filter.Match(value)
		}
	})
}
