package mirror_test

import (
	"context"
	"fmt"

	"github.com/seed-43fb3962/sstream/fetch"
	"github.com/seed-43fb3962/sstream/mirror"
	"github.com/seed-43fb3962/sstream/plan"
	"github.com/seed-43fb3962/sstream/sign"
	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/streams"
)

// A verified mirror of a part of a stream: what it publishes lists what it holds.
func ExampleRun() {
	keys, err := sign.LoadKeyring("../examples/keys/example.gpg")
	if err != nil {
		fmt.Println(err)
		return
	}
	target := new(store.Memory) // or a directory: store.OpenDir
	src, err := fetch.Open("../examples/foocloud", fetch.Options{
		Policy: &sign.Policy{Keys: keys},
		Cache:  mirror.Published(target),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer src.Close()

	newest := 1
	wanted, err := streams.ParseFilters([]string{"arch=amd64", "ftype=disk1.img"})
	if err != nil {
		fmt.Println(err)
		return
	}
	o := mirror.Options{
		Plan: plan.Options{
			Max:  &newest,
			Item: func(e *streams.Entity) (bool, error) { return wanted.Match(e.Get) },
		},
		Wanted:   "arch=amd64 ftype=disk1.img",
		Metadata: mirror.Trimmed,
	}
	for range 2 { // the second run finds nothing new
		report, err := mirror.Run(context.Background(), src, target, o)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(report.Items, "files new,", report.Bytes, "bytes")
	}
	// Output:
	// 2 files new, 8192 bytes
	// 0 files new, 0 bytes
}

// What a run would do can be looked at, and refused, before it is done.
func ExamplePrepare() {
	ctx := context.Background()
	src, err := fetch.Open("../examples/cirros", fetch.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer src.Close()
	work, err := mirror.Prepare(ctx, src, new(store.Memory), mirror.Options{Path: "streams/v1/index.json"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer work.Close()
	for _, part := range work.Parts {
		files := 0
		for range part.Plan.Added() {
			files++
		}
		fmt.Println(part.ContentID, "gets", files, "files")
	}
	// Output:
	// net.cirros-cloud:devel:download gets 18 files
	// net.cirros-cloud:released:download gets 18 files
}
