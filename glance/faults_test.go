package glance_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/seed-43fb3962/sstream/glance"
	"github.com/seed-43fb3962/sstream/openstack/openstacktest"
)

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
		times int // how often the fault happens
		fault func(openstacktest.Request) *openstacktest.Fault
		err   string // "": the run gets over it
	}{
		{"500 at upload", 1, put(openstacktest.Fault{Status: 500}), ""},
		{"503 in mid-upload", 1, put(openstacktest.Fault{After: 100, Status: 503}), ""},
		{"503 for ever", 99, put(openstacktest.Fault{After: -1, Status: 503}), "503 Service Unavailable"},
		{"quota", 1, put(openstacktest.Fault{Status: 413, Body: "Image storage media is full"}), "413 Request Entity Too Large: Image storage media is full (request req-"},
		{"connection cut", 1, put(openstacktest.Fault{After: 100, Cut: true}), ""},
		{"carried out, then cut", 1, put(openstacktest.Fault{Applied: true, Cut: true}), ""},
		{"conflict", 1, put(openstacktest.Fault{Status: 409}), "409 Conflict"},
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
				m.change(func() {
					m.intercept = nil
					delete(m.files, jammy)
				})
				s.must(m, released)
				if n := len(s.products("RegionOne").Products.Names()); n != 3 {
					t.Errorf("%d products are published after the next run", n)
				}
			})
		}
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

// An old image that another run is deleting at that moment is as good as removed.
func TestRemovedMeanwhile(t *testing.T) {
	cloud := openstacktest.New(t, "RegionOne")
	s := newSetup(t, cloud.Getenv, "RegionOne")
	s.must(newMirror(t, "old"), released)
	deleted := 0
	cloud.Intercept = func(r openstacktest.Request) *openstacktest.Fault {
		id := strings.TrimPrefix(r.Path, "v2/images/")
		if r.Method != "DELETE" {
			return nil
		}
		deleted++
		return &openstacktest.Fault{Do: func() { cloud.BeginDelete("RegionOne", id) }}
	}
	s.must(newMirror(t, "base"), released)
	s.sound(cloud)
	if deleted == 0 {
		t.Error("nothing was deleted")
	}
	s.alive("RegionOne", 3)
	for _, i := range cloud.Images("RegionOne") { // the next run does not see them
		if i.Fields["status"] == "active" {
			cloud.BeginDelete("RegionOne", i.Fields["id"].(string))
		}
	}
	s.must(newMirror(t, "base"), released)
	if n := strings.Count(s.out.String(), "created "); n != 3 {
		t.Errorf("%d images were created anew:\n%s", n, s.out.String())
	}
}

// An image that another run removes before it can be marked as no longer the latest needs no mark.
func TestRemovedBeforeMark(t *testing.T) {
	for _, status := range []int{http.StatusNotFound, http.StatusConflict} { // Glance's answer depends on how far the removal is
		cloud := openstacktest.New(t, "RegionOne")
		s := newSetup(t, cloud.Getenv, "RegionOne")
		o := glance.Options{NamePrefix: "ubuntu/", LatestProperty: true}
		s.must(newMirror(t, "old"), o)
		marked := 0
		cloud.Intercept = func(r openstacktest.Request) *openstacktest.Fault {
			if r.Method != "PATCH" {
				return nil
			}
			marked++
			id := strings.TrimPrefix(r.Path, "v2/images/")
			return &openstacktest.Fault{Do: func() { cloud.Delete("RegionOne", id) }, Status: status, Body: "no"}
		}
		s.must(newMirror(t, "base"), o)
		if marked == 0 {
			t.Error("nothing was marked")
		}
	}
}

// What a killed run left is found by its properties, and removed.
func TestLeftovers(t *testing.T) {
	cloud := openstacktest.New(t, "RegionOne")
	s := newSetup(t, cloud.Getenv, "RegionOne")
	m := newMirror(t, "base")
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
	o := released
	o.Jobs = 1 // no other request is under way when the run ends
	p, err := s.decide(m, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Do(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
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

// A region whose service fails in the middle of a run keeps its stream, whose images stay, and does not stop the others.
func TestRegionFailsInTheMiddle(t *testing.T) {
	for _, images := range []int{0, 1, 2} { // that it takes before it fails
		cloud := openstacktest.New(t, "RegionOne", "RegionTwo")
		s := newSetup(t, cloud.Getenv, "RegionOne", "RegionTwo")
		s.must(newMirror(t, "old"), released)
		old := string(s.document("RegionOne", indexPath))
		left := images
		var mu sync.Mutex
		cloud.Intercept = func(r openstacktest.Request) *openstacktest.Fault {
			mu.Lock()
			defer mu.Unlock()
			switch {
			case r.Region != "RegionOne" || r.Method == "GET" && strings.HasPrefix(r.Path, "v2/images?content_id="):
				return nil
			case left == 0:
				return &openstacktest.Fault{After: -1, Status: 503}
			case r.Method == "PUT":
				left--
			}
			return nil
		}
		o := released
		o.Jobs = 1
		s.check(s.run(newMirror(t, "base"), o), "region RegionOne: cannot upload")
		s.sound(cloud)
		if images == 0 && string(s.document("RegionOne", indexPath)) != old {
			t.Error("what is published has changed where nothing could be done")
		}
		for e := range s.products("RegionTwo").All() {
			if version := e.Ref.Version; version == "20240101" || version == "20240115" {
				t.Errorf("%d images: RegionTwo still names %s", images, e.Ref)
			}
		}
		cloud.Intercept = nil
		s.must(newMirror(t, "base"), released)
		s.sound(cloud)
		for _, r := range s.regions {
			s.alive(r, 3)
			if n := len(s.images(r)); n != 3 {
				t.Errorf("%d images: %s has %d after the next run", images, r, n)
			}
		}
	}
}

// The next attempt after an upload that broke off is with another image: Glance may still be busy with the first.
func TestNewImageAfterCut(t *testing.T) {
	cloud := openstacktest.New(t, "RegionOne")
	s := newSetup(t, cloud.Getenv, "RegionOne")
	var puts []string
	cloud.Intercept = func(r openstacktest.Request) *openstacktest.Fault {
		if r.Method == "PUT" {
			puts = append(puts, r.Path)
			if len(puts) == 1 {
				return &openstacktest.Fault{After: 100, Cut: true}
			}
		}
		return nil
	}
	s.must(newMirror(t, "base"), released, "version=22.04", "ftype=disk1.img")
	s.sound(cloud)
	if len(puts) != 2 || puts[0] == puts[1] || len(cloud.Images("RegionOne")) != 1 {
		t.Errorf("uploads: %v", puts)
	}
}

// An import that fails leaves an image that is neither here nor there; only its tasks tell.
func TestImportFails(t *testing.T) {
	cloud := openstacktest.New(t, "RegionOne")
	cloud.Broken = true
	s := newSetup(t, cloud.Getenv, "RegionOne")
	o := released
	o.ImportConversion = true
	s.check(s.run(newMirror(t, "base"), o), "and left it importing: the import failed: Task failed due to Internal Error")
	if images := s.images("RegionOne"); len(images) != 0 {
		t.Errorf("left: %v", images)
	}
}
