package fetch_test

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-43fb3962/sstream/fetch"
	"github.com/seed-43fb3962/sstream/fetch/fetchtest"
)

// memory is a cache of what a walk yielded.
type memory struct {
	content map[string][]byte
	stamps  map[string]fetch.Stamp
}

func (c memory) Recall(_ context.Context, path string) ([]byte, *fetch.Stamp) {
	content, ok := c.content[path]
	stamp, known := c.stamps[path]
	if !ok || !known {
		return nil, nil
	}
	return content, &stamp
}

// keep walks and returns what there was, and which documents had not changed.
func keep(t testing.TB, m *fetch.Mirror, path string) (memory, map[string]bool) {
	t.Helper()
	c := memory{map[string][]byte{}, map[string]fetch.Stamp{}}
	unchanged := map[string]bool{}
	for d, err := range m.Walk(context.Background(), path, nil) {
		if err != nil {
			t.Fatal(err)
		}
		c.content[d.Path] = d.Raw
		maps.Copy(c.content, d.Companions)
		maps.Copy(c.stamps, d.Stamps)
		unchanged[d.Path] = d.Unchanged
	}
	return c, unchanged
}

// conditional tells what a server was asked for, and whether on condition.
func conditional(s *fetchtest.Server) (texts []string) {
	for _, r := range s.Log() {
		text := r.URL.Path
		if r.Header.Get("If-None-Match") != "" || r.Header.Get("If-Modified-Since") != "" {
			text += " if changed"
		}
		texts = append(texts, text)
	}
	return texts
}

func TestCache(t *testing.T) {
	k := signing(t)
	files := map[string]string{"i.json": index("a.json"), "a.json": products}
	for name, body := range maps.Clone(files) {
		files[name+".gpg"] = k.detach(body)
	}
	all := []string{"/i.json if changed", "/i.json.gpg if changed", "/a.json if changed", "/a.json.gpg if changed"}
	changed := strings.Replace(products, `"c"`, `"d"`, 1)
	tests := []struct {
		name      string
		change    func(s *fetchtest.Server, c memory)
		requests  []string // nil: all, on condition
		unchanged bool     // a.json
		whole     int      // answers with content
	}{
		{"nothing new", func(*fetchtest.Server, memory) {}, nil, true, 0},
		{"a new document", func(s *fetchtest.Server, _ memory) {
			s.Put("a.json", changed)
			s.Put("a.json.gpg", k.detach(changed))
		}, nil, false, 2},
		{"a new signature", func(s *fetchtest.Server, _ memory) { s.Put("a.json.gpg", k.detach(products)+"\n") }, nil, false, 1},
		{"what was kept is damaged", func(_ *fetchtest.Server, c memory) { c.content["a.json"] = []byte("{}") },
			[]string{all[0], all[1], "/a.json", all[3]}, false, 1},
		{"what was kept is gone", func(_ *fetchtest.Server, c memory) { delete(c.content, "a.json") },
			[]string{all[0], all[1], "/a.json", all[3]}, false, 1},
		{"it came from elsewhere", func(_ *fetchtest.Server, c memory) {
			st := c.stamps["a.json"]
			st.URL = "http://example.com/a.json"
			c.stamps["a.json"] = st
		}, []string{all[0], all[1], "/a.json", all[3]}, true, 1},
		{"a server without conditions", func(s *fetchtest.Server, _ memory) { s.Fail("a.json", -1, fetchtest.Whole) }, nil, true, 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := fetchtest.New(t, files)
			o := k.options()
			o.Detached = fetch.DetachedRequired
			first, unchanged := keep(t, open(t, s.URL, o), "i.json")
			if unchanged["a.json"] || unchanged["i.json"] {
				t.Error("unchanged in the first run")
			}
			if got := conditional(s); len(got) != 4 {
				t.Errorf("asked %q at first", got)
			}
			test.change(s, first)
			o.Cache = first
			second, unchanged := keep(t, open(t, s.URL, o), "i.json")
			if test.requests == nil {
				test.requests = all
			}
			if got := conditional(s); !slices.Equal(got, test.requests) {
				t.Errorf("asked %q, want %q", got, test.requests)
			}
			if got := s.Sent(); got != 4+test.whole {
				t.Errorf("%d answers with content in both runs, want %d", got, 4+test.whole)
			}
			if unchanged["a.json"] != test.unchanged || !unchanged["i.json"] {
				t.Errorf("unchanged: %v, want %v", unchanged, test.unchanged)
			}
			o.Cache = second // what came of it is as good for the next run
			if _, unchanged := keep(t, open(t, s.URL, o), "i.json"); !unchanged["a.json"] || !unchanged["i.json"] {
				t.Errorf("the third run: %v", unchanged)
			}
		})
	}
}

func TestCacheOfDirectory(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"i.json": index("a.json"), "a.json": products})
	o := quick(nil)
	o.Cache, _ = keep(t, open(t, dir, o), "i.json")
	write(t, dir, map[string]string{"a.json": products + " "})
	if _, unchanged := keep(t, open(t, dir, o), "i.json"); unchanged["a.json"] || !unchanged["i.json"] {
		t.Error(unchanged)
	}
}

// A document that was changed in the second before it was sent may change again in that second, with the same date.
func TestRacyStamps(t *testing.T) {
	now := time.Now().UTC()
	for age, want := range map[time.Duration]bool{0: false, time.Minute: true} {
		s := fetchtest.New(t, map[string]string{"a.json": products})
		s.Fail("", -1, func(w http.ResponseWriter, r *http.Request, body []byte, _ http.Handler) {
			w.Header().Set("Date", now.Format(http.TimeFormat))
			w.Header().Set("Last-Modified", now.Add(-age).Format(http.TimeFormat))
			w.Header().Set("ETag", `"1"`)
			fetchtest.Whole(w, r, body, nil)
		})
		d, err := open(t, s.URL, quick(nil)).Document(context.Background(), "a.json")
		if err != nil {
			t.Fatal(err)
		}
		if got := d.Stamps["a.json"]; (got.ETag != "") != want || (got.Modified != "") != want {
			t.Errorf("%v: %+v", age, got)
		}
	}
}

func TestStampHoldsNoSecret(t *testing.T) {
	s := fetchtest.New(t, map[string]string{"a.json": products})
	root := strings.Replace(s.URL, "http://", "http://user:secret@", 1)
	d, err := open(t, root, quick(nil)).Document(context.Background(), "a.json")
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(d.Stamps)
	if err != nil || strings.Contains(string(text), "secret") || !strings.Contains(string(text), `"url":"`+s.URL) {
		t.Errorf("%s, %v", text, err)
	}
}

// TestParseLater: a products file that the cache knows comes as it was read, and can be parsed; what is new or may be
// something else comes parsed.
func TestParseLater(t *testing.T) {
	s := fetchtest.New(t, map[string]string{"i.json": index("a.json", "j.json"), "a.json": products, "j.json": index("b.json"), "b.json": products})
	s.Fail("b.json", -1, fetchtest.Whole) // has no date nor name
	o := quick(nil)
	o.ParseLater = true
	unparsed := func() (paths []string) {
		for d, err := range open(t, s.URL, o).Walk(context.Background(), "i.json", nil) {
			if err != nil {
				t.Fatal(err)
			}
			if d.Index != nil || d.Products != nil {
				continue
			}
			paths = append(paths, d.Path)
			if err := d.Parse(); err != nil || d.Products == nil || d.Products.ContentID() == "" || d.Parse() != nil {
				t.Errorf("%s: %v", d.Path, err)
			}
		}
		return paths
	}
	if got := unparsed(); len(got) > 0 {
		t.Errorf("without a cache: %v", got)
	}
	for range 2 {
		o.Cache, _ = keep(t, open(t, s.URL, o), "i.json")
		if got := unparsed(); !slices.Equal(got, []string{"a.json", "b.json"}) {
			t.Errorf("with a cache: %v", got)
		}
	}
	s.Put("a.json", strings.Replace(products, `"c"`, `"d"`, 1))
	if got := unparsed(); !slices.Equal(got, []string{"b.json"}) {
		t.Errorf("with a change: %v", got)
	}
	o.ParseLater = false
	if got := unparsed(); len(got) > 0 {
		t.Errorf("all parsed: %v", got)
	}
}
