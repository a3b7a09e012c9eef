package glance_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-43fb3962/sstream/glance"
	"github.com/seed-43fb3962/sstream/openstack/openstacktest"
	"github.com/seed-43fb3962/sstream/streams"
)

// A second run makes one request of each region's image service and writes nothing.
func TestAgain(t *testing.T) {
	cloud := openstacktest.New(t, "RegionOne", "RegionTwo")
	s := newSetup(t, cloud.Getenv, "RegionOne", "RegionTwo")
	m := newMirror(t, "base")
	s.must(m, released)
	first := s.document("RegionTwo", indexPath)
	cloud.Forget()
	later := released
	later.Now = func() time.Time { return time.Now().Add(time.Hour) }
	s.must(m, later)
	if got := fmt.Sprint(len(cloud.Requests())) + s.out.String(); got != "2" {
		t.Errorf("requests and output: %q: %v", got, cloud.Requests())
	}
	if !bytes.Equal(first, s.document("RegionTwo", indexPath)) {
		t.Error("the index was written again")
	}
}

// An image takes three requests and no temporary file; a download feeds all regions.
func TestRequests(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "missing"))
	cloud := openstacktest.New(t, "RegionOne", "RegionTwo")
	s := newSetup(t, cloud.Getenv, "RegionOne", "RegionTwo")
	m := newMirror(t, "base")
	cloud.Forget()
	s.must(m, released, "version=22.04", "ftype=disk1.img")
	count := map[string]int{}
	for _, r := range cloud.Requests() {
		count[r.Region+" "+r.Method]++
	}
	want := map[string]int{"RegionOne POST": 1, "RegionOne PUT": 1, "RegionOne GET": 2, "RegionTwo POST": 1, "RegionTwo PUT": 1, "RegionTwo GET": 2}
	if diff := cmp.Diff(want, count); diff != "" {
		t.Errorf("requests, a list of images in each region among them:\n%s", diff)
	}
	if got := m.requests(jammy); got != 1 {
		t.Errorf("the source was read %d times for two regions", got)
	}
	for _, r := range s.regions {
		if n := len(s.images(r)); n != 1 {
			t.Errorf("%s has %d images", r, n)
		}
		for e := range s.products(r).All() {
			if e.Get("region") != r {
				t.Errorf("%s is published in region %s", e.Ref, e.Get("region"))
			}
		}
	}
}

// The old image goes only after the stream has stopped to name it.
func TestRemovalAfterPublication(t *testing.T) {
	cloud := openstacktest.New(t, "RegionOne")
	s := newSetup(t, cloud.Getenv, "RegionOne")
	s.must(newMirror(t, "old"), released)
	published := func() string { return string(s.document("RegionOne", "streams/v1/localcloud.RegionOne:partners.json")) }
	deleted := 0
	cloud.Intercept = func(r openstacktest.Request) *openstacktest.Fault {
		if id, ok := strings.CutPrefix(r.Path, "v2/images/"); ok && r.Method == "DELETE" {
			deleted++
			if strings.Contains(published(), id) {
				t.Errorf("image %s is deleted while the stream names it", id)
			}
		}
		return nil
	}
	s.must(newMirror(t, "base"), released)
	if deleted != 2 || strings.Contains(published(), "20240101") || !strings.Contains(published(), "20240201") {
		t.Errorf("%d images were deleted; published:\n%s", deleted, published())
	}
}

func TestProperties(t *testing.T) {
	cloud := openstacktest.New(t, "RegionOne")
	s := newSetup(t, cloud.Getenv, "RegionOne")
	o := released
	o.Visibility, o.CustomProperties, o.LatestProperty = "community", map[string]string{"img_config_drive": "mandatory"}, true
	o.Jobs = -1 // as if it was not given
	s.must(newMirror(t, "old"), o)
	if n := len(s.images("RegionOne")); n != 3 {
		t.Errorf("%d images", n)
	}
	for _, i := range s.images("RegionOne") {
		if i["visibility"] != "community" || i["img_config_drive"] != "mandatory" || i["latest"] != "true" {
			t.Errorf("%v", i)
		}
	}
	o.Max = nil
	s.must(newMirror(t, "base"), o)
	latest := map[string]any{}
	for _, i := range s.images("RegionOne") {
		latest[i["os_version"].(string)+" "+i["version_name"].(string)] = i["latest"]
	}
	want := map[string]any{"14.04 20191107": "true", "22.04 20240101": nil, "22.04 20240201": "true", "24.04 20240115": nil, "24.04 20240131": "true"}
	if diff := cmp.Diff(want, latest); diff != "" {
		t.Error(diff)
	}
}

func TestImportConversion(t *testing.T) {
	for _, convert := range []bool{true, false} {
		cloud := openstacktest.New(t, "RegionOne")
		cloud.Convert = convert
		s := newSetup(t, cloud.Getenv, "RegionOne")
		o := released
		o.ImportConversion = true
		s.must(newMirror(t, "base"), o)
		cloud.Forget()
		s.must(newMirror(t, "base"), released)
		if n := len(cloud.Requests()); n != 1 {
			t.Errorf("convert %v: the second run made %d requests", convert, n)
		}
		if i := s.images("RegionOne")[0]; convert != (i["disk_format"] == "raw") {
			t.Errorf("convert %v: %v", convert, i["disk_format"])
		}
	}
}

func TestModifyHook(t *testing.T) {
	cloud := openstacktest.New(t, "RegionOne", "RegionTwo")
	s := newSetup(t, cloud.Getenv, "RegionOne", "RegionTwo")
	hook := filepath.Join(t.TempDir(), "hook")
	script := "#!/bin/sh\nprintf ' changed' >> \"$IMAGE_PATH\"\necho \"args: $*\"\necho \"$product_name $version_name $ftype $OTHER\"\necho \"FIELDS=$FIELDS\"\n"
	if err := os.WriteFile(hook, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	o := released
	o.ModifyHook, o.Environ, o.TempDir = []string{hook, "--flag"}, []string{"OTHER=env", "PATH=" + os.Getenv("PATH")}, t.TempDir()
	m := newMirror(t, "base")
	s.must(m, o, "version=22.04", "ftype=disk1.img")
	for _, want := range []string{"args: --flag\n", "com.ubuntu.cloud:server:22.04:amd64 20240201 disk1.img env\n", " IMAGE_PATH\n"} {
		if !strings.Contains(s.out.String(), want) {
			t.Errorf("the hook did not say %q: %s", want, s.out.String())
		}
	}
	s.sound(cloud)
	for e := range s.products("RegionTwo").All() {
		if i := s.images("RegionTwo")[0]; e.Get("md5") != i["checksum"] || e.Get("size") != "1576" || e.Get("sha256") == "ad2149ec872a1483b3dc32dd2e62ba3a886770cd014d107c72f651d8bf421377" {
			t.Errorf("published: %v; image: %v", e.Flat(), i)
		}
	}
	if left, err := os.ReadDir(o.TempDir); len(left) > 0 || err != nil {
		t.Errorf("temporary files are left: %v %v", left, err)
	}
	o.ModifyHook = []string{"false"}
	s.id = "other"
	s.check(s.run(m, o, "version=24.04", "ftype=disk1.img", "arch=amd64"), "modify hook false: exit status 1")
}

// cancelling is a writer that cancels something.
type cancelling struct{ cancel func() }

func (c cancelling) Write(p []byte) (int, error) { c.cancel(); return len(p), nil }

// TestModifyHookInterrupted: what a hook has begun, and what holds its output open, ends with it.
func TestModifyHookInterrupted(t *testing.T) {
	s := newSetup(t, openstacktest.New(t, "RegionOne").Getenv, "RegionOne")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o := released
	o.ModifyHook, o.Stderr = []string{"sh", "-c", "sleep 3600 & echo begun >&2; wait"}, cancelling{cancel}
	o.Environ, o.TempDir = []string{"PATH=" + os.Getenv("PATH")}, t.TempDir()
	p, err := s.decide(newMirror(t, "base"), o, "version=22.04", "ftype=disk1.img")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Do(ctx); err != context.Canceled {
		t.Errorf("error %v", err)
	}
	if left, err := os.ReadDir(o.TempDir); len(left) > 0 || err != nil {
		t.Errorf("temporary files are left: %v %v", left, err)
	}
}

// TestModifyHookOfBadCatalogue: the hook is given fields whose names shells, loaders and other programs take for their own neither
// as variables nor in FIELDS.
func TestModifyHookOfBadCatalogue(t *testing.T) {
	cloud := openstacktest.New(t, "RegionOne")
	s := newSetup(t, cloud.Getenv, "RegionOne")
	m := newMirror(t, "base")
	products, err := os.ReadFile("testdata/streams/base/products.json")
	if err != nil {
		t.Fatal(err)
	}
	const bad = `"PATH": "/nowhere", "BASH_ENV": "$(echo obeyed >&2)", "BASH_FUNC_echo%%": "() { :; }", "https_proxy": "http://example.com", "long": "` // and on
	m.files[sourcePath] = bytes.ReplaceAll(products, []byte(`"ftype": "disk1.img"`), []byte(bad+strings.Repeat("x", 200<<10)+`", "ftype": "disk1.img"`))
	o := released
	o.ModifyHook = []string{"sh", "-c", `echo "$PATH+$BASH_ENV+$https_proxy+${#long}"; for f in $FIELDS; do case $f in *[!a-z0-9_]*) echo "$f"; esac; done`}
	o.Environ, o.TempDir = []string{"PATH=" + os.Getenv("PATH")}, t.TempDir()
	s.must(m, o, "version=22.04", "ftype=disk1.img")
	if want := os.Getenv("PATH") + "+++0\nIMAGE_PATH\n"; !strings.Contains(s.out.String(), want) {
		t.Errorf("the hook said %q, want %q", s.out.String(), want)
	}
}

// Sources that the old tool could not take: they left orphans, or ended the run.
func TestOddSources(t *testing.T) {
	for _, c := range []struct{ source, err, name string }{
		{"noos", "", "ubuntu/ubuntu-jammy-22.04-amd64-server-20240201-disk1.img"},
		{"nomd5", "", "ubuntu/ubuntu-jammy-22.04-amd64-server-20240201-disk1.img"},
		{"nopubname", "", "ubuntu/com.ubuntu.cloud:server:22.04:amd64-20240201-disk1.img"},
		{"badsize", "cannot upload", ""},
		{"badsum", "cannot upload", ""},
		{"missing", "cannot upload", ""},
	} {
		cloud := openstacktest.New(t, "RegionOne")
		s := newSetup(t, cloud.Getenv, "RegionOne")
		s.check(s.run(newMirror(t, c.source), released), c.err)
		for _, i := range cloud.Images("RegionOne") {
			if i.Fields["status"] != "active" || i.Fields["name"] != c.name {
				t.Errorf("%s: %v", c.source, i.Fields)
			}
		}
		if n := len(cloud.Images("RegionOne")); (n == 0) == (c.err == "") {
			t.Errorf("%s: %d images", c.source, n)
		}
	}
}

// A format that the cloud refuses does not stop the others.
func TestRefusedFormat(t *testing.T) {
	cloud := openstacktest.New(t, "RegionOne")
	s := newSetup(t, cloud.Getenv, "RegionOne")
	s.check(s.run(newMirror(t, "base"), released, "version=24.04", "ftype~(disk1.img|root.tar.xz)"), "root-tar")
	s.sound(cloud)
	if n := len(cloud.Images("RegionOne")); n != 2 {
		t.Errorf("%d images", n)
	}
}

// Other entries of an index stay.
func TestSharedIndex(t *testing.T) {
	cloud := openstacktest.New(t, "RegionOne", "RegionTwo")
	s := newSetup(t, cloud.Getenv, "RegionOne", "RegionTwo")
	s.stores["RegionTwo"] = s.stores["RegionOne"]
	s.must(newMirror(t, "base"), released)
	index, err := streams.ParseIndex(s.document("RegionOne", indexPath))
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(index.Entries.Sorted()); got != "[localcloud.RegionOne:partners localcloud.RegionTwo:partners]" {
		t.Error(got)
	}
}

func TestContentID(t *testing.T) {
	cloud := newSetup(t, openstacktest.New(t, "R").Getenv, "R").cloud
	for text, want := range map[string]string{"a.%(region)s:b": "a.R:b", "100%%": "100%", "plain": "plain", "%s": "", "../b": "", "%(other)s": ""} {
		target, err := glance.NewTarget(cloud, "R", text, nil)
		if (err == nil) != (want != "") || err == nil && target.ContentID != want {
			t.Errorf("%q: %v", text, err)
		}
	}
}
