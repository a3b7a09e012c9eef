package glance_test

import (
	"context"
	"errors"
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
	second.await("22.04", "saving")
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

// await asks until the image of a version of the system is in a state.
func (s *setup) await(version, status string) {
	s.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		images := s.images(s.regions[0])
		if slices.ContainsFunc(images, func(i map[string]any) bool { return i["os_version"] == version && i["status"] == status }) {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("no image of %s is %s: %v", version, status, images)
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
	first.await("24.04", "saving") // the other one is active by then
	mine := first.images("RegionOne")
	ofFirst := func(id any) bool {
		return slices.ContainsFunc(mine, func(i map[string]any) bool { return i["id"] == id })
	}
	if err := late.Do(t.Context()); err != nil {
		t.Error(err)
	}
	published := false // by the first run, as it does after some time
	for e := range second.products("RegionOne").All() {
		published = published || ofFirst(e.Get("id"))
	}
	second.must(newMirror(t, "base"), released, filter, "ftype=disk1.img")
	for _, i := range second.images("RegionOne") {
		if i["status"] == "active" && ofFirst(i["id"]) && !published {
			t.Error("the image of the first run is there still")
		}
	}
	release()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	first.alive("RegionOne", 2)
}

// What is deleted while it is uploaded, and there of another run by then, is taken over, whatever the service refuses the upload with.
func TestTakenOverInUpload(t *testing.T) {
	for _, status := range []int{http.StatusBadRequest, http.StatusNotFound, http.StatusConflict, http.StatusGone, http.StatusInternalServerError} {
		cloud := openstacktest.New(t, "RegionOne")
		first, second := newSetup(t, cloud.Getenv, "RegionOne"), newSetup(t, cloud.Getenv, "RegionOne")
		second.stores = first.stores
		var once sync.Once
		cloud.Intercept = func(r openstacktest.Request) (f *openstacktest.Fault) {
			if id, ok := strings.CutPrefix(strings.TrimSuffix(r.Path, "/file"), "v2/images/"); ok && r.Method == "PUT" {
				once.Do(func() {
					f = &openstacktest.Fault{After: -1, Status: status, Body: "no", Do: func() {
						cloud.Delete("RegionOne", id)
						second.must(newMirror(t, "base"), released)
					}}
				})
			}
			return f
		}
		o := released
		o.Jobs = 1
		if err := first.run(newMirror(t, "base"), o); err != nil {
			t.Errorf("%d: %v", status, err)
		}
		first.sound(cloud)
		first.alive("RegionOne", 3)
	}
}

// A mark that is gone already, by another run or by a request whose answer was lost, is as good as removed.
func TestMarkRemovedMeanwhile(t *testing.T) {
	cloud := openstacktest.New(t, "RegionOne")
	s := newSetup(t, cloud.Getenv, "RegionOne")
	o := glance.Options{NamePrefix: "ubuntu/", LatestProperty: true}
	s.must(newMirror(t, "old"), o)
	var mu sync.Mutex
	marked := map[string]bool{}
	cloud.Intercept = func(r openstacktest.Request) *openstacktest.Fault {
		mu.Lock()
		defer mu.Unlock()
		if r.Method != "PATCH" || marked[r.Path] {
			return nil
		}
		marked[r.Path] = true
		return &openstacktest.Fault{Applied: true, Cut: true}
	}
	s.must(newMirror(t, "base"), o)
	if len(marked) == 0 {
		t.Error("nothing was marked")
	}
	latest := 0
	for _, i := range s.images("RegionOne") {
		if i["latest"] == "true" {
			latest++
		}
	}
	if latest != 3 {
		t.Errorf("%d images are marked as the latest", latest)
	}
}

// A region that says nothing of what another run seems to be uploading there does not keep the others waiting for the next run.
func TestAwaitedRegionFails(t *testing.T) {
	cloud := openstacktest.New(t, "RegionOne", "RegionTwo")
	s := newSetup(t, cloud.Getenv, "RegionOne", "RegionTwo")
	m := newMirror(t, "base")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var sending sync.WaitGroup // in both regions
	sending.Add(2)
	cloud.Intercept = func(r openstacktest.Request) *openstacktest.Fault {
		switch r.Method {
		case "PUT":
			return &openstacktest.Fault{After: -1, Cut: true, Do: func() {
				sending.Done()
				sending.Wait()
				cancel()
			}}
		case "DELETE":
			return &openstacktest.Fault{Cut: true} // as good as killed
		}
		return nil
	}
	p, err := s.decide(m, released, "version=22.04", "ftype=disk1.img")
	if err == nil {
		err = p.Do(ctx)
	}
	if !errors.Is(err, context.Canceled) || len(cloud.Images("RegionOne")) != 1 || len(cloud.Images("RegionTwo")) != 1 {
		t.Fatalf("%v: %v, %v", err, cloud.Images("RegionOne"), cloud.Images("RegionTwo"))
	}
	left := "v2/images/" + cloud.Images("RegionOne")[0].Fields["id"].(string)
	cloud.Intercept = func(r openstacktest.Request) *openstacktest.Fault {
		if r.Region == "RegionOne" && r.Path == left {
			return &openstacktest.Fault{Status: 503}
		}
		return nil
	}
	s.check(s.run(m, released, "version=22.04", "ftype=disk1.img"), "region RegionOne: image in RegionOne: cannot read image")
	s.alive("RegionTwo", 1)
	cloud.Intercept = nil
	s.must(m, released, "version=22.04", "ftype=disk1.img")
	s.sound(cloud)
	s.alive("RegionOne", 1)
}
