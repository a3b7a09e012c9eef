package openstack_test

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/applicationcredentials"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/tokens"

	"github.com/seed-43fb3962/sstream/openstack"
	"github.com/seed-43fb3962/sstream/openstack/openstacktest"
)

func connect(t *testing.T, getenv func(string) string) *openstack.Cloud {
	t.Helper()
	cloud, err := signIn(t, getenv)
	if err != nil {
		t.Fatal(err)
	}
	return cloud
}

func signIn(t *testing.T, getenv func(string) string) (*openstack.Cloud, error) {
	config, err := openstack.FromEnv(getenv)
	if err != nil {
		t.Fatal(err)
	}
	return openstack.Connect(t.Context(), config, openstack.Options{
		Timeout: time.Minute, Sleep: func(context.Context, time.Duration) error { return nil },
	})
}

func with(getenv func(string) string, pairs ...string) func(string) string {
	return func(name string) string {
		for _, p := range pairs {
			if key, value, _ := strings.Cut(p, "="); key == name {
				return value
			}
		}
		return getenv(name)
	}
}

func do(t *testing.T, s *openstack.Service, r openstack.Request) error {
	t.Helper()
	if r.Doing == "" {
		r.Doing = r.Method + " " + r.Path
	}
	_, err := s.Do(t.Context(), r)
	return err
}

type image struct {
	ID, Status, Checksum string
	Size                 int64
	Hash                 string `json:"os_hash_value"`
}

func createImage(t *testing.T, s *openstack.Service, fields map[string]string) image {
	t.Helper()
	all := map[string]string{"name": "probe", "disk_format": "qcow2", "container_format": "bare"}
	for key, value := range fields {
		all[key] = value
	}
	var i image
	if err := do(t, s, openstack.Request{Method: "POST", Path: "images", JSON: all, OK: []int{201}, Into: &i}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, _ = s.Do(context.Background(), openstack.Request{Method: "DELETE", Path: "images/" + i.ID, OK: []int{204, 404}}) // the test has its verdict
	})
	return i
}

func getImage(t *testing.T, s *openstack.Service, id string) image {
	t.Helper()
	var i image
	if err := do(t, s, openstack.Request{Method: "GET", Path: "images/" + id, OK: []int{200}, Into: &i}); err != nil {
		t.Fatal(err)
	}
	return i
}

func content(data []byte) *openstack.Body {
	return &openstack.Body{Size: int64(len(data)), Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }}
}

func upload(t *testing.T, s *openstack.Service, id string, body *openstack.Body) error {
	t.Helper()
	return do(t, s, openstack.Request{Method: "PUT", Path: "images/" + id + "/file", OK: []int{204}, Body: body,
		Header: map[string]string{"Content-Type": "application/octet-stream"}})
}

// A normal application credential signs in, and is renewed.
func TestApplicationCredential(t *testing.T) {
	cloud := openstacktest.New(t, "RegionOne")
	getenv := func(name string) string {
		return map[string]string{"OS_AUTH_URL": cloud.Getenv("OS_AUTH_URL"), "OS_APPLICATION_CREDENTIAL_ID": "credential",
			"OS_APPLICATION_CREDENTIAL_SECRET": openstacktest.Password}[name]
	}
	c := connect(t, getenv)
	one, err := c.Image("RegionOne")
	if err != nil {
		t.Fatal(err)
	}
	cloud.Expire()
	createImage(t, one, nil)
}

func TestRealApplicationCredential(t *testing.T) {
	getenv := openstacktest.RealAlone(t)
	admin := connect(t, getenv)
	identity := admin.Identity()
	user, err := tokens.Get(t.Context(), identity, identity.Token()).ExtractUser()
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("test-%d", time.Now().UnixNano())
	made, err := applicationcredentials.Create(t.Context(), identity, user.ID, applicationcredentials.CreateOpts{Name: name}).Extract()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := applicationcredentials.Delete(context.Background(), identity, user.ID, made.ID).ExtractErr(); err != nil {
			t.Error(err)
		}
	})
	for what, env := range map[string][]string{
		"by ID":   {"OS_APPLICATION_CREDENTIAL_ID=" + made.ID},
		"by name": {"OS_APPLICATION_CREDENTIAL_NAME=" + name},
	} {
		env = append(env, "OS_APPLICATION_CREDENTIAL_SECRET="+made.Secret)
		cloud := connect(t, with(getenv, env...))
		if cloud.Project() != admin.Project() {
			t.Errorf("%s: project %s, want %s", what, cloud.Project(), admin.Project())
		}
	}
}

// The library would repeat an upload after a 401 with what is left of the body, and call the truncated image a success.
func TestUnauthorizedMidUpload(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<18) // 4 MiB
	for _, after := range []int64{0, 1, 1 << 20, -1} {
		cloud := openstacktest.New(t, "RegionOne")
		var refused atomic.Bool
		cloud.Intercept = func(r openstacktest.Request) *openstacktest.Fault {
			if r.Method == "PUT" && refused.CompareAndSwap(false, true) {
				return &openstacktest.Fault{After: after, Status: http.StatusUnauthorized}
			}
			return nil
		}
		one, err := connect(t, cloud.Getenv).Image("RegionOne")
		if err != nil {
			t.Fatal(err)
		}
		var opened atomic.Int32
		body := content(data)
		body.Size = -1 // a server is asked for its consent to what is long, or not known to be short
		open := body.Open
		body.Open = func() (io.ReadCloser, error) { opened.Add(1); return open() }
		i := createImage(t, one, nil)
		began := time.Now()
		err = upload(t, one, i.ID, body)
		if openstack.Temporary(err) { // the connection was reset before the answer was read
			err = upload(t, one, i.ID, body)
		}
		if err != nil {
			t.Fatalf("after %d bytes: %v", after, err)
		}
		if got := cloud.Images("RegionOne")[0].Data; !bytes.Equal(got, data) {
			t.Errorf("after %d bytes: the image has %d bytes, want %d", after, len(got), len(data))
		}
		inTime := time.Since(began) < 2*time.Second // later the body is sent without the consent of the server
		if after == 0 && opened.Load() != 1 && inTime {
			t.Errorf("a request that was refused at once took bytes: the body was opened %d times", opened.Load())
		}
	}
}

// A body that can be read once only makes the request fail, not the image short.
func TestUnauthorizedMidUploadOnce(t *testing.T) {
	cloud := openstacktest.New(t, "RegionOne")
	cloud.Intercept = func(r openstacktest.Request) *openstacktest.Fault {
		if r.Method == "PUT" {
			return &openstacktest.Fault{After: 1 << 20, Status: http.StatusUnauthorized}
		}
		return nil
	}
	one, err := connect(t, cloud.Getenv).Image("RegionOne")
	if err != nil {
		t.Fatal(err)
	}
	body, once := content(make([]byte, 4<<20)), false
	open, spent := body.Open, errors.New("read once already")
	body.Open = func() (io.ReadCloser, error) {
		if once {
			return nil, spent
		}
		once = true
		return open()
	}
	i := createImage(t, one, nil)
	if err := upload(t, one, i.ID, body); !errors.Is(err, spent) && openstack.StatusOf(err) != 401 && !openstack.Temporary(err) {
		t.Errorf("%v", err)
	}
	if got := cloud.Images("RegionOne")[0].Fields["status"]; got != "queued" {
		t.Errorf("the image is %v", got)
	}
}

func TestRetries(t *testing.T) {
	for _, c := range []struct {
		fault openstacktest.Fault
		tries int
	}{
		{openstacktest.Fault{Status: 503}, 3}, {openstacktest.Fault{Status: 500}, 3}, {openstacktest.Fault{Cut: true}, 3},
		{openstacktest.Fault{Status: 429, Header: http.Header{"Retry-After": {"7"}}}, 3},
		{openstacktest.Fault{Status: 413, Body: "quota"}, 1}, {openstacktest.Fault{Status: 409}, 1},
	} {
		cloud := openstacktest.New(t, "RegionOne")
		config, err := openstack.FromEnv(cloud.Getenv)
		if err != nil {
			t.Fatal(err)
		}
		var waits []time.Duration
		o := openstack.Options{Attempts: 3, Sleep: func(_ context.Context, d time.Duration) error { waits = append(waits, d); return nil }}
		c2, err := openstack.Connect(t.Context(), config, o)
		if err != nil {
			t.Fatal(err)
		}
		one, err := c2.Image("RegionOne")
		if err != nil {
			t.Fatal(err)
		}
		cloud.Forget()
		cloud.Intercept = func(openstacktest.Request) *openstacktest.Fault { return &c.fault }
		err = do(t, one, openstack.Request{Method: "GET", Path: "images", OK: []int{200}})
		if got := len(cloud.Requests()); err == nil || got < c.tries || got > c.tries && !c.fault.Cut { // net/http repeats some by itself
			t.Errorf("%+v: %d requests, error %v", c.fault, got, err)
		}
		if c.fault.Status == 429 && (len(waits) != 2 || waits[0] != 7*time.Second) {
			t.Errorf("waited %v, though asked for 7 s", waits)
		}
	}
}

func TestCatalogue(t *testing.T) {
	cloud := connect(t, openstacktest.New(t, "North", "South").Getenv)
	if _, err := cloud.Image("Nowhere"); err == nil || !strings.Contains(err.Error(), `has no region "Nowhere": it has North, South`) {
		t.Errorf("%v", err)
	}
	config, err := openstack.FromEnv(with(openstacktest.New(t, "North").Getenv, "OS_INTERFACE=admin"))
	if err != nil {
		t.Fatal(err)
	}
	admin, err := openstack.Connect(t.Context(), config, openstack.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := admin.ObjectStore("North"); err == nil || !strings.Contains(err.Error(), "has no admin endpoint of an object-store service") {
		t.Errorf("%v", err)
	}
}

func TestVersion2(t *testing.T) {
	cloud := openstacktest.New(t, "RegionOne")
	cloud.Version = "v2.0"
	c := connect(t, cloud.Getenv)
	if c.Project() != openstacktest.Project {
		t.Errorf("project %q", c.Project())
	}
	one, err := c.Image("RegionOne")
	if err != nil {
		t.Fatal(err)
	}
	createImage(t, one, nil)
}

// What the source turns out to be only at its end keeps the last bytes back: the image cannot become active.
func TestLastBytesWait(t *testing.T) {
	for _, size := range []int{0, 1, 1000, 256 << 10, 512 << 10, 512<<10 + 1, 3 << 20} {
		cloud := openstacktest.New(t, "RegionOne")
		one, err := connect(t, cloud.Getenv).Image("RegionOne")
		if err != nil {
			t.Fatal(err)
		}
		data := bytes.Repeat([]byte("x"), size)
		i := createImage(t, one, nil)
		wrong := io.ErrUnexpectedEOF // which is not an end
		body := &openstack.Body{Size: int64(size), Open: func() (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(bytes.NewReader(data), failing{wrong})), nil
		}}
		if size == 0 {
			body.Size = -1
		}
		if err := upload(t, one, i.ID, body); !errors.Is(err, wrong) {
			t.Errorf("%d bytes: %v", size, err)
		}
		waitStatus(t, one, i.ID, "queued")
		again := createImage(t, one, nil)
		if err := upload(t, one, again.ID, content(data)); err != nil {
			t.Errorf("%d bytes: %v", size, err)
		} else if got := cloud.Images("RegionOne")[1].Data; !bytes.Equal(got, data) {
			t.Errorf("%d bytes were uploaded as %d", size, len(got))
		}
	}
}

// Certificates are checked, unless they are not to be.
func TestCertificates(t *testing.T) {
	fake := openstacktest.New(t, "RegionOne")
	server := httptest.NewTLSServer(fake)
	defer server.Close()
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(ca, text, 0o600); err != nil {
		t.Fatal(err)
	}
	getenv := with(fake.Getenv, "OS_AUTH_URL="+server.URL+"/identity/v3")
	for setting, want := range map[string]string{
		"": "name the certificates to trust in OS_CACERT", "OS_CACERT=" + ca: "", "OS_INSECURE=1": "",
		"OS_CACERT=/nowhere": "cannot read the certificates to trust", "OS_CACERT=/dev/null": "holds none in PEM form",
	} {
		_, err := signIn(t, with(getenv, setting))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", setting, err)
		}
	}
}
