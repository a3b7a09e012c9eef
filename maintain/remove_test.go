package maintain

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
)

// twoRoots adds a version that holds two images, and returns their fingerprints: the machine's and the container's.
func (r *testRoot) twoRoots() (machine, container string) {
	r.Helper()
	f := r.images()
	for _, root := range []string{"squashfs", "qcow2"} {
		if _, err := Add(r.Context(), r.dir, Image{Metadata: f["meta"], Root: f[root]}); err != nil {
			r.Fatal(err)
		}
	}
	images := Images(r.mustBuild(Options{}).Streams[0].Products)
	if len(images) != 2 {
		r.Fatalf("got %+v", images)
	}
	return images[0].Fingerprint, images[1].Fingerprint
}

// TestRemoveCutShort: an image that left the documents is not listed again, although the run ended before its files were
// deleted; the next prune deletes them, and nothing else.
func TestRemoveCutShort(t *testing.T) {
	const version = "images/ubuntu/noble/amd64/default/20240105_0732"
	r := newTestRoot(t)
	machine, container := r.twoRoots()
	cut := errors.New("cut short")
	die := func(ctx context.Context, docs map[string][]byte) error {
		if err := r.publish(ctx, docs); err != nil {
			return err
		}
		panic(cut) // nothing of the run's is done any more
	}
	for _, step := range []struct {
		fingerprint, listed string
		gone, kept          string
	}{
		{machine, "ubuntu:noble:amd64:default 20240105_0732: incus.tar.xz lxd.tar.xz rootfs.squashfs", version + "/disk.qcow2", version + "/rootfs.squashfs"},
		{container, "", version, "images"},
	} {
		func() {
			defer func() {
				if r := recover(); r != cut {
					t.Fatal(r)
				}
			}()
			report, err := Remove(t.Context(), r.dir, Options{Publish: die}, step.fingerprint)
			t.Errorf("got %+v, %v", report, err)
		}()
		if !r.exists(step.gone) {
			t.Fatalf("%s is deleted already", step.gone)
		}
		if r.mustBuild(Options{}).Changed {
			t.Error("a build changed the documents")
		}
		want(t, "listing", r.listing(), step.listed)
		if _, err := r.prune(PruneOptions{}); err != nil {
			t.Fatal(err)
		}
		if r.exists(step.gone) || !r.exists(step.kept) || r.exists(retiredPath) {
			t.Errorf("after a prune: gone %v, kept %v, written down %v", !r.exists(step.gone), r.exists(step.kept), r.exists(retiredPath))
		}
		r.check()
	}
}

// TestRemoveFails: an image stays, and stays listed, if the documents without it cannot be published or its stream cannot
// be built.
func TestRemoveFails(t *testing.T) {
	r := newTestRoot(t)
	machine, _ := r.twoRoots()
	before := r.listing()
	failed := errors.New("disk full")
	publish := func(context.Context, map[string][]byte) error { return failed }
	if _, err := Remove(t.Context(), r.dir, Options{Publish: publish}, machine); !errors.Is(err, failed) {
		t.Errorf("got %v", err)
	}
	if _, err := Remove(t.Context(), r.dir, Options{}, machine); err != nil {
		t.Errorf("nothing is to be published: %v", err)
	}
	if _, err := Remove(t.Context(), r.dir, Options{Publish: r.publish}, machine[:11]); err == nil || !strings.Contains(err.Error(), "12 digits are needed") {
		t.Errorf("got %v", err)
	}
	if r.exists(retiredPath) || !r.exists("images/ubuntu/noble/amd64/default/20240105_0732/disk.qcow2") {
		t.Error("something was written down, or deleted")
	}
	want(t, "listing", r.listing(), before)
	if r.mustBuild(Options{}).Changed {
		t.Error("a build changed the documents")
	}

	r.version("other/ubuntu/noble/amd64/cloud/1")
	if err := os.Rename(r.dir+"/images", r.dir+"/elsewhere"); err != nil {
		t.Fatal(err)
	}
	o := Options{Streams: []string{"images", "other"}, Publish: r.publish}
	if _, err := Remove(t.Context(), r.dir, o, machine); err == nil || !strings.Contains(err.Error(), "is still listed") {
		t.Errorf("got %v", err)
	}
	want(t, "listing", r.listing(), before)
}

// TestRemoveDeltas: with a root go the deltas that make it; those that are made of it are not listed any more.
func TestRemoveDeltas(t *testing.T) {
	r := newTestRoot(t)
	for _, version := range []string{"20240101", "20240102", "20240103"} {
		r.version(product0+version, "lxd.tar.xz", "rootfs.squashfs", "disk.qcow2")
	}
	o := Options{Differ: copier{}, Publish: r.publish}
	var fingerprint string
	for _, image := range Images(r.mustBuild(o).Streams[0].Products) {
		if image.Version == "20240102" && image.Type == "container" {
			fingerprint = image.Fingerprint
		}
	}
	if _, err := Remove(t.Context(), r.dir, o, fingerprint); err != nil {
		t.Fatal(err)
	}
	r.check()
	want(t, "listing", r.listing(), `ubuntu:noble:amd64:cloud 20240101: disk.qcow2 incus.tar.xz lxd.tar.xz rootfs.squashfs
ubuntu:noble:amd64:cloud 20240102: disk.qcow2 incus.tar.xz lxd.tar.xz
ubuntu:noble:amd64:cloud 20240103: disk.qcow2 incus.tar.xz lxd.tar.xz rootfs.squashfs`)
	if r.exists(product0+"20240102/rootfs.20240101.vcdiff") || r.exists(retiredPath) {
		t.Error("the delta that makes it is still there, or written down")
	}
}

// TestStreamNames: a stream may be named as directories are, and more than once.
func TestStreamNames(t *testing.T) {
	r := newTestRoot(t)
	machine, _ := r.twoRoots()
	names := []string{"images/", "images", "./images"}
	report, err := Remove(t.Context(), r.dir, Options{Streams: names, Publish: r.publish}, machine)
	if err != nil || len(report.Streams) != 1 || report.Streams[0].Name != "images" {
		t.Errorf("got %+v, %v", report, err)
	}
	plans, err := r.prune(PruneOptions{Streams: names})
	if err != nil || len(plans) != 1 || plans[0].Stream != "images" {
		t.Errorf("got %+v, %v", plans, err)
	}
	r.check()
}
