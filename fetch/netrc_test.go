package fetch

import (
	"maps"
	"strings"
	"testing"
)

func TestNetrc(t *testing.T) {
	tests := []struct {
		text string
		want netrc
	}{
		{"", netrc{}},
		{"machine Host login me password mine", netrc{"host": {"me", "mine"}}},
		{"machine h\nlogin me\n\tpassword\nmine\n", netrc{"h": {"me", "mine"}}},
		{"# machine a login b\nmachine h # of mine\n login me password #1\n", netrc{"h": {"me", "#1"}}},
		{`machine h login "a b" password "q\"\\ x"`, netrc{"h": {"a b", `q"\ x`}}},
		{"machine h login a password b machine h login c password d", netrc{"h": {"a", "b"}}},
		{"machine h account x login a password b\nmacdef init\ncd /x\nmachine no\n\nmachine i login c password d", netrc{"h": {"a", "b"}, "i": {"c", "d"}}},
		{"machine h login a password b default login anonymous password me@x", netrc{"h": {"a", "b"}, "": {"anonymous", "me@x"}}},
		{"login a password b", netrc{}},
		{"machine h unknown login a", netrc{"h": {"a", ""}}},
	}
	for _, test := range tests {
		got, err := parseNetrc(test.text)
		if err != nil || !maps.Equal(got, test.want) {
			t.Errorf("%q: %v, %v, want %v", test.text, got, err, test.want)
		}
	}
	for _, text := range []string{"machine", "machine h login", "machine h login secret password"} {
		if _, err := parseNetrc(text); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", text, err)
		}
	}
	n := netrc{"h": {"a", "b"}, "": {"c", "d"}}
	for host, want := range map[string]string{"H": "a", "other": "c"} {
		if u, ok := n.find(host); !ok || u.login != want {
			t.Errorf("%s: %v, %v", host, u, ok)
		}
	}
}

func TestNetrcPath(t *testing.T) {
	env := map[string]string{"HOME": t.TempDir()}
	getenv := func(name string) string { return env[name] }
	if got := NetrcPath(getenv); got != "" {
		t.Error(got)
	}
	env["NETRC"] = "/x"
	if got := NetrcPath(getenv); got != "/x" {
		t.Error(got)
	}
}

func FuzzNetrc(f *testing.F) {
	f.Add("machine h login \"a\\\" b\" password x\ndefault login y\nmacdef z\n\n# x")
	f.Fuzz(func(t *testing.T, text string) {
		n, err := parseNetrc(text)
		if err == nil && len(n) > strings.Count(text, "machine")+strings.Count(text, "default") {
			t.Errorf("%q: %v", text, n)
		}
	})
}

func FuzzContentRange(f *testing.F) {
	for _, text := range []string{"bytes 0-4/10", "bytes 5-9/*", "bytes */10", "bytes 9-5/10", "bytes 0-10/10", "items 0-1/2", "bytes 0-9223372036854775807/9223372036854775807"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		from, last, size, err := contentRange(text)
		if err == nil && (from < 0 || last < from || size >= 0 && last >= size) {
			t.Errorf("%q: %d-%d/%d", text, from, last, size)
		}
	})
}
