package streams_test

import (
	"path"
	"strings"
	"testing"

	"github.com/seed-43fb3962/sstream/streams"
)

func TestCleanPath(t *testing.T) {
	for given, want := range map[string]string{ // "" is refused
		"a": "a", "a/b.img": "a/b.img", ".data/x": ".data/x", "a..b/c": "a..b/c", "..a": "..a", "a b/ü": "a b/ü", "....": "....",
		"./d/./f.img": "d/f.img", "d//f": "d/f",
		"": "", ".": "", "..": "", "/a": "", "//a": "", "d/": "", "d/.": "", "./": "", "../a": "", "d/..": "", "d/../../a": "", ".../a": "", "a/.../b": "", "a/...": "", "a\x00b": "",
	} {
		got, err := streams.CleanPath(given)
		if got != want || (err != nil) != (want == "") {
			t.Errorf("%q is %q, %v; want %q", given, got, err, want)
		}
		if err := streams.CheckPath(given); (err == nil) != (want == given && want != "") {
			t.Errorf("%q: %v", given, err)
		}
	}
}

func TestCheckContentID(t *testing.T) {
	for id, ok := range map[string]bool{strings.Repeat("x", 240): true, strings.Repeat("x", 241): false, "com.ubuntu.cloud:released:download": true, "a/b": true, "../x": false, "a/../../b": false, "": false, ".": false, "/etc/x": false} {
		if err := streams.CheckContentID(id); (err == nil) != ok {
			t.Errorf("%q: %v", id, err)
		}
	}
}

func FuzzCleanPath(f *testing.F) {
	for _, p := range []string{"a/b", "./a", "a/../b", "a//b", "/", "...", "a\\b", "a/.b/..c"} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, p string) {
		clean, err := streams.CleanPath(p)
		if err != nil {
			return
		}
		if clean != path.Clean(p) || path.Join("/root", p) != "/root/"+clean || strings.HasPrefix(clean, "..") && !strings.HasPrefix(p, "..") && !strings.Contains(p, "/..") {
			t.Errorf("%q became %q", p, clean)
		}
		if err := streams.CheckPath(clean); err != nil {
			t.Errorf("%q became %q: %v", p, clean, err)
		}
	})
}

func TestSplitURL(t *testing.T) {
	for _, c := range []struct{ address, path, root, document string }{
		{"http://h/x/streams/v1/index.json", "", "http://h/x/", "streams/v1/index.json"},
		{"http://h/x/streams/v1/a:b.sjson", "", "http://h/x/", "streams/v1/a:b.sjson"},
		{"streams/v1/index.json", "", "", "streams/v1/index.json"},
		{"a/streams/v1/b/streams/v1/c.json", "", "a/", "streams/v1/b/streams/v1/c.json"},
		{"http://h/x/", "", "http://h/x/", streams.DefaultPath},
		{"http://h/x/streams/v1/index.json", "other.json", "http://h/x/streams/v1/index.json", "other.json"},
		{"src/x.json", "", "src/x.json", streams.DefaultPath},
		{"http://h/streams/v1/index.json?x", "", "http://h/streams/v1/index.json?x", streams.DefaultPath},
	} {
		if root, document := streams.SplitURL(c.address, c.path); root != c.root || document != c.document {
			t.Errorf("%q, %q: %q, %q; want %q, %q", c.address, c.path, root, document, c.root, c.document)
		}
	}
}
