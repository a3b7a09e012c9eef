package streams_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/seed-43fb3962/sstream/internal/pythontest"
	"github.com/seed-43fb3962/sstream/streams"
)

// replaceFloat undoes what Python does to the one float of the text odd.
func replaceFloat(s string) string { return strings.Replace(s, "-500.0", "-0.5e3", 1) }

func value(t *testing.T, text string) streams.Value {
	t.Helper()
	v, err := streams.Raw(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestValue(t *testing.T) {
	for _, c := range []struct {
		text   string
		kind   streams.Kind
		scalar string // as Python prints it; "-" for none
		number int64  // -1 for none
	}{
		{`"a\u00e9\n"`, streams.Text, "aé\n", -1},
		{`"12"`, streams.Text, "12", 12},
		{`"-0"`, streams.Text, "-0", 0},
		{`" 12"`, streams.Text, " 12", -1},
		{`12`, streams.Number, "12", 12},
		{`-0`, streams.Number, "0", 0},
		{`1.5`, streams.Number, "1.5", -1},
		{`12345678901234567890`, streams.Number, "12345678901234567890", -1},
		{`true`, streams.Bool, "True", -1},
		{`false`, streams.Bool, "False", -1},
		{`null`, streams.Null, "-", -1},
		{`[1]`, streams.Array, "-", -1},
		{`{}`, streams.Object, "-", -1},
	} {
		v := value(t, c.text)
		scalar, ok := v.Scalar()
		if !ok {
			scalar = "-"
		}
		number, ok := v.Int()
		if !ok {
			number = -1
		}
		if v.Kind() != c.kind || scalar != c.scalar || number != c.number || v.Raw() != c.text {
			t.Errorf("%s: kind %d, %q, %d", c.text, v.Kind(), scalar, number)
		}
	}
	none := streams.Value{}
	if _, ok := none.Scalar(); ok || none.Kind() != streams.Absent || none.List() != nil || none.Raw() != "" {
		t.Error("no value is something")
	}
}

func TestValueParts(t *testing.T) {
	v := value(t, ` {"a": [1, "x", "y\n", null], "b": {"c": 1, "d": 2, "c": 3}} `)
	fields := v.Fields()
	list := fields.Get("a")
	if got := list.StringList(); !slices.Equal(got, []string{"x", "y\n"}) || len(list.List()) != 4 {
		t.Errorf("list: %q of %d", got, len(list.List()))
	}
	inner := fields.Get("b").Fields()
	if n, ok := inner.Get("c").Int(); n != 3 || !ok || inner.Len() != 2 {
		t.Errorf("c is %d of %d fields", n, inner.Len())
	}
	if f := list.Fields(); f.Len() != 0 {
		t.Error("a list has fields")
	}
	if got := streams.Map(&inner).Raw(); got != `{"c":3,"d":2}` {
		t.Errorf("map: %s", got)
	}
	for text, made := range map[string]streams.Value{
		`"a\"\\\né<\u0001\ufffd"`: streams.String("a\"\\\né<\x01\xff"),
		`-7`:                      streams.Int(-7),
		`["a","b"]`:               streams.Strings([]string{"a", "b"}),
		`[]`:                      streams.Strings(nil),
	} {
		if made.Raw() != text {
			t.Errorf("got %s, want %s", made.Raw(), text)
		}
	}
}

// TestNumbersAsPython compares numbers with what Python prints.
func TestNumbersAsPython(t *testing.T) {
	texts := strings.Fields(`0 -0 7 -7 12345678901234567890123 0.0 -0.0 1.0 1.50 0.1 123456.789 1e3 1E3 1e15 1e16 1e17 1.5e16 123456789012345680.0 1e-4 1e-5 0.0001 0.00001 1.234e-7 1e30 1e+30 1e308 1e309 -1e400 5e-324 1e-400 2.5e-10 100000000000000000000.0 9007199254740993.0`)
	var want []string
	pythontest.Run(t, "y = [str(json.loads(t)) for t in x]", texts, &want)
	for i, text := range texts {
		if got, _ := value(t, text).Scalar(); got != want[i] {
			t.Errorf("%s is %s, Python prints %s", text, got, want[i])
		}
	}
}
