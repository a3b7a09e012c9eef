package streams_test

import (
	"fmt"

	"github.com/seed-43fb3962/sstream/streams"
)

const catalogue = `{"format":"products:1.0","content_id":"com.example:released:download","products":{
  "com.example:server:24.04:amd64":{"arch":"amd64","release":"noble","versions":{
    "20240401":{"items":{"disk.img":{"ftype":"disk.img","path":"noble/20240401/disk.img","size":2048}}},
    "20240301":{"items":{"disk.img":{"ftype":"disk.img","path":"noble/20240301/disk.img","size":1024}}}}}}}`

// Every item of a products file, with the fields of the nodes above it.
func Example() {
	doc, err := streams.Parse("streams/v1/download.json", []byte(catalogue))
	if err != nil {
		fmt.Println(err)
		return
	}
	wanted, err := streams.ParseFilters([]string{"arch=amd64", "version_name~^202404"})
	if err != nil {
		fmt.Println(err)
		return
	}
	for e := range doc.Products.All() {
		if ok, err := wanted.Match(e.Get); ok && err == nil {
			fmt.Println(e.Ref, e.Get("release"), e.Get("size"))
		}
	}
	// Output: com.example:server:24.04:amd64/20240401/disk.img noble 2048
}

func ExampleAppend() {
	doc, err := streams.ParseProducts([]byte(`{"products":{"p":{"versions":{}}},"format":"products:1.0"}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	doc.Set("content_id", streams.String("com.example:café"))
	fmt.Println(string(streams.Append(nil, doc, streams.Style{Indent: 1})))
	// Output:
	// {
	//  "content_id": "com.example:caf\u00e9",
	//  "format": "products:1.0",
	//  "products": {
	//   "p": {
	//    "versions": {}
	//   }
	//  }
	// }
}

func ExampleProducts_Condense() {
	doc, err := streams.ParseProducts([]byte(`{"products":{"p":{"versions":{"1":{"items":{"a":{"os":"x","path":"1"},"b":{"os":"x","path":"2"}}}}}}}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	doc.Condense(streams.Sticky)
	fmt.Println(string(streams.Append(nil, doc, streams.Style{})))
	// Output: {"products":{"p":{"os":"x","versions":{"1":{"items":{"a":{"path":"1"},"b":{"path":"2"}}}}}}}
}

func ExampleSplitURL() {
	root, path := streams.SplitURL("http://example.com/releases/streams/v1/index.json", "")
	fmt.Println(root, path)
	// Output: http://example.com/releases/ streams/v1/index.json
}
