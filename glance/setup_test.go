package glance_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-43fb3962/sstream/fetch"
	"github.com/seed-43fb3962/sstream/glance"
	"github.com/seed-43fb3962/sstream/openstack"
	"github.com/seed-43fb3962/sstream/openstack/openstacktest"
	"github.com/seed-43fb3962/sstream/publish"
	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/streams"
)

const (
	indexPath  = "streams/v1/index.json"
	sourcePath = "streams/v1/com.ubuntu.cloud:released:download.json"
	jammy      = "server/releases/jammy/release-20240201/ubuntu-22.04-server-cloudimg-amd64-disk1.img"
)

// mirror is a source of images on a web server: testdata/streams/NAME over testdata/source.
type mirror struct {
	*fetch.Mirror

	mu        sync.Mutex
	intercept func(http.ResponseWriter, *http.Request) bool // tells whether it answered
	files     map[string][]byte                             // served instead of those in testdata, by path
	asked     map[string]int
}

func newMirror(t *testing.T, name string) *mirror {
	t.Helper()
	m := &mirror{files: map[string][]byte{}, asked: map[string]int{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := strings.TrimPrefix(r.URL.Path, "/")
		m.mu.Lock()
		m.asked[path]++
		data, ok := m.files[path]
		intercept := m.intercept
		m.mu.Unlock()
		if intercept != nil && intercept(w, r) {
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

// change sets what the server answers; a request given up by a client that failed may still be read meanwhile.
func (m *mirror) change(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
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
	s.cloud, err = openstack.Connect(t.Context(), config, openstack.Options{Timeout: time.Minute,
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
	_, err = service.Do(context.WithoutCancel(s.t.Context()), openstack.Request{Method: "GET", Path: "images?limit=100", Doing: "list", OK: []int{200}, Into: &page})
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
			if _, err := service.Do(context.WithoutCancel(s.t.Context()), openstack.Request{Method: "DELETE", Path: "images/" + id, Doing: "delete", OK: []int{204, 404}}); err != nil {
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
