package maintain

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestPruneGrace(t *testing.T) {
	r := newTestRoot(t)
	r.version(product0 + "20240101")
	r.version(product0 + "20240102")
	r.mustBuild(Options{})
	now := time.Now()
	o := PruneOptions{Retention: Retention{Builds: 1, Grace: 2 * time.Hour}, Now: func() time.Time { return now }}
	prune := func() {
		t.Helper()
		if _, err := r.prune(o); err != nil {
			t.Fatal(err)
		}
	}
	prune()
	if l := r.listing(); strings.Contains(l, "20240101") || !r.exists(product0+"20240101/lxd.tar.xz") {
		t.Errorf("listed: %s", l)
	}
	r.mustBuild(Options{})
	if l := r.listing(); strings.Contains(l, "20240101") {
		t.Errorf("a build listed what a prune has unlisted: %s", l)
	}
	now = now.Add(3 * time.Hour)
	prune()
	if r.exists(product0 + "20240101") {
		t.Error("it is still there after the grace period")
	}
	if r.exists(retiredPath) {
		t.Error("it is still written down")
	}
	r.version(product0 + "20240101")
	r.mustBuild(Options{})
	if l := r.listing(); !strings.Contains(l, "20240101") {
		t.Errorf("what was put back is not listed: %s", l)
	}
}

// TestPruneCutShort: what a prune has unlisted and not deleted any more is not listed again; the next one deletes it.
func TestPruneCutShort(t *testing.T) {
	for _, seed := range []bool{false, true} {
		r := newTestRoot(t)
		for _, version := range []string{"20240101", "20240102", "20240103"} {
			r.version(product0 + version)
		}
		r.mustBuild(Options{Seed: seed})
		ctx, cancel := context.WithCancel(t.Context())
		o := PruneOptions{Retention: Retention{Builds: 1}, Seed: seed, Publish: func(ctx context.Context, docs map[string][]byte) error {
			defer cancel()
			return r.publish(ctx, docs)
		}}
		plans, err := Prune(ctx, r.dir, o)
		if !errors.Is(err, context.Canceled) || len(plans) != 1 || !plans[0].Done || len(plans[0].Failed) != 2 {
			t.Fatalf("got %+v, %v", plans, err)
		}
		if !r.exists(product0+"20240101") || !r.exists(product0+"20240102") {
			t.Fatal("it has deleted something")
		}
		r.mustBuild(Options{Seed: seed})
		if l := r.listing(); strings.Contains(l, "20240101") || strings.Contains(l, "20240102") {
			t.Errorf("a build listed what a prune has unlisted: %s", l)
		}
		if _, err := r.prune(PruneOptions{Seed: seed}); err != nil {
			t.Fatal(err)
		}
		if r.exists(product0+"20240101") || r.exists(product0+"20240102") || r.exists(retiredPath) {
			t.Error("the next prune has not deleted it, or not forgotten it")
		}
		if seed && r.exists(".sstream") {
			t.Error("a directory is left that the old tool does not make")
		}
	}
}

// readding puts a version back as soon as a prune says that it is gone.
type readding struct {
	slog.Handler
	put func()
}

func (h readding) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "Pruned old product version" {
		h.put()
	}
	return nil
}

// TestAddedAgainDuringPrune: a version that comes back before the prune that deleted it has ended is listed.
func TestAddedAgainDuringPrune(t *testing.T) {
	r := newTestRoot(t)
	r.version(product0 + "20240101")
	r.version(product0 + "20240102")
	r.mustBuild(Options{})
	before := r.listing()
	put := func() { r.version(product0 + "20240101") }
	log := slog.New(readding{slog.NewTextHandler(io.Discard, nil), put})
	if _, err := r.prune(PruneOptions{Retention: Retention{Builds: 1}, Log: log}); err != nil {
		t.Fatal(err)
	}
	if r.exists(retiredPath) {
		t.Error("it is still written down")
	}
	r.mustBuild(Options{})
	want(t, "listing", r.listing(), before)
}

// TestPinRetired: a version that is pinned before it is deleted is listed again.
func TestPinRetired(t *testing.T) {
	r := newTestRoot(t)
	r.version(product0 + "20240101")
	r.version(product0 + "20240102")
	r.mustBuild(Options{})
	before := r.listing()
	o := PruneOptions{Retention: Retention{Builds: 1, Grace: time.Hour}}
	if _, err := r.prune(o); err != nil {
		t.Fatal(err)
	}
	o.Pins, o.Grace = []Pin{{Product: "ubuntu:noble:amd64:cloud", Version: "20240101"}}, 0
	if _, err := r.prune(o); err != nil {
		t.Fatal(err)
	}
	r.mustBuild(Options{})
	want(t, "listing", r.listing(), before)
}
