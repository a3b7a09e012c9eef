package glance_test

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-43fb3962/sstream/glance"
	"github.com/seed-43fb3962/sstream/openstack/openstacktest"
	"github.com/seed-43fb3962/sstream/streams"
)

func TestTwoRuns(t *testing.T)     { twoRuns(t, openstacktest.New(t, "RegionOne").Getenv) }
func TestTwoRunsReal(t *testing.T) { twoRuns(t, openstacktest.RealAlone(t)) }

// Two runs that know nothing of one another upload everything twice. What is published is right all the same, and the
// run after them leaves one image of each item.
func twoRuns(t *testing.T, getenv func(string) string) {
	s := newSetup(t, getenv, "RegionOne")
	s.clear()
	t.Cleanup(s.clear)
	m := newMirror(t, "base")
	var plans []*glance.Plan
	for range 2 {
		one := newSetup(t, getenv, "RegionOne")
		one.stores = s.stores
		p, err := one.decide(m, released)
		if err != nil {
			t.Fatal(err)
		}
		plans = append(plans, p)
	}
	var both sync.WaitGroup
	for _, p := range plans {
		both.Go(func() {
			if err := p.Do(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	s.alive("RegionOne", 3)
	s.must(m, released)
	s.alive("RegionOne", 3)
	if n := len(s.images("RegionOne")); n != 3 {
		t.Errorf("after the next run there are %d images", n)
	}
	s.must(m, released)
	if s.out.Len() > 0 {
		t.Errorf("the last run: %s", s.out.String())
	}
}

// alive fails the test unless that many items are published, and each names an active image.
func (s *setup) alive(region string, items int) {
	s.t.Helper()
	active := map[string]bool{}
	for _, i := range s.images(region) {
		active[i["id"].(string)] = i["status"] == "active"
	}
	for e := range s.products(region).All() {
		items--
		if !active[e.Get("id")] {
			s.t.Errorf("the stream names %s, which is not active, for %s", e.Get("id"), e.Ref)
		}
	}
	if items != 0 {
		s.t.Errorf("the stream has not as many items as it should: %d are missing", items)
	}
}

func TestOverlap(t *testing.T)     { overlap(t, openstacktest.New(t, "RegionOne").Getenv) }
func TestOverlapReal(t *testing.T) { overlap(t, openstacktest.RealAlone(t)) }

// A run that begins while another is uploading does the rest, and leaves to it what it is at.
func overlap(t *testing.T, getenv func(string) string) {
	first := newSetup(t, getenv, "RegionOne")
	first.clear()
	t.Cleanup(first.clear)
	m := newMirror(t, "base")
	release := stall(t, m, jammy)
	ended := make(chan error)
	go func() {
		p, err := first.decide(m, released)
		if err == nil {
			err = p.Do(t.Context())
		}
		ended <- err
	}()
	second := newSetup(t, getenv, "RegionOne")
	second.stores = first.stores
	second.awaitStatus("saving", 1)
	second.must(newMirror(t, "base"), released)
	if strings.Contains(second.out.String(), "jammy") {
		t.Errorf("the second run did what the first is at: %s", second.out.String())
	}
	release()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	first.alive("RegionOne", 3)
	second.must(m, released)
	second.alive("RegionOne", 3)
	if n := len(second.images("RegionOne")); n != 3 {
		t.Errorf("there are %d images", n)
	}
}

// stall makes the first reader of a path wait in the middle of it, until release is called or the test ends.
func stall(t *testing.T, m *mirror, path string) (release func()) {
	gate := make(chan struct{})
	release = sync.OnceFunc(func() { close(gate) })
	t.Cleanup(release)
	var once sync.Once
	m.change(func() {
		m.intercept = func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/"+path {
				once.Do(func() {
					select {
					case <-gate:
					case <-r.Context().Done():
					}
				})
			}
			return false
		}
	})
	return release
}

// awaitStatus asks until that many images are in a state.
func (s *setup) awaitStatus(status string, want int) {
	s.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		n := 0
		for _, i := range s.images(s.regions[0]) {
			if i["status"] == status {
				n++
			}
		}
		if n == want {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%d images are %s, want %d", n, status, want)
		}
	}
}

// A stream that another run has published meanwhile is taken over, not undone.
func TestPublishedMeanwhile(t *testing.T) {
	cloud := openstacktest.New(t, "RegionOne")
	one, two := newSetup(t, cloud.Getenv, "RegionOne"), newSetup(t, cloud.Getenv, "RegionOne")
	two.stores = one.stores
	m := newMirror(t, "base")
	plan, err := one.decide(m, released, "version=22.04", "ftype=disk1.img")
	if err != nil {
		t.Fatal(err)
	}
	two.must(m, released, "version=24.04", "arch=amd64", "ftype=disk1.img")
	if err := plan.Do(t.Context()); err != nil {
		t.Fatal(err)
	}
	names := one.products("RegionOne").Products.Sorted()
	want := []string{"com.ubuntu.cloud:server:22.04:amd64", "com.ubuntu.cloud:server:24.04:amd64"}
	if strings.Join(names, " ") != strings.Join(want, " ") {
		t.Errorf("published: %v, want %v", names, want)
	}
	index, err := streams.ParseIndex(one.document("RegionOne", indexPath))
	if err != nil {
		t.Fatal(err)
	}
	entry, _ := index.Entries.Get("localcloud.RegionOne:partners")
	if got := entry.Get("products").StringList(); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("the index lists %v", got)
	}
}

// What another run has made, published and, as it was there twice, deleted of ours is its own: no error.
func TestTakenOver(t *testing.T) {
	cloud := openstacktest.New(t, "RegionOne")
	first, second := newSetup(t, cloud.Getenv, "RegionOne"), newSetup(t, cloud.Getenv, "RegionOne")
	second.stores = first.stores
	const filter, noble = "version=22.04", "server/releases/noble/release-20240131/ubuntu-24.04-server-cloudimg-amd64-disk1.img"
	late, err := second.decide(newMirror(t, "base"), released, filter, "ftype=disk1.img")
	if err != nil {
		t.Fatal(err)
	}
	m := newMirror(t, "base")
	release := stall(t, m, noble)
	ended := make(chan error)
	go func() {
		o := released
		o.Jobs = 1
		p, err := first.decide(m, o, "version~(22.04|24.04)", "arch=amd64", "ftype=disk1.img")
		if err == nil {
			err = p.Do(t.Context())
		}
		ended <- err
	}()
	first.awaitStatus("saving", 1)
	first.awaitStatus("active", 1)
	mine := first.images("RegionOne")
	if err := late.Do(t.Context()); err != nil {
		t.Error(err)
	}
	second.must(newMirror(t, "base"), released, filter, "ftype=disk1.img")
	for _, i := range second.images("RegionOne") {
		if i["status"] == "active" && slices.ContainsFunc(mine, func(m map[string]any) bool { return m["id"] == i["id"] }) {
			t.Error("the image of the first run is there still")
		}
	}
	release()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	first.alive("RegionOne", 2)
}
