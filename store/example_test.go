package store_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/streams"
)

// Write a file that is checked on its way, and read it again.
func Example() {
	path, err := os.MkdirTemp("", "mirror")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(path)
	mirror, err := store.OpenDir(path, store.DirOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer mirror.Close()

	ctx := context.Background()
	content := store.Bytes([]byte("hello\n"))
	content.Digest = streams.Digest{Algorithm: "md5", Hex: "b1946ac92492d2347c6235b4d2611184"}
	if err := mirror.Put(ctx, "images/hello.txt", content); err != nil {
		log.Fatal(err)
	}
	r, err := mirror.Open(ctx, "images/hello.txt", 1)
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	rest, err := io.ReadAll(r)
	fmt.Printf("%q %v\n", rest, err)

	content.Digest.Hex = "00000000000000000000000000000000"
	fmt.Println(mirror.Put(ctx, "images/other.txt", content))
	// Output:
	// "ello\n" <nil>
	// images/other.txt: the source sends md5:b1946ac92492d2347c6235b4d2611184, but md5:00000000000000000000000000000000 is listed
}

// Write many small files: they become durable together.
func ExampleSyncer() {
	var mirror store.Store = new(store.Memory)
	ctx := context.Background()
	put, sync := mirror.Put, func(context.Context) error { return nil }
	if s, ok := mirror.(store.Syncer); ok {
		put, sync = s.PutSoon, s.Sync
	}
	for i := range 3 {
		if err := put(ctx, fmt.Sprintf("images/%d", i), store.Bytes([]byte("small"))); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(sync(ctx)) // now, and not before, documents may list them
	// Output: <nil>
}
