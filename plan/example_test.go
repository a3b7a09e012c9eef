package plan_test

import (
	"fmt"

	"github.com/seed-43fb3962/sstream/plan"
	"github.com/seed-43fb3962/sstream/streams"
)

// What a target that holds one version needs to hold the two newest.
func ExampleNew() {
	source, err := streams.ParseProducts([]byte(`{"content_id": "images", "products": {"alpine:amd64": {"versions": {
		"20261001": {"items": {"root": {"path": "1/root"}}},
		"20261101": {"items": {"root": {"path": "2/root"}}},
		"20261201": {"items": {"root": {"path": "3/root"}}}}}}}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	held, err := streams.ParseProducts([]byte(`{"content_id": "images", "products": {"alpine:amd64": {"versions": {
		"20261001": {"items": {"root": {"path": "1/root"}}}}}}}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	two := 2
	p, err := plan.New(source, held, plan.Options{Max: &two})
	if err != nil {
		fmt.Println(err)
		return
	}
	for e := range p.Added() {
		fmt.Println("+", e.Ref, e.Item.Str("path"))
	}
	for e := range p.Removed() {
		fmt.Println("-", e.Ref, e.Item.Str("path"))
	}
	// Output:
	// + alpine:amd64/20261201/root 3/root
	// + alpine:amd64/20261101/root 2/root
	// - alpine:amd64/20261001/root 1/root
}
