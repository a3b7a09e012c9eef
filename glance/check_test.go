package glance_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-43fb3962/sstream/openstack/openstacktest"
)

// asks tells what a request for images is: a list by ID, or one image.
func asks(r openstacktest.Request) (list, one bool) {
	if r.Method != "GET" {
		return false, false
	}
	return strings.HasPrefix(r.URL.Query().Get("id"), "in:"), strings.HasPrefix(r.Path, "v2/images/")
}

// What the service stores wrongly is deleted, and not published; what it was sent with that is published.
func TestServiceCorrupts(t *testing.T) {
	for _, wrong := range []int{1, 3} {
		for list, fault := range map[string]*openstacktest.Fault{
			"is answered": nil, "is refused": {Status: 400}, "finds nothing": {Status: 200, Body: `{"images": []}`}, "fails": {Status: 503},
		} {
			t.Run(fmt.Sprintf("%d images, a list that %s", wrong, list), func(t *testing.T) {
				cloud := openstacktest.New(t, "RegionOne")
				s := newSetup(t, cloud.Getenv, "RegionOne")
				corrupted := false
				cloud.Intercept = func(r openstacktest.Request) *openstacktest.Fault {
					list, one := asks(r)
					if (list || one) && !corrupted {
						corrupted = true
						for _, i := range cloud.Images("RegionOne")[:wrong] {
							cloud.Corrupt("RegionOne", i.Fields["id"].(string))
						}
					}
					if list {
						return fault
					}
					return nil
				}
				s.check(s.run(newMirror(t, "base"), released), "the service has other bytes in image")
				s.sound(cloud)
				if n := len(cloud.Images("RegionOne")); n != 3-wrong {
					t.Errorf("%d images are left", n)
				}
				if wrong < 3 && len(s.products("RegionOne").Products.Names()) != 3-wrong {
					t.Errorf("published: %v", s.products("RegionOne").Products.Names())
				}
				if n := strings.Count(s.out.String(), "created"); n != 3-wrong {
					t.Errorf("said: %s", s.out.String())
				}
			})
		}
	}
}

// Images that come soon after one another are looked at together, before any of them is published; those that take long one by one.
func TestChecks(t *testing.T) {
	for _, c := range []struct {
		pace        time.Duration // of the clock, which is read a few times for each image
		lists, ones int
	}{{0, 1, 0}, {time.Hour, 0, 3}} {
		cloud := openstacktest.New(t, "RegionOne")
		s := newSetup(t, cloud.Getenv, "RegionOne")
		var mu sync.Mutex
		began := time.Now()
		now := began
		o := released
		o.Jobs = 1
		o.Now = func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			now = now.Add(c.pace)
			return now
		}
		s.must(newMirror(t, "base"), o)
		s.sound(cloud)
		lists, ones := 0, 0
		for _, r := range cloud.Requests() {
			list, one := asks(r)
			if list {
				lists++
			} else if one {
				ones++
			}
		}
		soon := time.Since(began) < 10*time.Second // else some are published before others have come
		if (lists != c.lists || ones != c.ones) && soon {
			t.Errorf("pace %v: %d lists and %d single images were asked for", c.pace, lists, ones)
		}
	}
}

// What was sent whole when a run is interrupted is looked at all the same: kept, and left for the next run to publish, or deleted.
func TestInterrupted(t *testing.T) {
	for _, wrong := range []bool{false, true} {
		cloud := openstacktest.New(t, "RegionOne")
		s := newSetup(t, cloud.Getenv, "RegionOne")
		m := newMirror(t, "base")
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		puts := 0
		cloud.Intercept = func(r openstacktest.Request) *openstacktest.Fault {
			if r.Method != "PUT" {
				return nil
			}
			if puts++; puts < 3 {
				return nil
			}
			if wrong {
				cloud.Corrupt("RegionOne", cloud.Images("RegionOne")[0].Fields["id"].(string))
			}
			return &openstacktest.Fault{After: 10, Do: cancel, Cut: true}
		}
		o := released
		o.Jobs = 1
		p, err := s.decide(m, o)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Do(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		kept := map[bool]int{false: 2, true: 1}[wrong]
		images := cloud.Images("RegionOne")
		if half := func(i openstacktest.Image) bool { return i.Fields["status"] != "active" }; len(images) != kept || slices.ContainsFunc(images, half) {
			t.Errorf("wrong %v: left: %v", wrong, images)
		}
		s.sound(cloud)
		cloud.Intercept = nil
		s.must(m, released)
		s.alive("RegionOne", 3)
		if n := strings.Count(s.out.String(), "created"); n != 3-kept {
			t.Errorf("wrong %v: the next run said: %s", wrong, s.out.String())
		}
	}
}
