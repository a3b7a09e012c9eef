package hooks_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/seed-43fb3962/sstream/fetch"
	"github.com/seed-43fb3962/sstream/hooks"
)

func ExampleRun() {
	dir, err := os.MkdirTemp("", "example-*")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	os.WriteFile(filepath.Join(dir, "images.json"), []byte(`{"format": "products:1.0", "content_id": "images",
 "products": {"alpine:amd64": {"arch": "amd64", "versions": {"20261101": {"items": {"root": {"ftype": "squashfs"}}}}}}}`), 0o600)

	src, err := fetch.Open(dir, fetch.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer src.Close()
	err = hooks.Run(context.Background(), src, hooks.Options{
		Path: "images.json",
		Commands: map[string]string{
			hooks.LoadProducts: "true", // nothing is there
			hooks.InsertItem:   `echo "$HOOK: a $ftype for $arch:" %(product_name)s`,
		},
		Stdout: os.Stdout,
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output: insert_item: a squashfs for amd64: alpine:amd64
}
