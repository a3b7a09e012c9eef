package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/applicationcredentials"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/tokens"
)

// begin calls the program in the background, and returns once it has read half of the source.
func (c *realCloud) begin(source *bigSource, args ...string) (wait func() (stdout, stderr string, code int)) {
	c.t.Helper()
	var out, errs string
	var code int
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		out, errs, code = c.run(args...)
	}()
	select {
	case <-source.half:
	case <-ended:
		c.t.Fatalf("it did not read the source: exit code %d\n%s%s", code, out, errs)
	}
	return func() (string, string, int) {
		<-ended
		return out, errs, code
	}
}

// bigOptions are those of a run with a bigSource.
func bigOptions(source *bigSource, args ...string) []string {
	return append(append([]string{"sstream", "glance", "--region=RegionOne", "--cloud-name=c", "--content-id=big", "--output-swift=published/",
		"--path=streams/v1/big.json"}, args...), source.URL+"/")
}

// shortLived starts another Keystone of the same cloud, whose tokens live for some seconds, and returns its address.
func shortLived(t *testing.T, seconds int) string {
	t.Helper()
	stack := filepath.Dir(os.Getenv("OPENSTACK_OPENRC"))
	text, err := os.ReadFile(filepath.Join(stack, "keystone", "keystone.conf"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	text = regexp.MustCompile(`(?m)^expiration = .*$`).ReplaceAll(text, fmt.Appendf(nil, "expiration = %d", seconds))
	if err := os.WriteFile(filepath.Join(dir, "keystone.conf"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	program, err := exec.LookPath("keystone-wsgi-public")
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	socket, err := listener.(*net.TCPListener).File() // which it is given: nobody else can take the port meanwhile
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	log := filepath.Join(dir, "log")
	cmd := exec.Command("uwsgi_python3", "--http-socket", "fd://3", "--wsgi-file", program, "--enable-threads", "--threads", "2",
		"--buffer-size", "65535", "--die-on-term", "--add-header", "Connection: close", "--logto", log)
	cmd.Env = append(os.Environ(), "OS_KEYSTONE_CONFIG_DIR="+dir, "OS_KEYSTONE_CONFIG_FILES=keystone.conf")
	cmd.ExtraFiles = []*os.File{socket}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
	})
	listener.Close()
	socket.Close()
	address := "http://" + listener.Addr().String()
	resp, err := http.Get(address + "/v3") // answered once it is ready, refused if it ends before
	if err != nil {
		said, _ := os.ReadFile(log)
		t.Fatalf("no Keystone at %s: %v\n%s", address, err, said)
	}
	resp.Body.Close()
	return address
}

// TestRealTokenExpires uploads for longer than the token lives. It is renewed, and what is uploaded is whole.
func TestRealTokenExpires(t *testing.T) {
	c := newRealCloud(t)
	const life = 12 // enough to begin in, on any machine
	keystone, err := url.Parse(shortLived(t, life))
	if err != nil {
		t.Fatal(err)
	}
	var signIns atomic.Int32
	proxy := httputil.NewSingleHostReverseProxy(keystone)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/auth/tokens") {
			signIns.Add(1)
		}
		proxy.ServeHTTP(w, r)
	}))
	defer front.Close()
	c.env["OS_AUTH_URL"] = front.URL + "/v3"
	source := newBigSource(t, 8<<20)
	wait := c.begin(source, bigOptions(source)...)
	time.Sleep((life + 1) * time.Second) // what is signed in now has ended then
	close(source.release)
	out, errs, code := wait()
	if code != 0 || strings.Count(out, "created ") != 1 {
		t.Fatalf("exit code %d\n%s%s", code, out, errs)
	}
	if n := signIns.Load(); n < 2 {
		t.Errorf("the program signed in %d times", n)
	}
	c.wantBig(8 << 20)
}

// wantBig fails the test unless there is one image, which is active and of that size.
func (c *realCloud) wantBig(size int) {
	c.t.Helper()
	images := c.images("RegionOne")
	if len(images) != 1 || images[0]["status"] != "active" || fmt.Sprint(images[0]["size"]) != fmt.Sprint(size) {
		c.t.Errorf("images: %v", images)
	}
}

// TestRealDeletedMeanwhile deletes the image while it is uploaded. The run says so, and the next one makes it.
func TestRealDeletedMeanwhile(t *testing.T) {
	c := newRealCloud(t)
	source := newBigSource(t, 4<<20)
	wait := c.begin(source, bigOptions(source)...)
	service, err := c.real.Image("RegionOne")
	if err != nil {
		t.Fatal(err)
	}
	c.do(service, "DELETE", "images/"+c.images("RegionOne")[0]["id"].(string), nil, 204)
	close(source.release)
	_, errs, code := wait()
	if code != exitPart || !strings.Contains(errs, "region RegionOne: cannot upload p/1/disk1.img: somebody deleted the image in the middle: image in RegionOne: ") ||
		!strings.Contains(errs, "(request req-") {
		t.Errorf("exit code %d\n%s", code, errs)
	}
	if images := c.images("RegionOne"); len(images) != 0 {
		t.Errorf("left: %v", images)
	}
	c.must(bigOptions(source)...)
	c.wantBig(4 << 20)
}

// TestRealQuota uploads more than the second region lets a user have.
func TestRealQuota(t *testing.T) {
	c := newRealCloud(t)
	source := newBigSource(t, 24<<20)
	close(source.release)
	_, errs, code := c.run(bigOptions(source, "--region=RegionTwo")...)
	if code != exitPart || !strings.Contains(errs, "region RegionTwo: cannot upload p/1/disk1.img: image in RegionTwo: cannot upload image p-1-disk1.img: 413 Request Entity Too Large: ") ||
		!strings.Contains(errs, "(request req-") || strings.Contains(errs, "RegionOne") {
		t.Errorf("exit code %d\n%s", code, errs)
	}
	if images := c.images("RegionTwo"); len(images) != 0 {
		t.Errorf("left: %v", images)
	}
	c.wantBig(24 << 20) // the other region has it
}

// TestRealTwoPrograms runs the seed's command twice at once.
func TestRealTwoPrograms(t *testing.T) {
	c := newRealCloud(t)
	args := with("sstream-mirror-glance", seedOptions, c.source+"streams/v1/index.json")
	var both sync.WaitGroup
	for range 2 {
		cmd := c.process(args)
		both.Go(func() {
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	both.Wait()
	products := []string{"com.ubuntu.cloud:server:22.04:amd64", "com.ubuntu.cloud:server:24.04:amd64", "com.ubuntu.cloud:server:14.04:i386"}
	c.juju("RegionOne", products...)
	c.must(slices.Clone(args)...)
	c.juju("RegionOne", products...)
	if n := len(c.images("RegionOne")); n != 3 {
		t.Errorf("after the next run there are %d images", n)
	}
	if out, errs := c.must(args...); out+errs != "" {
		t.Errorf("the last run: %s%s", out, errs)
	}
}

// TestRealClouds signs in with an application credential of a clouds.yaml, as --os-cloud names it.
func TestRealClouds(t *testing.T) {
	c := newRealCloud(t)
	identity := c.real.Identity()
	user, err := tokens.Get(t.Context(), identity, identity.Token()).ExtractUser()
	if err != nil {
		t.Fatal(err)
	}
	made, err := applicationcredentials.Create(t.Context(), identity, user.ID, applicationcredentials.CreateOpts{Name: "sstream-" + t.Name()}).Extract()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := applicationcredentials.Delete(context.Background(), identity, user.ID, made.ID).ExtractErr(); err != nil {
			t.Error(err)
		}
	})
	file := filepath.Join(t.TempDir(), "clouds.yaml")
	text := fmt.Sprintf("clouds:\n  lab:\n    auth_type: v3applicationcredential\n    auth:\n      auth_url: %s\n      application_credential_id: %s\n"+
		"      application_credential_secret: %s\n    region_name: RegionOne\n    interface: internal\n", c.env["OS_AUTH_URL"], made.ID, made.Secret)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for name := range c.env {
		c.env[name] = ""
	}
	c.env["OS_CLIENT_CONFIG_FILE"] = file
	out, _ := c.must(with("sstream glance --os-cloud=lab --custom-property=img_config_drive=mandatory --visibility=community --set-latest-property",
		seedOptions, "$URL/streams/v1/index.json", "version=22.04", "ftype=disk1.img")...)
	images := c.images("RegionOne")
	if strings.Count(out, "created ") != 1 || len(images) != 1 {
		t.Fatalf("%s%v", out, images)
	}
	for field, want := range map[string]string{"visibility": "community", "img_config_drive": "mandatory", "latest": "true", "status": "active"} {
		if images[0][field] != want {
			t.Errorf("%s is %v, want %s", field, images[0][field], want)
		}
	}
}
