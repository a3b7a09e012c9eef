package swift_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-43fb3962/sstream/openstack"
	"github.com/seed-43fb3962/sstream/openstack/openstacktest"
	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/store/storetest"
	"github.com/seed-43fb3962/sstream/store/swift"
)

func connect(t *testing.T, getenv func(string) string) *openstack.Service {
	t.Helper()
	config, err := openstack.FromEnv(getenv)
	if err != nil {
		t.Fatal(err)
	}
	cloud, err := openstack.Connect(t.Context(), config, openstack.Options{Sleep: func(context.Context, time.Duration) error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	service, err := cloud.ObjectStore("RegionOne")
	if err != nil {
		t.Fatal(err)
	}
	return service
}

// The suite runs with content in one object each, and with content of many segments.
func TestStore(t *testing.T) {
	for name, segment := range map[string]int64{"objects": 0, "segments": 300_000} {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) store.Store {
				service := connect(t, openstacktest.New(t, "RegionOne").Getenv)
				return swift.New(service, "container", "prefix/", swift.Options{Segment: segment})
			})
		})
	}
}

func TestRealStore(t *testing.T) {
	service := connect(t, openstacktest.Real(t))
	stores := 0
	storetest.Run(t, func(t *testing.T) store.Store {
		stores++
		container := fmt.Sprintf("test-%d-%d", time.Now().UnixNano(), stores)
		t.Cleanup(func() { removeContainers(service, container, container+"_segments") })
		return swift.New(service, container, "prefix/", swift.Options{})
	})
}

// removeContainers tidies up, as far as it can: the test has its verdict.
func removeContainers(service *openstack.Service, names ...string) {
	ctx := context.Background()
	for _, name := range names {
		s := swift.New(service, name, "", swift.Options{})
		for path, err := range s.List(ctx, "") {
			if err != nil {
				break
			}
			_, _ = service.Do(ctx, openstack.Request{Method: "DELETE", Path: name + "/" + strings.ReplaceAll(escape(path), "%2F", "/"), OK: []int{204, 404}})
		}
		_, _ = service.Do(ctx, openstack.Request{Method: "DELETE", Path: name, OK: []int{204, 404}})
	}
}

func escape(path string) string {
	var b strings.Builder
	for _, c := range []byte(path) {
		fmt.Fprintf(&b, "%%%02X", c)
	}
	return b.String()
}

func TestFake(t *testing.T) {
	cloud := openstacktest.New(t, "RegionOne")
	common(t, connect(t, cloud.Getenv), fmt.Sprintf("%s/object-store/RegionOne/v1/AUTH_%s", cloud.URL, openstacktest.Project))
}

func TestReal(t *testing.T) {
	service := connect(t, openstacktest.Real(t))
	common(t, service, strings.TrimSuffix(service.URL(""), "/"))
}

// common is the list of what the fake and the real server must have in common.
func common(t *testing.T, service *openstack.Service, account string) {
	container := fmt.Sprintf("test-%d", time.Now().UnixNano())
	t.Cleanup(func() { removeContainers(service, container, container+"_segments") })
	anonymous := func(path string) (int, string) {
		resp, err := http.Get(account + "/" + container + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}
	private := swift.New(service, container, "", swift.Options{})
	storetest.Put(t, private, "streams/v1/a:b.json", "{}")
	if status, _ := anonymous("/streams/v1/a:b.json"); status != http.StatusUnauthorized {
		t.Errorf("anybody reads a private container: %d", status)
	}
	public := swift.New(service, container, "", swift.Options{ReadACL: swift.PublicRead, Segment: 1000})
	storetest.Put(t, public, "small", "small")
	large := strings.Repeat("large", 500)
	storetest.Put(t, public, "dir/large", large)
	for path, want := range map[string]string{"/small": "small", "/dir/large": large, "/streams/v1/a:b.json": "{}"} {
		if status, body := anonymous(path); status != http.StatusOK || body != want {
			t.Errorf("anybody reads of a public container: %s: %d %q", path, status, body)
		}
	}
	if status, body := anonymous("?format=json"); status != http.StatusOK || !strings.Contains(body, `"dir/large"`) {
		t.Errorf("anybody lists a public container: %d %s", status, body)
	}
	segments := swift.New(service, container+"_segments", "", swift.Options{})
	if n := count(t, segments); n != 3 {
		t.Errorf("2500 bytes lie in %d segments of 1000", n)
	}
	storetest.Put(t, public, "dir/large", large[:1500])
	if n := count(t, segments); n != 2 {
		t.Errorf("after a shorter one %d segments are there", n)
	}
	if err := public.Delete(t.Context(), "dir/large"); err != nil {
		t.Fatal(err)
	}
	if n := count(t, segments); n != 0 {
		t.Errorf("after the deletion %d segments are there", n)
	}
}

// count counts what a container holds. Segments have names that no path of a store has.
func count(t *testing.T, s *swift.Store) (n int) {
	t.Helper()
	for _, err := range s.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

// The library would hold an upload in memory, to hash it first.
func TestPutStreams(t *testing.T) {
	cloud := openstacktest.New(t, "RegionOne")
	s := swift.New(connect(t, cloud.Getenv), "c", "", swift.Options{})
	storetest.Put(t, s, "make", "the container")
	const size = 64 << 20
	var sent, asked atomic.Int64
	cloud.Intercept = func(r openstacktest.Request) *openstacktest.Fault {
		if r.Method == "PUT" {
			n, _ := io.CopyN(io.Discard, r.Body, 8<<20)
			asked.Store(n)
			if ahead := sent.Load() - n; ahead > size/2 { // the kernel's buffers take some of it
				t.Errorf("%d bytes were read ahead of the server", ahead)
			}
			return &openstacktest.Fault{After: -1, Status: http.StatusCreated}
		}
		return nil
	}
	c := store.Content{Size: size, Open: func(context.Context, int64) (io.ReadCloser, error) {
		return io.NopCloser(io.TeeReader(io.LimitReader(zeros{}, size), writer(func(p []byte) { sent.Add(int64(len(p))) }))), nil
	}}
	if err := s.Put(t.Context(), "path", c); err != nil {
		t.Fatal(err)
	}
	if asked.Load() == 0 {
		t.Error("nothing was sent")
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

type writer func([]byte)

func (w writer) Write(p []byte) (int, error) { w(p); return len(p), nil }

// Uploads that fail once are made again from the right place; those that fail for ever leave nothing.
func TestFaults(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789"), 300_000)
	for name, fault := range map[string]openstacktest.Fault{
		"503": {Status: 503}, "503 in the middle": {After: 100_000, Status: 503}, "cut": {After: 100_000, Cut: true},
		"401 in the middle": {After: 100_000, Status: 401}, "applied, then cut": {Applied: true, Cut: true},
		"413": {After: -1, Status: 413, Body: "full"}, // to hang up on a body may lose the answer
	} {
		for _, segment := range []int64{0, 700_000} {
			t.Run(fmt.Sprintf("%s, segments of %d", name, segment), func(t *testing.T) {
				cloud := openstacktest.New(t, "RegionOne")
				s := swift.New(connect(t, cloud.Getenv), "c", "", swift.Options{Segment: segment})
				storetest.Put(t, s, "path", "old")
				puts := 0
				cloud.Intercept = func(r openstacktest.Request) *openstacktest.Fault {
					if r.Method == "PUT" && strings.Contains(r.Path, "path") {
						if puts++; puts == 1 && segment == 0 || puts == 2 && segment > 0 {
							return &fault
						}
					}
					return nil
				}
				err := s.Put(t.Context(), "path", storetest.Content(data))
				cloud.Intercept = nil
				want := string(data)
				if fault.Status == 413 {
					if openstack.StatusOf(err) != 413 || !strings.Contains(err.Error(), "object-store in RegionOne: cannot write") {
						t.Errorf("%v", err)
					}
					want = "old"
				} else if err != nil {
					t.Error(err)
				}
				if got, _ := storetest.Get(t, s, "path"); got != want {
					t.Errorf("%d bytes are there, want %d", len(got), len(want))
				}
				if fault.Status == 413 && len(cloud.Objects("RegionOne", "c_segments")) > 0 {
					t.Error("segments are left")
				}
			})
		}
	}
}

func TestSplit(t *testing.T) {
	for location, want := range map[string]string{
		"swift://c/p/q/": "c|p/q/", "c/": "c|", "c": "c|", "c/sub": "c|sub", "swift://": "", "/x": "", "": "",
	} {
		container, prefix, err := swift.Split(location)
		if got := container + "|" + prefix; (err == nil) != (want != "") || err == nil && got != want {
			t.Errorf("%q: %q, %v", location, got, err)
		}
	}
	if _, err := swift.New(nil, "c", "", swift.Options{}).Open(t.Context(), "../x", 0); err == nil || errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
