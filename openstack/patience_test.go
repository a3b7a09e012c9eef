package openstack_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/seed-43fb3962/sstream/openstack"
	"github.com/seed-43fb3962/sstream/openstack/openstacktest"
)

// A server that hangs is given up, whether it takes nothing or says nothing.
func TestHangs(t *testing.T) {
	for name, after := range map[string]int64{"says nothing": -1, "takes nothing": 1000} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud := openstacktest.New(t, "RegionOne")
			config, err := openstack.FromEnv(cloud.Getenv)
			if err != nil {
				t.Fatal(err)
			}
			c, err := openstack.Connect(t.Context(), config, openstack.Options{Timeout: 3 * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			one, err := c.Image("RegionOne")
			if err != nil {
				t.Fatal(err)
			}
			i := createImage(t, one, nil)
			forever := make(chan struct{})
			cloud.Intercept = func(r openstacktest.Request) *openstacktest.Fault {
				if r.Method == "PUT" {
					return &openstacktest.Fault{After: after, Wait: forever}
				}
				return nil
			}
			err = upload(t, one, i.ID, content(make([]byte, 32<<20)))
			close(forever)
			if !openstack.Temporary(err) {
				t.Errorf("%v", err)
			}
		})
	}
}

// A server that stops in the middle of an answer is given up, whether the answer is read here or by the caller.
func TestHangsInAnswer(t *testing.T) {
	cloud := openstacktest.New(t, "RegionOne")
	config, err := openstack.FromEnv(cloud.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	c, err := openstack.Connect(t.Context(), config, openstack.Options{Timeout: 3 * time.Second, Attempts: 1})
	if err != nil {
		t.Fatal(err)
	}
	one, err := c.Image("RegionOne")
	if err != nil {
		t.Fatal(err)
	}
	stalled := make(chan struct{})
	defer close(stalled)
	cloud.Intercept = func(openstacktest.Request) *openstacktest.Fault {
		return &openstacktest.Fault{Status: http.StatusOK, Body: `{"images": [`, Stall: stalled}
	}
	const said = "the server sent nothing for 3s"
	request := openstack.Request{Method: "GET", Path: "images", Doing: "list images", OK: []int{http.StatusOK}, Into: &struct{ Images []image }{}}
	if err := do(t, one, request); err == nil || !strings.Contains(err.Error(), said) || !openstack.Temporary(err) {
		t.Errorf("%v", err)
	}
	request.Into, request.Keep = nil, true
	resp, err := one.Do(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openstack.ReadAll(resp, 1<<20); err == nil || !strings.Contains(err.Error(), said) {
		t.Errorf("%v", err)
	}
}
