package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/seed-43fb3962/sstream/openstack/openstacktest"
)

// TestMirrorIntoSwift mirrors the example into an object store, again without work, and then only a part of it.
func TestMirrorIntoSwift(t *testing.T) {
	cloud := openstacktest.New(t, "North")
	run := func(args ...string) string {
		t.Helper()
		var out, errs bytes.Buffer
		a := &app{stdin: strings.NewReader(""), stdout: &out, stderr: &errs, getenv: cloud.Getenv}
		args = append([]string{"sstream", "mirror", "--grace=0", "--keyring=../../examples/keys/example.gpg", "../../examples/foocloud", "swift://images/mirror"}, args...)
		if code := a.run(t.Context(), args); code != exitDone {
			t.Fatalf("exit code %d: %s", code, errs.String())
		}
		return errs.String()
	}
	if errs := run(); !strings.Contains(errs, "36 files new") {
		t.Error(errs)
	}
	objects := cloud.Objects("North", "images")
	for _, path := range []string{"streams/v1/index.sjson", "files/pinky/20240424/foovendor-6.1-server-cloudimg-amd64-disk1.img"} {
		if objects["mirror/"+path] == nil {
			t.Errorf("%s is not there", path)
		}
	}
	if errs := run(); !strings.Contains(errs, "0 files new") {
		t.Error(errs)
	}
	if errs := run("--max=1"); !strings.Contains(errs, "24 removed") {
		t.Error(errs)
	}
	if len(cloud.Objects("North", "images")) >= len(objects) {
		t.Error("nothing was removed")
	}
}
