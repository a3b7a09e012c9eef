package main

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const recordedStreams = "../../glance/testdata/recorded/"

// What the Python tool published is read as its own sstream-query reads it: query.json is what that printed of it with --json.
func TestQueryPublished(t *testing.T) {
	recorded, err := os.ReadDir(recordedStreams)
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range recorded {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			name := "products.json"
			if strings.HasSuffix(r.URL.Path, "/index.json") {
				name = "index.json"
			}
			http.ServeFileFS(w, r, os.DirFS(filepath.Join(recordedStreams, dir.Name())), name)
		}))
		var out, errs bytes.Buffer
		a := &app{stdin: strings.NewReader(""), stdout: &out, stderr: &errs, getenv: func(string) string { return "" }}
		code := a.run(t.Context(), []string{"sstream-query", "--json", server.URL + "/streams/v1/index.json"})
		server.Close()
		want, err := fs.ReadFile(os.DirFS(recordedStreams), dir.Name()+"/query.json")
		if err != nil {
			t.Fatal(err)
		}
		if code != 0 || errs.Len() > 0 || !bytes.Equal(out.Bytes(), want) {
			t.Errorf("%s: exit code %d, %s (-Python +ours):\n%s", dir.Name(), code, errs.String(), cmp.Diff(string(want), out.String()))
		}
	}
}

// queried demands that a query of what was published in a region finds what the Python sstream-query found in what the
// Python tool published of the same source, but for ids, the time and the cloud's address.
func (c *realCloud) queried(region, recorded string) {
	c.t.Helper()
	want, err := os.ReadFile(filepath.Join(recordedStreams, recorded, "query.json"))
	if err != nil {
		c.t.Fatal(err)
	}
	out, _ := c.must("sstream-query", "--json", c.address(region, "streams/v1/index.json"))
	if diff := cmp.Diff(c.elsewhere(want), c.elsewhere([]byte(out))); diff != "" {
		c.t.Errorf("query (-Python +ours):\n%s", diff)
	}
}

// elsewhere parses the items that a query found and leaves out what differs from cloud to cloud.
func (c *realCloud) elsewhere(text []byte) []map[string]string {
	c.t.Helper()
	var items []map[string]string
	if err := json.Unmarshal(text, &items); err != nil {
		c.t.Fatalf("%v: %s", err, text)
	}
	for _, item := range items {
		for _, field := range []string{"id", "owner_id", "endpoint", "updated"} {
			if item[field] == "" {
				c.t.Errorf("%s has no %s", item["product_name"], field)
			}
			delete(item, field)
		}
	}
	return items
}
