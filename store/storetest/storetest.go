// Package storetest is the suite that every store passes, and the stores that tests need.
//
// A store's whole test file is a call of [Run]; what it can do beyond [store.Store] is found by type assertion and
// tested as well.
package storetest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"slices"
	"testing"

	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/streams"
)

// Run tests the store that open makes. Every subtest opens an empty one of its own.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, store.Store)
	}{
		{"Read", testRead},
		{"Absent", testAbsent},
		{"Names", testNames},
		{"UnsafePaths", testUnsafePaths},
		{"Sizes", testSizes},
		{"Digests", testDigests},
		{"ContentErrors", testContentErrors},
		{"ReaderErrors", testReaderErrors},
		{"EndlessContent", testEndlessContent},
		{"Delete", testDelete},
		{"Cancelled", testCancelled},
		{"CancelledWhileReading", testCancelledWhileReading},
		{"ReadersDuringPut", testReadersDuringPut},
		{"WritersOfOnePath", testWritersOfOnePath},
		{"WritersAndDeletes", testWritersAndDeletes},
		{"Syncer", testSyncer},
		{"SyncerOrder", testSyncerOrder},
		{"Replacer", testReplacer},
		{"ReplacerUnsupported", testReplacerUnsupported},
		{"ReplacerBroken", testReplacerBroken},
		{"ReadersDuringReplace", testReadersDuringReplace},
		{"Lister", testLister},
		{"Copier", testCopier},
		{"Adopter", testAdopter},
		{"Limited", testLimited},
		{"Locker", testLocker},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
	}
}

// Plain hides what a store can do beyond [store.Store].
func Plain(s store.Store) store.Store { return struct{ store.Store }{s} }

// Content is the content of data, with its SHA-256.
func Content(data []byte) store.Content {
	c := store.Bytes(data)
	sum := sha256.Sum256(data)
	c.Digest = streams.Digest{Algorithm: "sha256", Hex: hex.EncodeToString(sum[:])}
	return c
}

// Put writes data at path, and fails the test if it cannot.
func Put(t testing.TB, s store.Store, path, data string) {
	t.Helper()
	if err := s.Put(t.Context(), path, Content([]byte(data))); err != nil {
		t.Fatalf("Put(%q): %v", path, err)
	}
}

// Get returns what is at path, and whether anything is. It fails the test on any other error.
func Get(t testing.TB, s store.Source, path string) (data string, ok bool) {
	t.Helper()
	r, err := s.Open(context.WithoutCancel(t.Context()), path, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return "", false
	}
	if err != nil {
		t.Fatalf("Open(%q): %v", path, err)
	}
	defer r.Close()
	all, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("reading %q: %v", path, err)
	}
	return string(all), true
}

// List returns the paths that a store holds.
func List(t testing.TB, s store.Store, prefix string) []string {
	t.Helper()
	l, ok := s.(store.Lister)
	if !ok {
		t.Fatalf("%T is not a store.Lister", s)
	}
	paths := []string{}
	for path, err := range l.List(t.Context(), prefix) {
		if err != nil {
			t.Fatalf("List(%q): %v", prefix, err)
		}
		paths = append(paths, path)
	}
	return paths
}

// wantContent fails the test unless data is at path and Stat knows its size.
func wantContent(t *testing.T, s store.Store, path, data string) {
	t.Helper()
	got, ok := Get(t, s, path)
	if !ok || got != data {
		t.Errorf("at %q is %s (%v), want %s", path, short(got), ok, short(data))
	}
	info, err := s.Stat(t.Context(), path)
	if err != nil || info.Size != int64(len(data)) {
		t.Errorf("Stat(%q) = %+v, %v, want size %d", path, info, err, len(data))
	}
}

// wantAbsent fails the test if anything is at path.
func wantAbsent(t *testing.T, s store.Store, path string) {
	t.Helper()
	if r, err := s.Open(t.Context(), path, 0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open(%q): error %v, want fs.ErrNotExist", path, err)
		if err == nil {
			r.Close()
		}
	}
	if _, err := s.Stat(t.Context(), path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Stat(%q): error %v, want fs.ErrNotExist", path, err)
	}
}

// wantPaths fails the test unless the store holds exactly these paths, if it can tell.
func wantPaths(t *testing.T, s store.Store, want ...string) {
	t.Helper()
	if _, ok := s.(store.Lister); !ok {
		return
	}
	if got := List(t, s, ""); !slices.Equal(got, want) {
		t.Errorf("the store holds %q, want %q", got, want)
	}
}

func short(data string) string {
	if len(data) > 40 {
		return data[:40] + "…"
	}
	return data
}
