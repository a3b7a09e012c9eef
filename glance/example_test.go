package glance_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/seed-43fb3962/sstream/fetch"
	"github.com/seed-43fb3962/sstream/glance"
	"github.com/seed-43fb3962/sstream/openstack"
	"github.com/seed-43fb3962/sstream/publish"
	"github.com/seed-43fb3962/sstream/store/swift"
	"github.com/seed-43fb3962/sstream/streams"
)

// Mirror the newest release of each image into all regions of the cloud that the environment names, and publish them
// for Juju.
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
	var targets []*glance.Target
	for _, region := range cloud.Regions("image") {
		objects, err := cloud.ObjectStore(region)
		if err != nil {
			log.Fatal(err)
		}
		published := swift.New(objects, "simplestreams", "data/", swift.Options{ReadACL: swift.PublicRead})
		target, err := glance.NewTarget(cloud, region, "mycloud.%(region)s:released", &publish.Publisher{Store: published})
		if err != nil {
			log.Fatal(err)
		}
		targets = append(targets, target)
	}
	source, err := fetch.Open("https://cloud-images.ubuntu.com/releases/", fetch.Options{})
	if err != nil {
		log.Fatal(err)
	}
	filters, err := streams.ParseFilters(glance.DefaultFilters)
	if err != nil {
		log.Fatal(err)
	}
	newest := 1
	plan, err := glance.Decide(ctx, source, "streams/v1/index.sjson", targets, glance.Options{CloudName: "mycloud", Max: &newest, Item: filters})
	if err != nil {
		log.Fatal(err)
	}
	for _, change := range plan.Changes() {
		fmt.Println(change.Change, change.Region, change.Name)
	}
	if err := plan.Do(ctx); err != nil {
		log.Fatal(err)
	}
}
