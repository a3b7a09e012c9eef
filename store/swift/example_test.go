package swift_test

import (
	"context"
	"log"
	"os"

	"github.com/seed-43fb3962/sstream/openstack"
	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/store/swift"
)

// Put a document where everybody can read it.
func Example() {
	ctx := context.Background()
	config, err := openstack.FromEnv(os.Getenv)
	if err != nil {
		log.Fatal(err)
	}
	cloud, err := openstack.Connect(ctx, config, openstack.Options{})
	if err != nil {
		log.Fatal(err)
	}
	service, err := cloud.ObjectStore(cloud.Region("object-store"))
	if err != nil {
		log.Fatal(err)
	}
	container, prefix, err := swift.Split("swift://images/mirror/")
	if err != nil {
		log.Fatal(err)
	}
	s := swift.New(service, container, prefix, swift.Options{ReadACL: swift.PublicRead})
	if err := s.Put(ctx, "streams/v1/index.json", store.Bytes([]byte("{}"))); err != nil {
		log.Fatal(err)
	}
}
