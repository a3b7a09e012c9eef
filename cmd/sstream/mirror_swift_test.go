package main

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-43fb3962/sstream/openstack/openstacktest"
	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/store/swift"
)

func TestMirrorIntoSwift(t *testing.T)     { mirrorIntoSwift(t, openstacktest.New(t, "North").Getenv) }
func TestRealMirrorIntoSwift(t *testing.T) { mirrorIntoSwift(t, openstacktest.Real(t)) }

// mirrorIntoSwift mirrors the example into an object store, again without work, and then only a part of it.
func mirrorIntoSwift(t *testing.T, getenv func(string) string) {
	location := fmt.Sprintf("swift://images-%d/mirror", time.Now().UnixNano())
	a := &app{getenv: getenv}
	target, err := a.openSwift(t.Context(), "", location, swift.Options{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { removeAll(t, target) })
	run := func(args ...string) string {
		t.Helper()
		var out, errs bytes.Buffer
		a := &app{stdin: strings.NewReader(""), stdout: &out, stderr: &errs, getenv: getenv}
		args = append([]string{"sstream", "mirror", "--grace=0", "--keyring=../../examples/keys/example.gpg", "../../examples/foocloud", location}, args...)
		if code := a.run(t.Context(), args); code != exitDone {
			t.Fatalf("exit code %d: %s", code, errs.String())
		}
		return errs.String()
	}
	if errs := run(); !strings.Contains(errs, "36 files new") {
		t.Error(errs)
	}
	before := list(t, target)
	for _, path := range []string{"streams/v1/index.sjson", "files/pinky/20240424/foovendor-6.1-server-cloudimg-amd64-disk1.img"} {
		if !slices.Contains(before, path) {
			t.Errorf("%s is not there", path)
		}
	}
	if errs := run(); !strings.Contains(errs, "0 files new") {
		t.Error(errs)
	}
	if errs := run("--max=1"); !strings.Contains(errs, "24 removed") {
		t.Error(errs)
	}
	if len(list(t, target)) >= len(before) {
		t.Error("nothing was removed")
	}
}

// list returns what a store holds.
func list(t *testing.T, s store.Store) []string {
	t.Helper()
	var paths []string
	for path, err := range s.(store.Lister).List(context.WithoutCancel(t.Context()), "") {
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

func removeAll(t *testing.T, s store.Store) {
	t.Helper()
	for _, path := range list(t, s) {
		if err := s.Delete(context.WithoutCancel(t.Context()), path); err != nil {
			t.Error(err)
		}
	}
}
