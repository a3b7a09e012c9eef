package maintain

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/streams"
)

// holdings makes a product of versions written "name", "name(hours old)", with a mark for those that are not both on
// disk and listed: "name-" is not on disk, "name+" is not listed, "name~" was unlisted 2 hours ago.
func holdings(now time.Time, versions ...string) Holdings {
	p := &Product{Distro: "a", Release: "b", Arch: "c", Variant: "d", Path: "images/a/b/c/d"}
	node := &streams.Product{Versions: streams.MakeNodes[*streams.Version]()}
	h := Holdings{Catalogue: &streams.Products{}, Touched: map[string]time.Time{}, Retired: map[string]time.Time{}}
	for _, text := range versions {
		var hours float64
		name, rest, _ := strings.Cut(text, "(")
		fmt.Sscanf(rest, "%g", &hours)
		mark := strings.TrimLeft(name, "v0123456789.")
		name = strings.TrimSuffix(name, mark)
		at := p.Path + "/" + name
		modified := now.Add(-time.Duration(hours * float64(time.Hour)))
		if mark != "-" {
			p.Versions = append(p.Versions, &Version{Name: name, Path: at, Real: at, Modified: modified})
			h.Touched[at] = modified
		}
		if mark == "" || mark == "-" {
			node.Versions.Set(name, new(streams.Version))
		}
		if mark == "~" {
			h.Retired[at] = now.Add(-2 * time.Hour)
		}
	}
	slices.SortFunc(p.Versions, func(a, b *Version) int { return strings.Compare(a.Name, b.Name) })
	h.Catalogue.Products.Set(p.ID(), node)
	h.Tree = &Tree{Stream: "images", Products: []*Product{p}}
	return h
}

func names(list []Removal) string {
	var out []string
	for _, r := range list {
		out = append(out, r.Version)
	}
	return strings.Join(out, " ")
}

func TestRetention(t *testing.T) {
	now := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	pin := []Pin{{"a:b:c:d", "v1"}}
	for _, c := range []struct {
		name                   string
		r                      Retention
		versions               string
		unlist, delete, retire string
	}{
		{"two stay", Retention{Builds: 2}, "v1 v2 v3", "v1", "v1", ""},
		{"byte order", Retention{Builds: 2}, "v8 v9 v10", "v10", "v10", ""},
		{"gone ones do not count", Retention{Builds: 2}, "v1 v2 v3-", "v3", "", ""},
		{"all gone", Retention{Builds: 2}, "v1-", "v1", "", ""},
		{"days", Retention{Builds: 9, Days: 1}, "v1(23) v2(25)", "v2", "v2", ""},
		{"an edge of days", Retention{Days: 1}, "v1(24) v2(24.01)", "v2", "v2", ""},
		{"the newest stays however old", Retention{Days: 1}, "v1(99) v2(99)", "v1", "v1", ""},
		{"the newest stays, not the youngest", Retention{Builds: 1, Days: 1}, "v1 v2(99)", "v1", "v1", ""},
		{"old ones count as builds", Retention{Builds: 2, Days: 1}, "v1 v2 v3(99)", "v3 v1", "v3 v1", ""},
		{"days off", Retention{Builds: 9, Days: -5}, "v1(999) v2(999)", "", "", ""},
		{"more days than a duration has", Retention{Days: 106_752}, "v1 v2(999) v3(9999)", "", "", ""},
		{"pinned", Retention{Builds: 1, Pins: pin}, "v1 v2 v3", "v2", "v2", ""},
		{"pinned product", Retention{Builds: 1, Pins: []Pin{{"a:b:c:d", ""}}}, "v1 v2 v3", "", "", ""},
		{"dangling", Retention{Builds: 9, Dangling: true}, "v1 v2+(5.98) v3+(6.02)", "", "v3", ""},
		{"dangling, pinned", Retention{Dangling: true, Pins: pin}, "v1+(7) v2", "", "", ""},
		{"dangling not asked for", Retention{Builds: 9}, "v1 v3+(7)", "", "", ""},
		{"grace", Retention{Builds: 1, Grace: time.Hour}, "v1 v2", "v1", "", "v1"},
		{"after grace", Retention{Builds: 1, Grace: time.Hour}, "v1~ v2", "", "v1", ""},
		{"in grace", Retention{Builds: 1, Grace: 3 * time.Hour, Dangling: true}, "v1~(9) v2", "", "", ""},
	} {
		plan := c.r.Plan(holdings(now, strings.Fields(c.versions)...), now)
		if u, d, r := names(plan.Unlist), names(plan.Delete), names(plan.Retire); u != c.unlist || d != c.delete || r != c.retire {
			t.Errorf("%s: unlists %q, deletes %q, retires %q", c.name, u, d, r)
		}
	}
}

func TestRetentionOfEmptyCatalogue(t *testing.T) {
	now := time.Now()
	h := holdings(now, "v1+(99)")
	h.Catalogue = new(streams.Products)
	if plan := (Retention{Dangling: true}).Plan(h, now); len(plan.Delete) > 0 || !plan.Empty {
		t.Errorf("got %+v", plan)
	}
}

func TestParsePin(t *testing.T) {
	for text, want := range map[string]string{"a:b:c:d": "{a:b:c:d }", " a:b:c:d@1 ": "{a:b:c:d 1}", "a": "", "a:b:c:d@": "", "@1": ""} {
		p, err := ParsePin(text)
		if (err == nil) != (want != "") || err == nil && fmt.Sprint(p) != want {
			t.Errorf("%q: got %v, %v", text, p, err)
		}
	}
}

func (r *testRoot) prune(o PruneOptions) ([]*PrunePlan, error) {
	o.Publish = r.publish
	return Prune(r.Context(), r.dir, o)
}

func (r *testRoot) exists(path string) bool {
	_, err := os.Lstat(filepath.Join(r.dir, path))
	return err == nil
}

func TestPrune(t *testing.T) {
	r := newTestRoot(t)
	r.version(product0 + "20240101")
	r.version(product0 + "20240102")
	r.version("images/debian/sid/amd64/default/20240101")
	r.mustBuild(Options{Differ: copier{}})
	r.put("images/README", "foreign")
	if _, err := r.prune(PruneOptions{Retention: Retention{Builds: 1}}); err != nil {
		t.Fatal(err)
	}
	r.check()
	want(t, "listing", r.listing(), `debian:sid:amd64:default 20240101: disk.qcow2 incus.tar.xz lxd.tar.xz rootfs.squashfs
ubuntu:noble:amd64:cloud 20240102: disk.qcow2 incus.tar.xz lxd.tar.xz rootfs.squashfs`)
	if r.exists(product0+"20240101") || !r.exists("images/README") {
		t.Error("the wrong things were deleted")
	}
	if report := r.mustBuild(Options{Differ: copier{}}); report.Changed {
		t.Error("a build after a prune published")
	}
}

// TestPruneOfAll: what has lost its last product is still a catalogue that can be read.
func TestPruneOfAll(t *testing.T) {
	r := newTestRoot(t)
	r.version(product0 + "20240101")
	r.mustBuild(Options{})
	if err := os.RemoveAll(filepath.Join(r.dir, "images/ubuntu")); err != nil {
		t.Fatal(err)
	}
	if _, err := r.prune(PruneOptions{}); err != nil {
		t.Fatal(err)
	}
	body, err := os.ReadFile(filepath.Join(r.dir, "streams/v1/images.json"))
	if err != nil {
		t.Fatal(err)
	}
	if c, err := streams.ParseProducts(body); err != nil || c.Products.Len() != 0 {
		t.Errorf("%v: %s", err, body)
	}
}

// TestPruneLongName: a version whose name is as long as names may be can be deleted like any other.
func TestPruneLongName(t *testing.T) {
	r := newTestRoot(t)
	long := product0 + "2" + strings.Repeat("é", (longestName-1)/2)
	r.version(long)
	r.version(product0 + "3")
	r.mustBuild(Options{})
	plans, err := r.prune(PruneOptions{Retention: Retention{Builds: 1}})
	if err != nil || len(plans[0].Failed) > 0 || r.exists(long) {
		t.Errorf("got %+v, %v", plans, err)
	}
}

// TestPruneDanglingProduct: a product that has just come is left alone, however old its files.
func TestPruneDanglingProduct(t *testing.T) {
	r := newTestRoot(t)
	r.version(product0 + "20240101")
	r.mustBuild(Options{})
	const product, version = "images/debian/sid/amd64/default", "images/debian/sid/amd64/default/20240101"
	r.version(version)
	r.age(version, 7*time.Hour)
	for _, step := range []struct {
		by   time.Duration
		gone bool
	}{{5 * time.Hour, false}, {7 * time.Hour, true}} {
		then := time.Now().Add(-step.by)
		if err := os.Chtimes(filepath.Join(r.dir, product), then, then); err != nil {
			t.Fatal(err)
		}
		if _, err := r.prune(PruneOptions{Retention: Retention{Dangling: true}}); err != nil {
			t.Fatal(err)
		}
		if r.exists(version) == step.gone {
			t.Errorf("its directory is %v old: deleted is %v", step.by, !step.gone)
		}
	}
}

// TestRemoveVersionTakesLeftovers: a version is deleted together with what a deletion that was killed has left of one of its
// name; to delete that too, as a prune that found both does, is no failure.
func TestRemoveVersionTakesLeftovers(t *testing.T) {
	r := newTestRoot(t)
	left := product0 + ".2" + prunedSuffix
	r.version(product0 + "2")
	r.put(left+"/rootfs.squashfs", "half")
	for _, path := range []string{product0 + "2", left} {
		if err := removeVersion(r.dir, path); err != nil || r.exists(path) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestPruneGuards(t *testing.T) {
	r := newTestRoot(t)
	for i := range 4 {
		r.version(fmt.Sprintf("%s2024010%d", product0, i+1))
	}
	r.mustBuild(Options{})
	before := r.listing()
	plans, err := r.prune(PruneOptions{Retention: Retention{Builds: 1}, MaxDelete: 2})
	if err == nil || !strings.Contains(err.Error(), "3 versions would go, --max-delete allows 2") {
		t.Errorf("got %v", err)
	}
	if len(plans) != 1 || names(plans[0].Delete) != "20240103 20240102 20240101" {
		t.Errorf("got %+v", plans)
	}
	if _, err := r.prune(PruneOptions{Retention: Retention{Builds: 1}, DryRun: true}); err != nil {
		t.Fatal(err)
	}
	want(t, "listing", r.listing(), before)
	if err := os.Rename(filepath.Join(r.dir, "images"), filepath.Join(r.dir, "unmounted")); err != nil {
		t.Fatal(err)
	}
	if _, err := r.prune(PruneOptions{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a stream that is not there was pruned: %v", err)
	}
	want(t, "listing", r.listing(), before)
}

// TestPruneOrder: when the publication fails, nothing has been deleted.
func TestPruneOrder(t *testing.T) {
	r := newTestRoot(t)
	r.version(product0 + "20240101")
	r.version(product0 + "20240102")
	r.mustBuild(Options{})
	failed := errors.New("no")
	_, err := Prune(t.Context(), r.dir, PruneOptions{Retention: Retention{Builds: 1}, Publish: func(context.Context, map[string][]byte) error { return failed }})
	if !errors.Is(err, failed) || !r.exists(product0+"20240101/lxd.tar.xz") || r.exists(retiredPath) {
		t.Errorf("got %v", err)
	}
	if r.mustBuild(Options{}).Changed {
		t.Error("a build unlisted what is still to be listed")
	}
}

// TestPruneRemains: what a prune that was killed has left of a version goes with the next one.
func TestPruneRemains(t *testing.T) {
	r := newTestRoot(t)
	r.version(product0 + "20240101")
	r.mustBuild(Options{})
	const remains = product0 + ".20231231" + prunedSuffix
	r.version(remains)
	r.version(product0 + ".20240102")
	if _, err := r.prune(PruneOptions{}); err != nil {
		t.Fatal(err)
	}
	if r.exists(remains) || !r.exists(product0+".20240102/lxd.tar.xz") || !r.exists(product0+"20240101/lxd.tar.xz") {
		t.Errorf("remains: %v, or an upload or a listed version is gone", r.exists(remains))
	}
}

// TestPruneLinks: nothing is deleted through a link.
func TestPruneLinks(t *testing.T) {
	r := newTestRoot(t)
	outside := newTestRoot(t)
	outside.version("default/20240101")
	outside.version("default/20240102")
	r.version(product0 + "20240101")
	r.version(product0 + "20240102")
	if err := os.Rename(filepath.Join(r.dir, "images"), filepath.Join(r.dir, "store")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("store", filepath.Join(r.dir, "images")); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{
		"default": filepath.Join(outside.dir, "default"), "desktop": "cloud", "again": "desktop", "whole": filepath.Join(r.dir, product0),
	} {
		if err := os.Symlink(to, filepath.Join(r.dir, "images/ubuntu/noble/amd64", link)); err != nil {
			t.Fatal(err)
		}
	}
	r.mustBuild(Options{})
	if _, err := r.prune(PruneOptions{Retention: Retention{Builds: 1}}); err != nil {
		t.Fatal(err)
	}
	r.check()
	if !outside.exists("default/20240101/lxd.tar.xz") || r.exists(product0+"20240101") {
		t.Error("the wrong things were deleted")
	}
	want(t, "listing", strings.ReplaceAll(r.listing(), ": disk.qcow2 incus.tar.xz lxd.tar.xz rootfs.squashfs", ""), `ubuntu:noble:amd64:again 20240102
ubuntu:noble:amd64:cloud 20240102
ubuntu:noble:amd64:default 20240101
ubuntu:noble:amd64:default 20240102
ubuntu:noble:amd64:desktop 20240102
ubuntu:noble:amd64:whole 20240102`)
}

// TestPruneTraversal: a catalogue cannot make a prune delete what is not a version of its stream.
func TestPruneTraversal(t *testing.T) {
	r := newTestRoot(t)
	r.version(product0 + "20240101")
	r.put("victim/x", "x")
	r.put("streams/v1/images.json", `{"content_id":"images","format":"products:1.0","products":{"a:b:c:d":{"distro":"../victim","arch":"y",`+
		`"release":"x","variant":"z","versions":{"1":{},"../../../../../victim":{}}}}}`)
	if _, err := r.prune(PruneOptions{Retention: Retention{Builds: 1}}); err != nil {
		t.Fatal(err)
	}
	if !r.exists("victim/x") {
		t.Error("it was deleted")
	}
}

func TestSweep(t *testing.T) {
	for _, c := range []struct {
		seed bool
		want string
	}{{true, "images images/u images/u/.v1"}, {false, "images images/u images/u/.v1 images/u/fresh other/z"}} {
		r := newTestRoot(t)
		r.version(product0 + "20240101")
		r.mustBuild(Options{})
		for _, dir := range []string{"images/x/y", "other/z", "images/u/.v1", "images/u/fresh"} {
			if err := os.MkdirAll(filepath.Join(r.dir, dir), 0o777); err != nil {
				t.Fatal(err)
			}
		}
		r.age("images/x", 7*time.Hour)
		r.age("other", 7*time.Hour)
		if _, err := r.prune(PruneOptions{Seed: c.seed}); err != nil {
			t.Fatal(err)
		}
		var left []string
		for _, dir := range []string{"images", "images/x/y", "images/u", "images/u/.v1", "images/u/fresh", "other/z"} {
			if r.exists(dir) {
				left = append(left, dir)
			}
		}
		want(t, fmt.Sprint("seed ", c.seed), strings.Join(left, " "), c.want)
	}
}

// TestOneLock: a run that keeps others out of a mirror keeps builds and prunes out, and they say who it is.
func TestOneLock(t *testing.T) {
	r := newTestRoot(t)
	r.version(product0 + "20240101")
	r.mustBuild(Options{})
	dir, err := store.OpenDir(r.dir, store.DirOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	unlock, err := dir.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, built := Build(ctx, r.dir, Options{})
	_, pruned := Prune(ctx, r.dir, PruneOptions{})
	for _, err := range []error{built, pruned} {
		if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), fmt.Sprintf("process %d ", os.Getpid())) {
			t.Errorf("got %v", err)
		}
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	ours, err := lock(t.Context(), r.dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dir.Lock(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("both hold it: %v", err)
	}
	if err := ours(); err != nil {
		t.Fatal(err)
	}
	r.mustBuild(Options{})
}
