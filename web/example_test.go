package web_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/seed-43fb3962/sstream/streams"
	"github.com/seed-43fb3962/sstream/web"
)

// A page of a catalogue, served together with it.
func Example() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)

	products, err := streams.ParseProducts([]byte(`{"format": "products:1.0", "content_id": "images", "products": {
		"debian:trixie:amd64:default": {"os": "Debian", "release": "trixie", "arch": "amd64", "aliases": "debian/trixie", "versions": {}}}}`))
	if err != nil {
		panic(err)
	}
	f, err := os.Create(filepath.Join(dir, "index.html"))
	if err != nil {
		panic(err)
	}
	if err := web.Page(f, []web.Catalogue{{Products: products}}, web.Config{Title: "Our images"}); err != nil {
		panic(err)
	}
	if err := f.Close(); err != nil {
		panic(err)
	}

	root, err := os.OpenRoot(dir)
	if err != nil {
		panic(err)
	}
	defer root.Close()
	server := httptest.NewServer(web.Handler(root))
	defer server.Close()
	r, err := http.Get(server.URL)
	if err != nil {
		panic(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	fmt.Println(r.Status, r.Header.Get("Content-Type"), len(body) > 0, err)
	// Output: 200 OK text/html; charset=utf-8 true <nil>
}
