package lint_test

import (
	"context"
	"fmt"

	"github.com/seed-43fb3962/sstream/lint"
	"github.com/seed-43fb3962/sstream/store"
)

// What LXD does not show of a tree.
func ExampleCheck() {
	ctx := context.Background()
	tree := new(store.Memory)
	for path, text := range map[string]string{
		"streams/v1/index.json": `{"format": "index:1.0", "index": {"images": {"datatype": "image-downloads", "format": "products:1.0",
			"path": "streams/v1/images.json", "products": ["alpine:edge:vax:default"]}}}`,
		"streams/v1/images.json": `{"content_id": "images", "datatype": "image-downloads", "format": "products:1.0", "products": {
			"alpine:edge:vax:default": {"arch": "vax", "os": "Alpine", "release": "edge", "versions": {}}}}`,
	} {
		if err := tree.Put(ctx, path, store.Bytes([]byte(text))); err != nil {
			fmt.Println(err)
			return
		}
	}
	findings, err := lint.Check(ctx, tree, lint.Options{Clients: []lint.Client{lint.LXD}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range findings {
		fmt.Println(f)
	}
	// Output: lxd: hidden: streams/v1/images.json: alpine:edge:vax:default: lxd does not know the architecture "vax"
}
