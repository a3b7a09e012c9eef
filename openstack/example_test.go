package openstack_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/seed-43fb3962/sstream/openstack"
)

// Sign in as the environment says and list the images of a name in each region.
func Example() {
	ctx := context.Background()
	config, err := openstack.Load("", os.Getenv)
	if err != nil {
		log.Fatal(err)
	}
	cloud, err := openstack.Connect(ctx, config, openstack.Options{})
	if err != nil {
		log.Fatal(err)
	}
	for _, region := range cloud.Regions("image") {
		images, err := cloud.Image(region)
		if err != nil {
			log.Fatal(err)
		}
		var page struct{ Images []struct{ ID, Name string } }
		_, err = images.Do(ctx, openstack.Request{
			Method: "GET", Path: "images?name=noble", Doing: "list images", OK: []int{200}, Into: &page,
		})
		if err != nil {
			log.Fatal(err)
		}
		for _, image := range page.Images {
			fmt.Println(region, image.ID, image.Name)
		}
	}
}
