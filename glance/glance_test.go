package glance_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-43fb3962/sstream/fetch"
	"github.com/seed-43fb3962/sstream/glance"
	"github.com/seed-43fb3962/sstream/openstack"
	"github.com/seed-43fb3962/sstream/openstack/openstacktest"
	"github.com/seed-43fb3962/sstream/publish"
	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/streams"
)

const (
	indexPath     = "streams/v1/index.json"
	sourcePath    = "streams/v1/com.ubuntu.cloud:released:download.json"
	jammy, trusty = "server/releases/jammy/release-20240201/ubuntu-22.04-server-cloudimg-amd64-disk1.img", "server/releases/trusty/release-20191107/ubuntu-14.04-server-cloudimg-i386-disk1.img"
)

// mirror is a source of images on a web server: testdata/streams/NAME over testdata/source.
type mirror struct {
	*fetch.Mirror
	intercept func(http.ResponseWriter, *http.Request) bool // tells whether it answered

	mu    sync.Mutex
	files map[string][]byte // served instead of those in testdata, by path
	asked map[string]int
}

func newMirror(t *testing.T, name string) *mirror {
	t.Helper()
	m := &mirror{files: map[string][]byte{}, asked: map[string]int{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := strings.TrimPrefix(r.URL.Path, "/")
		m.mu.Lock()
		m.asked[path]++
		data, ok := m.files[path]
		m.mu.Unlock()
		if m.intercept != nil && m.intercept(w, r) {
			return
		}
		file := filepath.Join("testdata/source", path)
		switch path {
		case indexPath:
			file = filepath.Join("testdata/streams", name, "index.json")
		case sourcePath:
			file = filepath.Join("testdata/streams", name, "products.json")
		}
		if ok {
			http.ServeContent(w, r, path, time.Time{}, bytes.NewReader(data))
			return
		}
		http.ServeFile(w, r, file)
	}))
	t.Cleanup(server.Close)
	var err error
	m.Mirror, err = fetch.Open(server.URL+"/", fetch.Options{HTTP: fetch.HTTP{
		Retries: -1, Sleep: func(context.Context, time.Duration) error { return nil }}})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (m *mirror) requests(path string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.asked[path]
}

// setup is a cloud with a store for each region.
type setup struct {
	t       *testing.T
	cloud   *openstack.Cloud
	stores  map[string]store.Store
	regions []string
	id      string // the content id, in which %(region)s stands for the region
	out     bytes.Buffer
}

func newSetup(t *testing.T, getenv func(string) string, regions ...string) *setup {
	t.Helper()
	config, err := openstack.FromEnv(getenv)
	if err != nil {
		t.Fatal(err)
	}
	s := &setup{t: t, stores: map[string]store.Store{}, regions: regions, id: "localcloud.%(region)s:partners"}
	s.cloud, err = openstack.Connect(t.Context(), config, openstack.Options{Timeout: 20 * time.Second,
		Sleep: func(context.Context, time.Duration) error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range regions {
		s.stores[r] = new(store.Memory)
	}
	return s
}

func (s *setup) decide(m *mirror, o glance.Options, filters ...string) (*glance.Plan, error) {
	s.t.Helper()
	if filters == nil {
		filters = glance.DefaultFilters
	}
	var err error
	if o.Item, err = streams.ParseFilters(filters); err != nil {
		s.t.Fatal(err)
	}
	o.CloudName, o.Stdout = "localcloud", &s.out
	var targets []*glance.Target
	for _, r := range s.regions {
		target, err := glance.NewTarget(s.cloud, r, s.id, &publish.Publisher{Store: s.stores[r]})
		if err != nil {
			s.t.Fatal(err)
		}
		targets = append(targets, target)
	}
	return glance.Decide(s.t.Context(), m.Mirror, indexPath, targets, o)
}

func (s *setup) run(m *mirror, o glance.Options, filters ...string) error {
	s.t.Helper()
	s.out.Reset()
	p, err := s.decide(m, o, filters...)
	if err != nil {
		return err
	}
	return p.Do(s.t.Context())
}

func (s *setup) must(m *mirror, o glance.Options, filters ...string) {
	s.t.Helper()
	if err := s.run(m, o, filters...); err != nil {
		s.t.Fatal(err)
	}
}

// images returns a region's images as the service shows them, sorted by name.
func (s *setup) images(region string) []map[string]any {
	s.t.Helper()
	service, err := s.cloud.Image(region)
	if err != nil {
		s.t.Fatal(err)
	}
	var page struct{ Images []map[string]any }
	_, err = service.Do(s.t.Context(), openstack.Request{Method: "GET", Path: "images?limit=100", Doing: "list", OK: []int{200}, Into: &page})
	if err != nil {
		s.t.Fatal(err)
	}
	slices.SortFunc(page.Images, func(a, b map[string]any) int { return strings.Compare(a["name"].(string), b["name"].(string)) })
	return page.Images
}

// clear deletes all images of the regions.
func (s *setup) clear() {
	for _, r := range s.regions {
		service, err := s.cloud.Image(r)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, i := range s.images(r) {
			id := i["id"].(string)
			if _, err := service.Do(s.t.Context(), openstack.Request{Method: "DELETE", Path: "images/" + id, Doing: "delete", OK: []int{204, 404}}); err != nil {
				s.t.Fatal(err)
			}
		}
	}
}

func (s *setup) document(region, path string) []byte {
	s.t.Helper()
	data, err := store.ReadAll(s.t.Context(), s.stores[region], path, 1<<20)
	if err != nil {
		s.t.Fatal(err)
	}
	return data
}

func (s *setup) products(region string) *streams.Products {
	s.t.Helper()
	id := strings.ReplaceAll(s.id, "%(region)s", region)
	p, err := streams.ParseProducts(s.document(region, "streams/v1/"+id+".json"))
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}

func number(n int) *int { return &n }

var released = glance.Options{NamePrefix: "ubuntu/", Max: number(1)}

// TestRecorded compares what lands in the cloud and what is published with what the Python tool made of the same source.
func TestRecorded(t *testing.T) {
	cloud := openstacktest.New(t, "RegionOne", "RegionTwo")
	recorded(t, cloud.Getenv)
}

func TestRecordedReal(t *testing.T) { recorded(t, openstacktest.Real(t)) }

func recorded(t *testing.T, getenv func(string) string) {
	hypervisors := released
	hypervisors.HypervisorMapping = true
	for _, c := range []struct {
		name, region string
		sources      []string // one run after the other
		o            glance.Options
		filters      []string
	}{
		{"01-basic", "RegionOne", []string{"base"}, released, nil},
		{"02-again", "RegionOne", []string{"base", "base"}, released, nil},
		{"03-update-after", "RegionOne", []string{"old", "base"}, released, nil},
		{"06-hypervisor", "RegionOne", []string{"base"}, hypervisors, nil},
		{"15-root-tar-allowed", "RegionTwo", []string{"base"}, hypervisors, []string{"ftype~(disk1.img|root.tar.xz)", "version=24.04"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSetup(t, getenv, c.region)
			s.clear()
			defer s.clear()
			for _, source := range c.sources {
				s.must(newMirror(t, source), c.o, c.filters...)
			}
			if diff := cmp.Diff(recordedImages(t, c.name), comparable(s.images(c.region), c.region)); diff != "" {
				t.Errorf("images (-recorded +ours):\n%s", diff)
			}
			want, err := streams.ParseProducts(read(t, c.name, "products.json"))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(expand(want, "RegionOne"), expand(s.products(c.region), c.region)); diff != "" {
				t.Errorf("stream (-recorded +ours):\n%s", diff)
			}
			compareIndex(t, read(t, c.name, "index.json"), s.document(c.region, indexPath), c.region)
		})
	}
}

func read(t *testing.T, name, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata/recorded", name, file))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// comparable leaves out of images what differs from run to run and from server to server.
func comparable(images []map[string]any, region string) []map[string]string {
	var list []map[string]string
	for _, i := range images {
		kept := map[string]string{}
		for key, v := range i {
			switch text, ok := v.(string); {
			case slices.Contains([]string{"id", "owner", "created_at", "updated_at", "file", "self", "schema", "stores"}, key):
			case key == "content_id":
				kept[key] = strings.Replace(text, region, "REGION", 1)
			case ok:
				kept[key] = text
			case key == "size":
				kept[key] = fmt.Sprint(v)
			}
		}
		list = append(list, kept)
	}
	return list
}

func recordedImages(t *testing.T, name string) []map[string]string {
	t.Helper()
	var images []map[string]any
	if err := json.Unmarshal(read(t, name, "glance-images.json"), &images); err != nil {
		t.Fatal(err)
	}
	return comparable(images, "RegionOne")
}

// expand writes all fields of a stream's items, inherited ones too, without what differs from run to run.
func expand(p *streams.Products, region string) map[string]map[string]string {
	all := map[string]map[string]string{}
	for e := range p.All() {
		fields := map[string]string{}
		for key, value := range e.Flat().All() {
			switch key {
			case "id", "owner_id", "endpoint", "updated":
				if value != "" {
					value = strings.ToUpper(key)
				}
			}
			fields[key] = strings.Replace(value, region, "REGION", 1)
		}
		all[e.Ref.String()] = fields
	}
	return all
}

func compareIndex(t *testing.T, recorded, ours []byte, region string) {
	t.Helper()
	parse := func(data []byte, region string) map[string]any {
		var x struct {
			Format string
			Index  map[string]map[string]any
		}
		data = bytes.ReplaceAll(data, []byte(region), []byte("REGION"))
		if err := json.Unmarshal(data, &x); err != nil {
			t.Fatal(err)
		}
		entry := x.Index["localcloud.REGION:partners"]
		if _, err := time.Parse(time.RFC1123Z, entry["updated"].(string)); err != nil {
			t.Error(err)
		}
		delete(entry, "updated")
		cloud := entry["clouds"].([]any)[0].(map[string]any)
		if cloud["endpoint"] == "" {
			t.Error("the index names no endpoint")
		}
		delete(cloud, "endpoint")
		products := entry["products"].([]any)
		slices.SortFunc(products, func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
		return map[string]any{"format": x.Format, "index": x.Index}
	}
	if diff := cmp.Diff(parse(recorded, "RegionOne"), parse(ours, region)); diff != "" {
		t.Errorf("index (-recorded +ours):\n%s", diff)
	}
}

// A second run makes one request of each region's image service and writes nothing.
func TestAgain(t *testing.T) {
	cloud := openstacktest.New(t, "RegionOne", "RegionTwo")
	s := newSetup(t, cloud.Getenv, "RegionOne", "RegionTwo")
	m := newMirror(t, "base")
	s.must(m, released)
	first := s.document("RegionTwo", indexPath)
	cloud.Forget()
	later := released
	later.Now = func() time.Time { return time.Now().Add(time.Hour) }
	s.must(m, later)
	if got := fmt.Sprint(len(cloud.Requests())) + s.out.String(); got != "2" {
		t.Errorf("requests and output: %q: %v", got, cloud.Requests())
	}
	if !bytes.Equal(first, s.document("RegionTwo", indexPath)) {
		t.Error("the index was written again")
	}
}

// An image takes three requests; a download feeds all regions.
func TestRequests(t *testing.T) {
	cloud := openstacktest.New(t, "RegionOne", "RegionTwo")
	s := newSetup(t, cloud.Getenv, "RegionOne", "RegionTwo")
	m := newMirror(t, "base")
	cloud.Forget()
	s.must(m, released, "version=22.04", "ftype=disk1.img")
	count := map[string]int{}
	for _, r := range cloud.Requests() {
		count[r.Region+" "+r.Method]++
	}
	want := map[string]int{"RegionOne POST": 1, "RegionOne PUT": 1, "RegionOne GET": 2, "RegionTwo POST": 1, "RegionTwo PUT": 1, "RegionTwo GET": 2}
	if diff := cmp.Diff(want, count); diff != "" {
		t.Errorf("requests, a list of images in each region among them:\n%s", diff)
	}
	if got := m.requests(jammy); got != 1 {
		t.Errorf("the source was read %d times for two regions", got)
	}
	for _, r := range s.regions {
		if n := len(s.images(r)); n != 1 {
			t.Errorf("%s has %d images", r, n)
		}
		for e := range s.products(r).All() {
			if e.Get("region") != r {
				t.Errorf("%s is published in region %s", e.Ref, e.Get("region"))
			}
		}
	}
}

// The old image goes only after the stream has stopped to name it.
func TestRemovalAfterPublication(t *testing.T) {
	cloud := openstacktest.New(t, "RegionOne")
	s := newSetup(t, cloud.Getenv, "RegionOne")
	s.must(newMirror(t, "old"), released)
	published := func() string { return string(s.document("RegionOne", "streams/v1/localcloud.RegionOne:partners.json")) }
	deleted := 0
	cloud.Intercept = func(r openstacktest.Request) *openstacktest.Fault {
		if id, ok := strings.CutPrefix(r.Path, "v2/images/"); ok && r.Method == "DELETE" {
			deleted++
			if strings.Contains(published(), id) {
				t.Errorf("image %s is deleted while the stream names it", id)
			}
		}
		return nil
	}
	s.must(newMirror(t, "base"), released)
	if deleted != 2 || strings.Contains(published(), "20240101") || !strings.Contains(published(), "20240201") {
		t.Errorf("%d images were deleted; published:\n%s", deleted, published())
	}
}

// Every name in the stream is an active image, and every active image has the bytes that the source lists.
func (s *setup) sound(cloud *openstacktest.Cloud) {
	s.t.Helper()
	for _, r := range s.regions {
		active := map[string]bool{}
		for _, i := range cloud.Images(r) {
			if i.Fields["status"] != "active" {
				continue
			}
			active[i.Fields["id"].(string)] = true
			var m map[string]string
			if err := json.Unmarshal([]byte(i.Fields["simplestreams_metadata"].(string)), &m); err != nil {
				s.t.Fatal(err)
			}
			if m["md5"] != i.Fields["checksum"] || m["size"] != fmt.Sprint(len(i.Data)) {
				s.t.Errorf("%s: image %v is active with wrong bytes", r, i.Fields["name"])
			}
		}
		if _, err := s.stores[r].Stat(s.t.Context(), indexPath); err != nil {
			continue // nothing published
		}
		for e := range s.products(r).All() {
			if !active[e.Get("id")] {
				s.t.Errorf("%s: the stream names %s, which is not active", r, e.Ref)
			}
		}
	}
}

// Whatever fails once: nothing wrong is active or published meanwhile, other products are done, and the next run converges.
func TestFaults(t *testing.T) {
	put := func(f openstacktest.Fault) func(openstacktest.Request) *openstacktest.Fault {
		return func(r openstacktest.Request) *openstacktest.Fault {
			if r.Method == "PUT" && r.Region == "RegionOne" {
				return &f
			}
			return nil
		}
	}
	post := func(f openstacktest.Fault) func(openstacktest.Request) *openstacktest.Fault {
		return func(r openstacktest.Request) *openstacktest.Fault {
			if r.Method == "POST" && r.Region == "RegionOne" {
				return &f
			}
			return nil
		}
	}
	for _, c := range []struct {
		name  string
		times int // how often the fault happens; the run gets over it if it is 1 and recovers is set
		fault func(openstacktest.Request) *openstacktest.Fault
		err   string // "": the run gets over it
	}{
		{"500 at upload", 1, put(openstacktest.Fault{Status: 500}), ""},
		{"503 in mid-upload", 1, put(openstacktest.Fault{After: 100, Status: 503}), ""},
		{"503 for ever", 99, put(openstacktest.Fault{After: -1, Status: 503}), "503 Service Unavailable"},
		{"quota", 1, put(openstacktest.Fault{Status: 413, Body: "Image storage media is full"}), "413 Request Entity Too Large: Image storage media is full (request req-"},
		{"connection cut", 1, put(openstacktest.Fault{After: 100, Cut: true}), ""},
		{"carried out, then cut", 1, put(openstacktest.Fault{Applied: true, Cut: true}), ""},
		{"401 in mid-upload", 1, put(openstacktest.Fault{After: 500, Status: 401}), ""},
		{"create fails", 1, post(openstacktest.Fault{Status: 503}), ""},
		{"create carried out, then cut", 1, post(openstacktest.Fault{Applied: true, Cut: true}), ""},
		{"create carried out, then 503", 1, post(openstacktest.Fault{Applied: true, Status: 503}), ""},
		{"busy", 1, post(openstacktest.Fault{Status: 429, Header: http.Header{"Retry-After": {"3"}}}), ""},
		{"create refused", 1, post(openstacktest.Fault{Status: 403, Body: "no"}), "public images may need an administrator"},
		{"import gone", 1, put(openstacktest.Fault{Status: 410, Body: "deleted"}), "410 Gone: deleted"},
	} {
		for _, regions := range [][]string{{"RegionOne"}, {"RegionOne", "RegionTwo"}} {
			t.Run(fmt.Sprintf("%s, %d regions", c.name, len(regions)), func(t *testing.T) {
				cloud := openstacktest.New(t, "RegionOne", "RegionTwo")
				s := newSetup(t, cloud.Getenv, regions...)
				m := newMirror(t, "base")
				left := c.times
				var mu sync.Mutex
				cloud.Intercept = func(r openstacktest.Request) *openstacktest.Fault {
					mu.Lock()
					defer mu.Unlock()
					f := c.fault(r)
					if f == nil || left == 0 {
						return nil
					}
					left--
					return f
				}
				s.check(s.run(m, released), c.err)
				s.sound(cloud)
				if c.err != "" && c.times == 1 {
					if n := len(s.products("RegionOne").Products.Names()); n != 2 {
						t.Errorf("%d products are published though one failed of three", n)
					}
				}
				cloud.Intercept = nil
				s.must(m, released)
				s.sound(cloud)
				for _, r := range regions {
					if n := len(cloud.Images(r)); n != 3 {
						t.Errorf("%s has %d images after the next run", r, n)
					}
				}
			})
		}
	}
}

// check demands a PartError with that text, or none.
func (s *setup) check(err error, want string) {
	s.t.Helper()
	var part *glance.PartError
	switch {
	case want == "" && err != nil:
		s.t.Errorf("%v", err)
	case want != "" && (!errors.As(err, &part) || !strings.Contains(err.Error(), want)):
		s.t.Errorf("error %v, want %q", err, want)
	}
}

// Bytes that are not what the source lists never make an active image.
func TestBadSource(t *testing.T) {
	for name, want := range map[string]string{
		"truncated": "", "wrong digest": "", "longer": "", "missing": "404 Not Found", "broken off": "",
	} {
		for _, regions := range [][]string{{"RegionOne"}, {"RegionOne", "RegionTwo"}} {
			t.Run(name, func(t *testing.T) {
				cloud := openstacktest.New(t, "RegionOne", "RegionTwo")
				s := newSetup(t, cloud.Getenv, regions...)
				m := newMirror(t, "base")
				good, err := os.ReadFile("testdata/source/" + jammy)
				if err != nil {
					t.Fatal(err)
				}
				bad := map[string][]byte{"truncated": good[:1000], "wrong digest": append([]byte("X"), good[1:]...), "longer": append(good[:len(good):len(good)], 'X')}[name]
				if bad != nil {
					m.files[jammy] = bad
				} else {
					m.intercept = func(w http.ResponseWriter, r *http.Request) bool {
						if r.URL.Path != "/"+jammy {
							return false
						}
						if name == "missing" {
							http.NotFound(w, r)
							return true
						}
						w.Header().Set("Content-Length", fmt.Sprint(len(good)))
						w.Write(good[:1000])
						panic(http.ErrAbortHandler)
					}
				}
				err = s.run(m, released)
				s.check(err, "cannot upload com.ubuntu.cloud:server:22.04:amd64/20240201/disk1.img: ")
				if !strings.Contains(fmt.Sprint(err), want) {
					t.Errorf("%v", err)
				}
				s.sound(cloud)
				if n := len(cloud.Images("RegionOne")); n != 2 {
					t.Errorf("there are %d images", n)
				}
				m.intercept = nil
				delete(m.files, jammy)
				s.must(m, released)
				if n := len(s.products("RegionOne").Products.Names()); n != 3 {
					t.Errorf("%d products are published after the next run", n)
				}
			})
		}
	}
}

// What the service stores wrongly is deleted, and not published.
func TestServiceCorrupts(t *testing.T) {
	cloud := openstacktest.New(t, "RegionOne")
	s := newSetup(t, cloud.Getenv, "RegionOne")
	cloud.Intercept = func(r openstacktest.Request) *openstacktest.Fault {
		if id, ok := strings.CutPrefix(r.Path, "v2/images/"); ok && r.Method == "GET" {
			cloud.Corrupt("RegionOne", id)
		}
		return nil
	}
	s.check(s.run(newMirror(t, "base"), released), "the service has other bytes in image")
	if n := len(cloud.Images("RegionOne")); n != 0 {
		t.Errorf("%d images are left", n)
	}
}

// An image that somebody deletes while it is uploaded is an error, and the run goes on.
func TestDeletedMeanwhile(t *testing.T) {
	cloud := openstacktest.New(t, "RegionOne")
	s := newSetup(t, cloud.Getenv, "RegionOne")
	once := false
	cloud.Intercept = func(r openstacktest.Request) *openstacktest.Fault {
		if id, ok := strings.CutPrefix(strings.TrimSuffix(r.Path, "/file"), "v2/images/"); ok && r.Method == "PUT" && !once {
			once = true
			return &openstacktest.Fault{After: 10, Do: func() { cloud.Delete("RegionOne", id) }, Status: 410, Body: "gone"}
		}
		return nil
	}
	o := released
	o.Jobs = 1
	s.check(s.run(newMirror(t, "base"), o), "somebody deleted the image in the middle")
	s.sound(cloud)
	if n := len(cloud.Images("RegionOne")); n != 2 {
		t.Errorf("there are %d images", n)
	}
}

// What a killed run left is found by its properties, and removed.
func TestLeftovers(t *testing.T) {
	cloud := openstacktest.New(t, "RegionOne")
	s := newSetup(t, cloud.Getenv, "RegionOne")
	m := newMirror(t, "base")
	hang := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	cloud.Intercept = func(r openstacktest.Request) *openstacktest.Fault {
		switch r.Method {
		case "PUT":
			cancel()
			return &openstacktest.Fault{After: 10, Cut: true}
		case "DELETE":
			return &openstacktest.Fault{Cut: true} // as good as killed
		}
		return nil
	}
	p, err := s.decide(m, released)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Do(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	close(hang)
	if len(cloud.Images("RegionOne")) == 0 {
		t.Fatal("nothing is left over")
	}
	cloud.Intercept = nil
	s.must(m, released)
	s.sound(cloud)
	if n := len(cloud.Images("RegionOne")); n != 3 {
		t.Errorf("there are %d images", n)
	}
}

func TestProperties(t *testing.T) {
	cloud := openstacktest.New(t, "RegionOne")
	s := newSetup(t, cloud.Getenv, "RegionOne")
	o := released
	o.Visibility, o.CustomProperties, o.LatestProperty = "community", map[string]string{"img_config_drive": "mandatory"}, true
	s.must(newMirror(t, "old"), o)
	for _, i := range s.images("RegionOne") {
		if i["visibility"] != "community" || i["img_config_drive"] != "mandatory" || i["latest"] != "true" {
			t.Errorf("%v", i)
		}
	}
	o.Max = nil
	s.must(newMirror(t, "base"), o)
	latest := map[string]any{}
	for _, i := range s.images("RegionOne") {
		latest[i["os_version"].(string)+" "+i["version_name"].(string)] = i["latest"]
	}
	want := map[string]any{"14.04 20191107": "true", "22.04 20240101": nil, "22.04 20240201": "true", "24.04 20240115": nil, "24.04 20240131": "true"}
	if diff := cmp.Diff(want, latest); diff != "" {
		t.Error(diff)
	}
}

func TestImportConversion(t *testing.T) {
	for _, convert := range []bool{true, false} {
		cloud := openstacktest.New(t, "RegionOne")
		cloud.Convert = convert
		s := newSetup(t, cloud.Getenv, "RegionOne")
		o := released
		o.ImportConversion = true
		s.must(newMirror(t, "base"), o)
		cloud.Forget()
		s.must(newMirror(t, "base"), released)
		if n := len(cloud.Requests()); n != 1 {
			t.Errorf("convert %v: the second run made %d requests", convert, n)
		}
		if i := s.images("RegionOne")[0]; convert != (i["disk_format"] == "raw") {
			t.Errorf("convert %v: %v", convert, i["disk_format"])
		}
	}
}

func TestModifyHook(t *testing.T) {
	cloud := openstacktest.New(t, "RegionOne", "RegionTwo")
	s := newSetup(t, cloud.Getenv, "RegionOne", "RegionTwo")
	hook := filepath.Join(t.TempDir(), "hook")
	script := "#!/bin/sh\nprintf ' changed' >> \"$IMAGE_PATH\"\necho \"args: $*\"\necho \"$product_name $version_name $ftype $OTHER\"\necho \"FIELDS=$FIELDS\"\n"
	if err := os.WriteFile(hook, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	o := released
	o.ModifyHook, o.Environ, o.TempDir = []string{hook, "--flag"}, []string{"OTHER=env", "PATH=" + os.Getenv("PATH")}, t.TempDir()
	m := newMirror(t, "base")
	s.must(m, o, "version=22.04", "ftype=disk1.img")
	for _, want := range []string{"args: --flag\n", "com.ubuntu.cloud:server:22.04:amd64 20240201 disk1.img env\n", " IMAGE_PATH\n"} {
		if !strings.Contains(s.out.String(), want) {
			t.Errorf("the hook did not say %q: %s", want, s.out.String())
		}
	}
	s.sound(cloud)
	for e := range s.products("RegionTwo").All() {
		if i := s.images("RegionTwo")[0]; e.Get("md5") != i["checksum"] || e.Get("size") != "1576" || e.Get("sha256") == "ad2149ec872a1483b3dc32dd2e62ba3a886770cd014d107c72f651d8bf421377" {
			t.Errorf("published: %v; image: %v", e.Flat(), i)
		}
	}
	if left, err := os.ReadDir(o.TempDir); len(left) > 0 || err != nil {
		t.Errorf("temporary files are left: %v %v", left, err)
	}
	o.ModifyHook = []string{"false"}
	s.id = "other"
	s.check(s.run(m, o, "version=24.04", "ftype=disk1.img", "arch=amd64"), "modify hook false: exit status 1")
}

// Sources that the old tool could not take: they left orphans, or ended the run.
func TestOddSources(t *testing.T) {
	for _, c := range []struct{ source, err, name string }{
		{"noos", "", "ubuntu/ubuntu-jammy-22.04-amd64-server-20240201-disk1.img"},
		{"nomd5", "", "ubuntu/ubuntu-jammy-22.04-amd64-server-20240201-disk1.img"},
		{"nopubname", "", "ubuntu/com.ubuntu.cloud:server:22.04:amd64-20240201-disk1.img"},
		{"badsize", "cannot upload", ""},
		{"badsum", "cannot upload", ""},
		{"missing", "cannot upload", ""},
	} {
		cloud := openstacktest.New(t, "RegionOne")
		s := newSetup(t, cloud.Getenv, "RegionOne")
		s.check(s.run(newMirror(t, c.source), released), c.err)
		for _, i := range cloud.Images("RegionOne") {
			if i.Fields["status"] != "active" || i.Fields["name"] != c.name {
				t.Errorf("%s: %v", c.source, i.Fields)
			}
		}
		if n := len(cloud.Images("RegionOne")); (n == 0) == (c.err == "") {
			t.Errorf("%s: %d images", c.source, n)
		}
	}
}

// A format that the cloud refuses does not stop the others.
func TestRefusedFormat(t *testing.T) {
	cloud := openstacktest.New(t, "RegionOne")
	s := newSetup(t, cloud.Getenv, "RegionOne")
	s.check(s.run(newMirror(t, "base"), released, "version=24.04", "ftype~(disk1.img|root.tar.xz)"), "root-tar")
	s.sound(cloud)
	if n := len(cloud.Images("RegionOne")); n != 2 {
		t.Errorf("%d images", n)
	}
}

// A region that does not answer does not stop the others.
func TestRegionFails(t *testing.T) {
	cloud := openstacktest.New(t, "RegionOne", "RegionTwo")
	s := newSetup(t, cloud.Getenv, "RegionOne", "RegionTwo")
	cloud.Intercept = func(r openstacktest.Request) *openstacktest.Fault {
		if r.Region == "RegionOne" {
			return &openstacktest.Fault{Status: 500}
		}
		return nil
	}
	s.check(s.run(newMirror(t, "base"), released), "region RegionOne: image in RegionOne: cannot list images: 500")
	if n := len(cloud.Images("RegionTwo")); n != 3 {
		t.Errorf("RegionTwo has %d images", n)
	}
	s.regions = []string{"RegionOne"}
	if err := s.run(newMirror(t, "base"), released); err == nil || errors.As(err, new(*glance.PartError)) {
		t.Errorf("all regions failed: %v", err)
	}
}

// Other entries of an index stay.
func TestSharedIndex(t *testing.T) {
	cloud := openstacktest.New(t, "RegionOne", "RegionTwo")
	s := newSetup(t, cloud.Getenv, "RegionOne", "RegionTwo")
	s.stores["RegionTwo"] = s.stores["RegionOne"]
	s.must(newMirror(t, "base"), released)
	index, err := streams.ParseIndex(s.document("RegionOne", indexPath))
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(index.Entries.Sorted()); got != "[localcloud.RegionOne:partners localcloud.RegionTwo:partners]" {
		t.Error(got)
	}
}

func TestContentID(t *testing.T) {
	cloud := newSetup(t, openstacktest.New(t, "R").Getenv, "R").cloud
	for text, want := range map[string]string{"a.%(region)s:b": "a.R:b", "100%%": "100%", "plain": "plain", "%s": "", "../b": "", "%(other)s": ""} {
		target, err := glance.NewTarget(cloud, "R", text, nil)
		if (err == nil) != (want != "") || err == nil && target.ContentID != want {
			t.Errorf("%q: %v", text, err)
		}
	}
}
