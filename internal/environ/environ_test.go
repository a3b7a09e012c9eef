package environ

import (
	"slices"
	"strings"
	"testing"

	"github.com/seed-43fb3962/sstream/streams"
)

func TestOf(t *testing.T) {
	long, longer := strings.Repeat("x", MaxString-len("long=")), strings.Repeat("x", MaxString-len("longer=")+1)
	fields := new(streams.Flat)
	for _, f := range [][2]string{
		{"arch", "amd64"}, {"_2b", "b\n='\""}, {"empty", ""}, {"Name", "n"}, {"long", long},
		{"PATH", "x"}, {"IFS", "x"}, {"BASH_FUNC_ls%%", "() { :; }"}, {"2b", "x"}, {"", "x"}, {"a-b", "x"}, {"ö", "x"}, {"http_proxy", "x"}, {"All_Proxy", "x"},
		{"nul", "a\x00b"}, {"longer", longer},
	} {
		fields.Set(f[0], f[1])
	}
	env, names, left := Of(fields, "OURS")
	want := []string{"arch=amd64", "_2b=b\n='\"", "empty=", "Name=n", "long=" + long, "FIELDS=arch _2b empty Name long OURS"}
	if !slices.Equal(env, want) || names != "arch _2b empty Name long OURS" {
		t.Errorf("%.300q, names %q", env, names)
	}
	var harmless, harm []string
	for _, l := range left {
		if l.Harm {
			harm = append(harm, l.Name)
		} else {
			harmless = append(harmless, l.Name)
		}
	}
	if !slices.Equal(harm, []string{"nul", "longer"}) || len(harmless) != 9 {
		t.Errorf("left out: %q, %q", harm, harmless)
	}
}

// TestOfMany: what the kernel would not take is left out, and FIELDS too has an end.
func TestOfMany(t *testing.T) {
	fields := new(streams.Flat)
	for i := range 30000 {
		fields.Set("field_"+strings.Repeat("a", i%7)+string(rune('a'+i%26))+strings.Repeat("b", i/182), "x")
	}
	env, names, left := Of(fields)
	size := 0
	for _, variable := range env {
		if size += len(variable) + 1; len(variable) > MaxString {
			t.Errorf("a variable has %d bytes", len(variable))
		}
	}
	if len(left) == 0 || size > 2<<20 || len(strings.Fields(names))+1 != len(env) {
		t.Errorf("%d variables of %d bytes, %d left out", len(env), size, len(left))
	}
}
