package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-43fb3962/sstream/glance"
	"github.com/seed-43fb3962/sstream/openstack/openstacktest"
	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/store/storetest"
	"github.com/seed-43fb3962/sstream/store/swift"
)

// cloudTest calls the program with a cloud in its environment and a source of images at its side.
type cloudTest struct {
	t      *testing.T
	cloud  *openstacktest.Cloud
	source string
	env    map[string]string
}

func newCloudTest(t *testing.T) *cloudTest {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		testdata, path := "../../glance/testdata/", strings.TrimPrefix(r.URL.Path, "/")
		switch {
		case path == "streams/v1/index.json":
			path = "streams/base/index.json"
		case strings.HasPrefix(path, "streams/v1/"):
			path = "streams/base/products.json"
		default:
			path = "source/" + path
		}
		http.ServeFile(w, r, testdata+path)
	}))
	t.Cleanup(server.Close)
	return &cloudTest{t, openstacktest.New(t, "RegionOne", "RegionTwo"), server.URL + "/", map[string]string{}}
}

// run returns stdout, stderr and the exit code. $URL in an argument stands for the source.
func (c *cloudTest) run(args ...string) (stdout, stderr string, code int) {
	c.t.Helper()
	var out, errs bytes.Buffer
	a := &app{stdin: strings.NewReader(""), stdout: &out, stderr: &errs, getenv: func(name string) string {
		if v, ok := c.env[name]; ok {
			return v
		}
		return c.cloud.Getenv(name)
	}}
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "$URL/", c.source)
	}
	code = a.run(c.t.Context(), args)
	return out.String(), errs.String(), code
}

var seedOptions = []string{"--region=RegionOne", "--cloud-name=localcloud", "--content-id=localcloud.%(region)s:partners",
	"--output-swift=published/", "--max=1", "--name-prefix=ubuntu/"}

func (c *cloudTest) must(args ...string) (stdout, stderr string) {
	c.t.Helper()
	stdout, stderr, code := c.run(args...)
	if code != 0 {
		c.t.Fatalf("exit code %d\n%s%s", code, stdout, stderr)
	}
	return stdout, stderr
}

func with(program string, options []string, args ...string) []string {
	return append(append(strings.Fields(program), options...), args...)
}

// A directory is made for a region that there is, and below --output-dir.
func TestGlanceOutputOfRegion(t *testing.T) {
	c := newCloudTest(t)
	c.cloud = openstacktest.New(t, "../up")
	for region, want := range map[string]string{"Typo": "Typo", "../up": `output: the region "../up" cannot be the name of a directory`} {
		dir := t.TempDir()
		_, errs, code := c.run("sstream", "glance", "--region="+region, "--cloud-name=c", "--content-id=c", "--output-dir="+filepath.Join(dir, "out"), "$URL/streams/v1/index.json")
		if code != exitFailed || !strings.Contains(errs, want) {
			t.Errorf("%s: exit code %d, %s", region, code, errs)
		}
		if made, err := os.ReadDir(dir); len(made) > 0 || err != nil {
			t.Errorf("%s: made %v, %v", region, made, err)
		}
	}
}

// The command of the Python tool's documentation, word for word, and what it prints.
func TestOldGlanceCommand(t *testing.T) {
	c := newCloudTest(t)
	out, errs := c.must(with("sstream-mirror-glance", seedOptions, "$URL/", "streams/v1/index.json")...)
	for i, line := range strings.SplitAfter(out, "\n")[:3] {
		if !strings.HasPrefix(line, "created ") || !strings.Contains(line, ": ubuntu/ubuntu-") || !strings.HasSuffix(line, "-disk1.img\n") {
			t.Errorf("line %d: %q", i, line)
		}
	}
	if errs != "" {
		t.Errorf("stderr: %s", errs)
	}
	objects := c.cloud.Objects("RegionOne", "published")
	if len(objects) != 2 || objects["streams/v1/index.json"] == nil || objects["streams/v1/localcloud.RegionOne:partners.json"] == nil {
		t.Errorf("published: %v", objects)
	}
	if acl := c.cloud.ReadACL("RegionOne", "published"); acl != swift.PublicRead {
		t.Errorf("read ACL %q", acl)
	}
	if out, _ := c.must(with("sstream-mirror-glance", seedOptions, "$URL/streams/v1/index.json")...); out != "" {
		t.Errorf("the second run says %q", out)
	}
	c.cloud.Intercept = func(r openstacktest.Request) *openstacktest.Fault {
		if r.Method == "POST" && r.Service == "image" {
			return &openstacktest.Fault{Status: 413, Body: "quota"}
		}
		return nil
	}
	_, errs, code := c.run(with("sstream-mirror-glance", seedOptions, "--content-id=other", "--output-dir=", "$URL/streams/v1/index.json")...)
	if code != exitFailed || strings.Count(errs, "sstream-mirror-glance: error: region RegionOne: cannot upload ") != 3 {
		t.Errorf("exit code %d\n%s", code, errs)
	}
	_, _, code = c.run(with("sstream glance", seedOptions, "--content-id=other", "$URL/streams/v1/index.json")...)
	if code != exitPart {
		t.Errorf("under the new name: exit code %d", code)
	}
}

func TestOldGlanceProgress(t *testing.T) {
	c := newCloudTest(t)
	out, _ := c.must(with("sstream-mirror-glance --progress", seedOptions, "$URL/streams/v1/index.json", "arch=amd64", "ftype=disk1.img")...)
	if !strings.Contains(out, "1.00 ubuntu-jammy-22.04-amd64-server-20240201 (") || !strings.Contains(out, " of 2 images) - 1.00\n") || strings.Contains(out, "6.27") {
		t.Error(out)
	}
}

// A dry run changes nothing, and says in one of two ways what would be done.
func TestGlanceDryRun(t *testing.T) {
	c := newCloudTest(t)
	out, errs := c.must(with("sstream glance --dry-run", seedOptions, "$URL/streams/v1/index.json")...)
	if out != "" || strings.Count(errs, "+ RegionOne com.ubuntu.cloud:server:") != 3 || !strings.Contains(errs, "3 files to read, 4.7 KiB") {
		t.Errorf("%s%s", out, errs)
	}
	out, _ = c.must("sstream", "glance", "--dry-run", "--plan=json", "--cloud-name=c", "--content-id=c.%(region)s", "$URL/streams/v1/index.json", "version=22.04", "ftype=disk1.img")
	var changes []glance.Change
	if err := json.Unmarshal([]byte(out), &changes); err != nil {
		t.Fatal(err)
	}
	want := glance.Change{Change: "add", Region: "RegionTwo", ContentID: "c.RegionTwo", Product: "com.ubuntu.cloud:server:22.04:amd64",
		Version: "20240201", Item: "disk1.img", Name: "ubuntu-jammy-22.04-amd64-server-20240201-disk1.img",
		Path: "server/releases/jammy/release-20240201/ubuntu-22.04-server-cloudimg-amd64-disk1.img", Size: 1568,
		Digest: "sha256:ad2149ec872a1483b3dc32dd2e62ba3a886770cd014d107c72f651d8bf421377"}
	found := false
	for _, change := range changes {
		found = found || change == want
	}
	if len(changes) != 4 || !found {
		t.Errorf("%+v", changes)
	}
	for _, r := range c.cloud.Requests() {
		if r.Method != "GET" && r.Method != "HEAD" && r.Service != "identity" {
			t.Errorf("a dry run did %s", r)
		}
	}
}

// Every region's stream is written once, however many images come, and not at all when none does.
func TestGlanceWritesOnce(t *testing.T) {
	c := newCloudTest(t)
	for _, want := range []int{1, 0} {
		c.cloud.Forget()
		c.must("sstream", "glance", "--cloud-name=c", "--content-id=c.%(region)s", "--max=1", "--output-swift=published/", "$URL/streams/v1/index.json")
		puts := map[string]int{}
		for _, r := range c.cloud.Requests() {
			if r.Service == "object-store" && r.Method != "GET" && r.Method != "HEAD" {
				puts[r.String()]++
			}
		}
		for _, region := range []string{"RegionOne", "RegionTwo"} {
			for _, name := range []string{"", "/streams/v1/index.json", "/streams/v1/c." + region + ".json"} {
				request := "PUT object-store " + region + " v1/AUTH_" + openstacktest.Project + "/published" + name
				if puts[request] != want {
					t.Errorf("%s: %d times, want %d", request, puts[request], want)
				}
				delete(puts, request)
			}
		}
		if len(puts) > 0 {
			t.Errorf("also: %v", puts)
		}
	}
}

// Every region has a directory of its own.
func TestGlanceOutputDir(t *testing.T) {
	c := newCloudTest(t)
	dir := t.TempDir()
	_, errs := c.must("sstream", "glance", "--cloud-name=c", "--content-id=c.%(region)s", "--max=1", "--output-dir="+dir, "$URL/streams/v1/index.json")
	if errs != "" {
		t.Errorf("stderr: %s", errs)
	}
	for _, path := range []string{"RegionOne/streams/v1/index.json", "RegionOne/streams/v1/c.RegionOne.json", "RegionTwo/streams/v1/c.RegionTwo.json"} {
		if _, err := os.Stat(filepath.Join(dir, path)); err != nil {
			t.Error(err)
		}
	}
	if _, errs := c.must("sstream", "glance", "--cloud-name=c", "--content-id=other", "--max=1", "$URL/streams/v1/index.json"); !strings.Contains(errs, "not writing data anywhere") {
		t.Errorf("stderr: %s", errs)
	}
}

// While another run holds the directory, nothing is asked of the image service: what it says then would be out of date.
func TestGlanceWaitsForDirectory(t *testing.T) {
	c := newCloudTest(t)
	dir := t.TempDir()
	d, err := store.OpenDir(filepath.Join(dir, "RegionOne"), store.DirOptions{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	unlock, err := d.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var held atomic.Bool
	held.Store(true)
	signedIn := make(chan struct{})
	var once sync.Once
	c.cloud.Intercept = func(r openstacktest.Request) *openstacktest.Fault {
		switch {
		case r.Service == "identity":
			once.Do(func() { close(signedIn) })
		case held.Load():
			t.Errorf("asked while another run was at work: %s", r)
		}
		return nil
	}
	var ended sync.WaitGroup
	ended.Go(func() {
		if _, errs, code := c.run("sstream", "glance", "--region=RegionOne", "--cloud-name=c", "--content-id=c", "--output-dir="+dir, "$URL/streams/v1/index.json"); code != 0 {
			t.Errorf("exit code %d\n%s", code, errs)
		}
	})
	<-signedIn
	time.Sleep(50 * time.Millisecond) // a run that did not wait would ask by now
	held.Store(false)
	if err := unlock(); err != nil {
		t.Error(err)
	}
	ended.Wait()
	if n := len(c.cloud.Images("RegionOne")); n == 0 {
		t.Error("nothing was uploaded")
	}
}

func TestGlanceUsage(t *testing.T) {
	c := newCloudTest(t)
	for _, test := range []struct {
		args string
		code int
		err  string
	}{
		{"sstream glance --cloud-name=c --content-id=d", exitUsage, "a source is needed"},
		{"sstream glance $URL/", exitUsage, "--cloud-name and --content-id are needed"},
		{"sstream-mirror-glance --cloud-name=c --content-id=d --output-dir=x --output-swift=y/ $URL/", exitFailed, "--output-dir and --output-swift are mutually exclusive"},
		{"sstream glance --cloud-name=c --content-id=d --visibility=all $URL/", exitUsage, "--visibility is one of public, private, community, shared"},
		{"sstream glance --cloud-name=c --content-id=d --custom-property=x $URL/", exitUsage, "is not key=value"},
		{"sstream glance --cloud-name=c --content-id=d --region=Nowhere $URL/", exitFailed, `has no region "Nowhere": it has RegionOne, RegionTwo`},
		{"sstream glance --cloud-name=c --content-id=d --os-cloud=lab $URL/", exitFailed, `cannot read cloud "lab": there is no`},
		{"sstream glance --cloud-name=c --content-id=d --keep $URL/", exitUsage, "--keep needs --max"},
		{"sstream-mirror-glance --cloud-name=c --content-id=d --keep $URL/", exitFailed, "--keep needs --max"},
	} {
		if _, errs, code := c.run(strings.Fields(test.args)...); code != test.code || !strings.Contains(errs, test.err) {
			t.Errorf("%s: exit code %d\n%s", test.args, code, errs)
		}
	}
	c.env["OS_PASSWORD"] = "wrong"
	if _, errs, code := c.run("sstream", "glance", "--cloud-name=c", "--content-id=d", "$URL/"); code != exitFailed || !strings.Contains(errs, "identity: cannot sign in: 401 Unauthorized") {
		t.Errorf("exit code %d\n%s", code, errs)
	}
}

func TestOpenSwift(t *testing.T) {
	cloud := openstacktest.New(t, "North")
	a := &app{getenv: cloud.Getenv}
	s, err := a.openSwift(t.Context(), "", "swift://images/mirror", swift.Options{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	storetest.Put(t, s, "streams/v1/index.json", "{}")
	if cloud.Objects("North", "images")["mirror/streams/v1/index.json"] == nil {
		t.Error("nothing is there")
	}
}

// The source's signatures are checked, and other mirrors of it are asked when it does not answer.
func TestGlanceSource(t *testing.T) {
	c := newCloudTest(t)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	mirror := httptest.NewServer(http.FileServer(http.Dir("../../examples/foocloud")))
	defer mirror.Close()
	args := []string{"sstream", "glance", "--dry-run", "--plan=json", "--region=RegionOne", "--cloud-name=c", "--content-id=c", "--max=1"}
	for _, test := range []struct {
		options []string
		err     string
	}{
		{[]string{"--keyring=../../examples/keys/example.gpg", mirror.URL + "/"}, ""},
		{[]string{"--keyring=../../examples/keys/example.gpg", "--mirror=" + mirror.URL + "/", gone.URL + "/"}, ""},
		{[]string{"--keyring=/dev/null", mirror.URL + "/"}, "key"},
		{[]string{gone.URL + "/"}, "cannot read"},
	} {
		out, errs, code := c.run(append(slices.Clone(args), test.options...)...)
		if (code == 0) != (test.err == "") || !strings.Contains(errs, test.err) || code == 0 && !strings.Contains(out, `"change": "add"`) {
			t.Errorf("%v: exit code %d\n%s%s", test.options, code, out, errs)
		}
	}
}
