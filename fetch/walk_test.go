package fetch_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/seed-43fb3962/sstream/fetch"
	"github.com/seed-43fb3962/sstream/fetch/fetchtest"
	"github.com/seed-43fb3962/sstream/streams"
)

const products = `{"format":"products:1.0","content_id":"c","products":{}}`

// index returns an index of these paths; "path:format" for a format that is not products:1.0.
func index(paths ...string) string {
	var entries []string
	for i, path := range paths {
		path, format, other := strings.Cut(path, "|")
		if !other {
			format = "products:1.0"
		}
		entries = append(entries, fmt.Sprintf(`"e%d":{"path":%q,"format":%q}`, i, path, format))
	}
	return `{"format":"index:1.0","index":{` + strings.Join(entries, ",") + `}}`
}

func walk(m *fetch.Mirror, path string, want fetch.Want) (paths []string, err error) {
	for d, err := range m.Walk(context.Background(), path, want) {
		if err != nil {
			return paths, err
		}
		kind := "other"
		if d.Index != nil {
			kind = "index"
		} else if d.Products != nil {
			kind = "products"
		}
		paths = append(paths, kind+" "+d.Path)
	}
	return paths, nil
}

func TestWalk(t *testing.T) {
	tests := []struct {
		name  string
		files map[string]string
		from  string
		want  []string
		err   string
	}{
		{
			name:  "the order of the index, the index last",
			files: map[string]string{"i.json": index("b.json", "a.json"), "a.json": products, "b.json": products},
			want:  []string{"products b.json", "products a.json", "index i.json"},
		}, {
			name:  "a products file alone",
			files: map[string]string{"a.json": products}, from: "a.json",
			want: []string{"products a.json"},
		}, {
			name: "nested, another format",
			files: map[string]string{"i.json": index("a.json", "j.json|index:1.0", "x.txt|text"), "j.json": index("b.json"),
				"a.json": products, "b.json": products, "x.txt": "anything"},
			want: []string{"products a.json", "products b.json", "index j.json", "other x.txt", "index i.json"},
		}, {
			name:  "listed twice",
			files: map[string]string{"i.json": index("a.json", "a.json"), "a.json": products},
			want:  []string{"products a.json", "index i.json"},
		}, {
			name:  "no path",
			files: map[string]string{"i.json": `{"format":"index:1.0","index":{"e":{"format":"products:1.0"}}}`},
			want:  []string{"index i.json"},
		}, {
			name:  "names itself",
			files: map[string]string{"i.json": index("i.json|index:1.0")},
			err:   "i.json lies inside itself",
		}, {
			name:  "a ring",
			files: map[string]string{"i.json": index("j.json|index:1.0"), "j.json": index("i.json|index:1.0")},
			err:   "i.json lies inside itself",
		}, {
			name:  "climbs out",
			files: map[string]string{"i.json": index("../etc/passwd")},
			err:   "unsafe path",
		}, {
			name:  "an empty path",
			files: map[string]string{"i.json": index("")},
			err:   "unsafe path",
		}, {
			name:  "something is not there",
			files: map[string]string{"i.json": index("a.json", "b.json"), "a.json": products},
			want:  []string{"products a.json"},
			err:   "/b.json: ",
		}, {
			name:  "not of a known format",
			files: map[string]string{"i.json": "{}"},
			err:   `unknown format ""`,
		}, {
			name: "the wrong checksum",
			files: map[string]string{"a.json": products,
				"i.json": `{"format":"index:1.0","index":{"e":{"format":"products:1.0","path":"a.json","md5":"0"}}}`},
			err: "where the index lists 0",
		}, {
			name: "the wrong size",
			files: map[string]string{"a.json": products,
				"i.json": `{"format":"index:1.0","index":{"e":{"format":"products:1.0","path":"a.json","size":7}}}`},
			err: "bytes, where the index lists 7",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := fetchtest.New(t, test.files)
			dir := t.TempDir()
			write(t, dir, test.files)
			if test.from == "" {
				test.from = "i.json"
			}
			for _, root := range []string{s.URL, dir} {
				got, err := walk(open(t, root, quick(nil)), test.from, nil)
				if test.err == "" && err != nil || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
					t.Fatalf("%s: error %v, want %q", root, err, test.err)
				}
				if !slices.Equal(got, test.want) {
					t.Errorf("%s: %q, want %q", root, got, test.want)
				}
			}
			asked := map[string]int{}
			for _, path := range s.Requests() {
				if asked[path]++; asked[path] > 1 && test.err == "" {
					t.Errorf("%s was read %d times", path, asked[path])
				}
			}
		})
	}
}

func TestWalkTooDeep(t *testing.T) {
	files := map[string]string{}
	for i := range 20 {
		files[fmt.Sprintf("%d.json", i)] = index(fmt.Sprintf("%d.json|index:1.0", i+1))
	}
	if _, err := walk(open(t, fetchtest.New(t, files).URL, quick(nil)), "0.json", nil); err == nil || !strings.Contains(err.Error(), "more than 8 indexes") {
		t.Error(err)
	}
}

func TestWalkWant(t *testing.T) {
	s := fetchtest.New(t, map[string]string{"i.json": index("a.json", "b.json"), "b.json": products})
	m := open(t, s.URL, quick(nil))
	got, err := walk(m, "i.json", func(_ *streams.Index, name string, _ *streams.Entry) (bool, error) { return name == "e1", nil })
	if want := []string{"products b.json", "index i.json"}; !slices.Equal(got, want) || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	_, err = walk(m, "i.json", func(*streams.Index, string, *streams.Entry) (bool, error) { return false, fmt.Errorf("a hook failed") })
	if err == nil || err.Error() != "a hook failed" {
		t.Error(err)
	}
	for range m.Walk(context.Background(), "i.json", func(_ *streams.Index, name string, _ *streams.Entry) (bool, error) { return name == "e1", nil }) {
		break // must not go on
	}
}

func TestWalkGoesOnAfterErrors(t *testing.T) {
	files := map[string]string{"i.json": index("bad.json", "../up.json", "a.json", "absent.json"), "bad.json": "{", "a.json": products}
	root := t.TempDir()
	write(t, root, files)
	m, err := fetch.Open(root, fetch.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for d, err := range m.Walk(t.Context(), "i.json", nil) {
		got = append(got, fmt.Sprint(d.Path, " ", err == nil))
	}
	if want := []string{"bad.json false", "../up.json false", "a.json true", "absent.json false", "i.json true"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for d, err := range m.Walk(t.Context(), "none.json", nil) {
		if err == nil || d.Path != "none.json" {
			t.Errorf("%v, %v", d, err)
		}
	}
}
