package maintain_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/seed-43fb3962/sstream/maintain"
	"github.com/seed-43fb3962/sstream/streams"
)

// A directory of images becomes a stream.
func ExampleBuild() {
	root, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(root)
	dir := filepath.Join(root, "images/ubuntu/noble/amd64/cloud/20240505_1212")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		fmt.Println(err)
		return
	}
	for _, name := range []string{"lxd.tar.xz", "rootfs.squashfs"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o666); err != nil {
			fmt.Println(err)
			return
		}
	}
	report, err := maintain.Build(context.Background(), root, maintain.Options{
		Differ: &maintain.VCDIFF{},
		Publish: func(_ context.Context, docs map[string][]byte) error {
			fmt.Println(slices.Sorted(maps.Keys(docs))) // a publish.Publisher writes them
			return nil
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, image := range maintain.Images(report.Streams[0].Products) {
		fmt.Println(image.Product, image.Version, image.Type, image.Aliases, image.Clients)
	}
	// Output:
	// [streams/v1/images.json streams/v1/index.json]
	// ubuntu:noble:amd64:cloud 20240505_1212 container [ubuntu/noble/cloud] [lxd incus]
}

// What a prune would do is a value, found without looking at a disk or a clock.
func ExampleRetention_Plan() {
	catalogue, err := streams.ParseProducts([]byte(`{"products":{"ubuntu:noble:amd64:cloud":{"versions":{"20240101":{},"20240102":{},"20240103":{}}}}}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	product := &maintain.Product{Distro: "ubuntu", Release: "noble", Arch: "amd64", Variant: "cloud"}
	for _, name := range []string{"20240101", "20240102", "20240103"} {
		product.Versions = append(product.Versions, &maintain.Version{Name: name, Path: "images/ubuntu/noble/amd64/cloud/" + name})
	}
	retention := maintain.Retention{Builds: 1, Pins: []maintain.Pin{{Product: "ubuntu:noble:amd64:cloud", Version: "20240101"}}}
	plan := retention.Plan(maintain.Holdings{
		Tree:      &maintain.Tree{Stream: "images", Products: []*maintain.Product{product}},
		Catalogue: catalogue,
	}, time.Now())
	for _, r := range plan.Delete {
		fmt.Println(r.Path, "-", r.Reason)
	}
	// Output:
	// images/ubuntu/noble/amd64/cloud/20240102 - more than --retain-builds newer versions
}
