package publish_test

import (
	"context"
	"fmt"

	"github.com/seed-43fb3962/sstream/publish"
	"github.com/seed-43fb3962/sstream/store"
)

// Publish an index and the document that it lists, with their compressed forms, as one change.
func Example() {
	var target store.Memory // or a directory: store.OpenDir
	p := publish.Publisher{Store: &target, Gzip: true}
	err := p.Publish(context.Background(), []publish.Document{
		{Path: "streams/v1/index.json", Data: []byte(`{"format": "index:1.0", "index": {}}`), Index: true, Companions: true},
		{Path: "streams/v1/images.json", Data: []byte(`{"format": "products:1.0", "products": {}}`), Companions: true},
	}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for path := range target.List(context.Background(), "streams/") {
		fmt.Println(path)
	}
	// Output:
	// streams/v1/images.json
	// streams/v1/images.json.gz
	// streams/v1/index.json
	// streams/v1/index.json.gz
}
