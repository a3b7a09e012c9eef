package fetch_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/seed-43fb3962/sstream/fetch"
	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/streams"
)

// All documents of a mirror, each products file before the index that lists it.
func ExampleMirror_Walk() {
	m, err := fetch.Open("../examples/cirros", fetch.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	for doc, err := range m.Walk(context.Background(), "streams/v1/index.json", nil) {
		switch {
		case err != nil:
			log.Fatal(err)
		case doc.Products != nil:
			fmt.Println(doc.Products.ContentID(), "has", doc.Products.Products.Len(), "products")
		case doc.Index != nil:
			fmt.Println("index", doc.Path)
		}
	}
	// Output:
	// net.cirros-cloud:devel:download has 3 products
	// net.cirros-cloud:released:download has 3 products
	// index streams/v1/index.json
}

// An item is a stream that survives what happens on the way; the store checks it while it comes in.
func ExampleMirror_Content() {
	ctx := context.Background()
	m, err := fetch.Open("../examples/cirros", fetch.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	doc, err := m.Document(ctx, "streams/v1/net.cirros-cloud:released:download.json")
	if err != nil {
		log.Fatal(err)
	}
	target := new(store.Memory)
	for e := range doc.Products.All() {
		size, _ := e.Item.Get("size").Int()
		item := m.Content(e.Item.Str("path"), size, streams.DigestOf(e.Get))
		if err := target.Put(ctx, e.Item.Str("path"), item); err != nil {
			log.Fatal(err)
		}
	}
	info, err := target.Stat(ctx, "0.6.2/cirros-0.6.2-x86_64-disk.img")
	fmt.Println(info.Size, err)
	// Output: 8192 <nil>
}

// Many small items of a web server come in a fraction of the time when they are asked for ahead.
func ExampleMirror_Pipeline() {
	ctx := context.Background()
	server := httptest.NewServer(http.FileServer(http.Dir("../examples/cirros")))
	defer server.Close()
	m, err := fetch.Open(server.URL, fetch.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	doc, err := m.Document(ctx, "streams/v1/net.cirros-cloud:released:download.json")
	if err != nil {
		log.Fatal(err)
	}
	var items []fetch.Item
	for e := range doc.Products.All() {
		size, _ := e.Item.Get("size").Int()
		items = append(items, fetch.Item{Path: e.Item.Str("path"), Size: size, Digest: streams.DigestOf(e.Get)})
	}
	target := new(store.Memory)
	pipeline := m.Pipeline(items)
	defer pipeline.Close()
	for i, it := range items {
		if err := target.Put(ctx, it.Path, pipeline.Content(i)); err != nil {
			log.Fatal(err)
		}
	}
	info, err := target.Stat(ctx, "0.6.2/cirros-0.6.2-x86_64-disk.img")
	fmt.Println(info.Size, err)
	// Output: 8192 <nil>
}
