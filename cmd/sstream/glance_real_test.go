package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-43fb3962/sstream/openstack"
	"github.com/seed-43fb3962/sstream/openstack/openstacktest"
	"github.com/seed-43fb3962/sstream/store/swift"
	"github.com/seed-43fb3962/sstream/streams"
)

// realCloud calls the program with a real cloud in its environment.
type realCloud struct {
	*cloudTest
	real  *openstack.Cloud
	index *swift.Store // of RegionOne
}

const published = "published" // the container that the seed's command names

func newRealCloud(t *testing.T) *realCloud {
	getenv := openstacktest.RealAlone(t)
	c := &realCloud{cloudTest: newCloudTest(t)}
	for _, name := range []string{"AUTH_URL", "USERNAME", "PASSWORD", "PROJECT_NAME", "USER_DOMAIN_NAME", "PROJECT_DOMAIN_NAME", "IDENTITY_API_VERSION", "REGION_NAME"} {
		c.env["OS_"+name] = getenv("OS_" + name)
	}
	a := &app{getenv: getenv}
	var err error
	if c.real, err = a.connect(t.Context(), "", nil); err != nil {
		t.Fatal(err)
	}
	service, err := c.real.ObjectStore("RegionOne")
	if err != nil {
		t.Fatal(err)
	}
	c.index = swift.New(service, published, "", swift.Options{})
	c.clear()
	t.Cleanup(c.clear)
	return c
}

// do makes a request of a service, and fails the test unless the answer is one of ok.
func (c *realCloud) do(s *openstack.Service, method, path string, into any, ok ...int) {
	c.t.Helper()
	r := openstack.Request{Method: method, Path: path, Doing: method + " " + path, OK: ok, Into: into}
	if _, err := s.Do(context.WithoutCancel(c.t.Context()), r); err != nil {
		c.t.Fatal(err)
	}
}

// clear empties the image services and the container.
func (c *realCloud) clear() {
	for _, region := range []string{"RegionOne", "RegionTwo"} {
		service, err := c.real.Image(region)
		if err != nil {
			c.t.Fatal(err)
		}
		for _, i := range c.images(region) {
			c.do(service, "DELETE", "images/"+i["id"].(string), nil, 204, 404)
		}
		objects, err := c.real.ObjectStore(region)
		if err != nil {
			c.t.Fatal(err)
		}
		ctx := context.WithoutCancel(c.t.Context())
		s := swift.New(objects, published, "", swift.Options{})
		for path, err := range s.List(ctx, "") {
			if err == nil {
				err = s.Delete(ctx, path)
			}
			if err != nil {
				c.t.Fatal(err)
			}
		}
	}
}

func (c *realCloud) images(region string) []map[string]any {
	c.t.Helper()
	service, err := c.real.Image(region)
	if err != nil {
		c.t.Fatal(err)
	}
	var page struct{ Images []map[string]any }
	c.do(service, "GET", "images?limit=100", &page, 200)
	return page.Images
}

// address is where anybody reads what is published.
func (c *realCloud) address(region, path string) string {
	c.t.Helper()
	service, err := c.real.ObjectStore(region)
	if err != nil {
		c.t.Fatal(err)
	}
	return service.URL(published + "/" + path)
}

func (c *realCloud) get(address string) []byte {
	c.t.Helper()
	resp, err := http.Get(address)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		c.t.Fatalf("%s: %s %v", address, resp.Status, err)
	}
	return body
}

// TestRealSeed is the command of the project's first description, on a real cloud: then again, then with another region.
func TestRealSeed(t *testing.T) {
	c := newRealCloud(t)
	out, errs := c.must(with("sstream-mirror-glance", seedOptions, "$URL/", "streams/v1/index.json")...)
	if strings.Count(out, "created ") != 3 || errs != "" {
		t.Errorf("the first run: %s%s", out, errs)
	}
	c.juju("RegionOne", "com.ubuntu.cloud:server:22.04:amd64", "com.ubuntu.cloud:server:24.04:amd64", "com.ubuntu.cloud:server:14.04:i386")
	c.queried("RegionOne", "01-basic")
	ids, _ := c.must("sstream", "query", "--output-format=%(id)s %(region)s", c.address("RegionOne", "streams/v1/index.json"))
	for _, i := range c.images("RegionOne") {
		if !strings.Contains(ids, i["id"].(string)+" RegionOne\n") {
			t.Errorf("sstream query does not find %v: %s", i["name"], ids)
		}
	}
	first := c.get(c.address("RegionOne", "streams/v1/index.json"))
	if out, errs := c.must(with("sstream-mirror-glance", seedOptions, "$URL/", "streams/v1/index.json")...); out+errs != "" {
		t.Errorf("the second run: %s%s", out, errs)
	}
	if !bytes.Equal(first, c.get(c.address("RegionOne", "streams/v1/index.json"))) {
		t.Error("the second run wrote the index again")
	}
	if n := len(c.images("RegionTwo")); n != 0 {
		t.Errorf("%d images are in a region that was not named", n)
	}
	both := slices.DeleteFunc(slices.Clone(seedOptions), func(o string) bool { return strings.HasPrefix(o, "--region") })
	if out, errs := c.must(with("sstream-mirror-glance", both, "$URL/streams/v1/index.json")...); strings.Count(out, "created ") != 3 {
		t.Errorf("all regions: %s%s", out, errs)
	}
	c.juju("RegionTwo", "com.ubuntu.cloud:server:22.04:amd64")
	if n := len(c.images("RegionTwo")); n != 3 {
		t.Errorf("RegionTwo has %d images", n)
	}
}

// juju reads the stream by Juju's rules: the index entry must be of the right kind, lead to this region and list the
// product; the newest version must have an item whose id is an active image.
func (c *realCloud) juju(region string, products ...string) {
	c.t.Helper()
	active := map[string]bool{}
	for _, i := range c.images(region) {
		active[i["id"].(string)] = i["status"] == "active" && i["visibility"] == "public"
	}
	index, err := streams.Parse("index.json", c.get(c.address(region, "streams/v1/index.json")))
	if err != nil || index.Index == nil {
		c.t.Fatalf("no index: %v", err)
	}
	for _, product := range products {
		found := false
		for _, e := range index.Index.Entries.All() {
			var clouds []struct{ Region, Endpoint string }
			if err := json.Unmarshal([]byte(e.Get("clouds").Raw()), &clouds); err != nil {
				c.t.Fatal(err)
			}
			if e.Str("datatype") != "image-ids" || e.Str("format") != "products:1.0" || clouds[0].Region != region ||
				clouds[0].Endpoint != c.env["OS_AUTH_URL"] || !slices.Contains(e.Get("products").StringList(), product) {
				continue
			}
			found = c.jujuFinds(e, region, product, active)
		}
		if !found {
			c.t.Errorf("Juju finds no image of %s in %s", product, region)
		}
	}
}

func (c *realCloud) jujuFinds(e *streams.Entry, region, product string, active map[string]bool) bool {
	d, err := streams.Parse(e.Str("path"), c.get(c.address(region, e.Str("path"))))
	if err != nil || d.Products == nil {
		c.t.Fatalf("no products: %v", err)
	}
	p, ok := d.Products.Products.Get(product)
	if !ok {
		return false
	}
	names := p.Versions.Sorted()
	v, _ := p.Versions.Get(names[len(names)-1])
	for _, it := range v.Items.All() {
		if it.Str("region") == region && it.Str("endpoint") == c.env["OS_AUTH_URL"] && active[it.Str("id")] {
			return true
		}
	}
	return false
}

// bigSource serves one image of many bytes, and tells when half of it was sent; then it waits until it is released.
type bigSource struct {
	*httptest.Server
	half, release chan struct{}
}

func newBigSource(t *testing.T, size int) *bigSource {
	return sourceOf(t, bytes.Repeat([]byte("0123456789abcdef"), size/16))
}

// sourceOf serves one image of those bytes.
func sourceOf(t *testing.T, data []byte) *bigSource {
	s := &bigSource{half: make(chan struct{}), release: make(chan struct{})}
	size, path := len(data), "disk1.img"
	doc := fmt.Sprintf(`{"content_id": "big", "format": "products:1.0", "datatype": "image-downloads", "products": {"p": {"arch": "amd64",
		"versions": {"1": {"items": {"disk1.img": {"ftype": "disk1.img", "path": %q, "size": %d, "sha256": "%x"}}}}}}}`, path, size, sha256.Sum256(data))
	var first sync.Once
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/"+path {
			io.WriteString(w, doc)
			return
		}
		w.Header().Set("Content-Length", fmt.Sprint(size))
		w.Write(data[:size/2])
		first.Do(func() {
			close(s.half)
			select {
			case <-s.release:
			case <-r.Context().Done():
			}
		})
		w.Write(data[size/2:])
	}))
	t.Cleanup(s.Close)
	return s
}

// process is the program as a process of its own, under the name that is args[0].
func (c *realCloud) process(args []string) *exec.Cmd {
	c.t.Helper()
	program, err := os.Executable()
	if err != nil {
		c.t.Fatal(err)
	}
	cmd := exec.CommandContext(c.t.Context(), program)
	cmd.Args = slices.Clone(args)
	for key, value := range c.env {
		cmd.Env = append(cmd.Env, key+"="+value)
	}
	return cmd
}

// TestRealKill kills the program in the middle of an upload. The next run removes what is left and does the work.
func TestRealKill(t *testing.T) {
	c := newRealCloud(t)
	source := newBigSource(t, 32<<20)
	args := []string{"sstream-mirror-glance", "--region=RegionOne", "--cloud-name=c", "--content-id=kill", "--output-swift=published/",
		"--path=streams/v1/big.json", source.URL + "/"}
	cmd := c.process(args)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-source.half:
	case <-time.After(time.Minute):
		t.Fatalf("the program does not read the source: %s", out.String())
	}
	for len(c.images("RegionOne")) == 0 { // it is created before the source is read
		t.Fatal("there is no image yet")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	close(source.release)
	left := c.images("RegionOne")
	if len(left) != 1 || left[0]["status"] == "active" {
		t.Fatalf("after the kill: %v", left)
	}
	c.must(args...)
	images := c.images("RegionOne")
	if len(images) != 1 || images[0]["status"] != "active" || fmt.Sprint(images[0]["size"]) != fmt.Sprint(32<<20) {
		t.Errorf("after the next run: %v", images)
	}
	if out, errs := c.must(args...); out != "" {
		t.Errorf("the third run: %s%s", out, errs)
	}
}

// TestRealMember shows what a user without rights for public images sees, and can do.
func TestRealMember(t *testing.T) {
	c := newRealCloud(t)
	getenv := openstacktest.Openrc(t, os.Getenv("OPENSTACK_OPENRC")+"-demo")
	for key := range c.env {
		c.env[key] = getenv(key)
	}
	_, errs, code := c.run(with("sstream glance", seedOptions, "--output-swift=", "$URL/streams/v1/index.json")...)
	if code != exitPart || !strings.Contains(errs, "image in RegionOne: cannot create image ubuntu/") || !strings.Contains(errs, "403 Forbidden: You are not authorized to complete publicize_image action. (request req-") {
		t.Errorf("exit code %d\n%s", code, errs)
	}
	out, errs, code := c.run(with("sstream glance --visibility=private", seedOptions, "--output-swift=", "$URL/streams/v1/index.json", "version=22.04", "ftype=disk1.img")...)
	if code != 0 || strings.Count(out, "created ") != 1 {
		t.Errorf("exit code %d\n%s%s", code, out, errs)
	}
	id := strings.TrimPrefix(strings.SplitN(out, ":", 2)[0], "created ")
	service, err := c.real.Image("RegionOne")
	if err != nil {
		t.Fatal(err)
	}
	c.do(service, "DELETE", "images/"+id, nil, 204)
}
