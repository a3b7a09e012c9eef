package mirror_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seed-43fb3962/sstream/fetch"
	"github.com/seed-43fb3962/sstream/mirror"
	"github.com/seed-43fb3962/sstream/sign"
	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/streams"
)

const indexPath = "streams/v1/index.json"

// stream is a small source: "product/version/item" to the path and content of its file.
type stream map[string]struct{ path, data string }

// files returns the documents and files of a source whose index says that it was updated on that day.
func (s stream) files(t testing.TB, day int) map[string]string {
	t.Helper()
	updated := streams.String(fmt.Sprintf("Mon, %02d Jan 2024 00:00:00 +0000", day))
	list := &streams.Products{Products: streams.MakeNodes[*streams.Product]()}
	list.Set("format", streams.String(streams.ProductsFormat))
	list.Set("content_id", streams.String("test:download"))
	list.Set("updated", updated)
	files := map[string]string{}
	for _, ref := range slices.Sorted(maps.Keys(s)) {
		names := strings.Split(ref, "/")
		product, ok := list.Products.Get(names[0])
		if !ok {
			product = &streams.Product{Versions: streams.MakeNodes[*streams.Version]()}
			list.Products.Set(names[0], product)
		}
		version, ok := product.Versions.Get(names[1])
		if !ok {
			version = &streams.Version{Items: streams.MakeNodes[*streams.Item]()}
			product.Versions.Set(names[1], version)
		}
		it := &streams.Item{}
		it.Set("path", streams.String(s[ref].path))
		it.Set("size", streams.Int(int64(len(s[ref].data))))
		it.Set("sha256", streams.String(fmt.Sprintf("%x", sha256.Sum256([]byte(s[ref].data)))))
		version.Items.Set(names[2], it)
		files[s[ref].path] = s[ref].data
	}
	index := &streams.Index{Entries: streams.MakeNodes[*streams.Entry]()}
	index.Set("format", streams.String(streams.IndexFormat))
	index.Set("updated", updated)
	e := &streams.Entry{}
	e.Set("format", streams.String(streams.ProductsFormat))
	e.Set("path", streams.String("streams/v1/test.json"))
	e.Set("products", streams.Strings(list.Products.Names()))
	index.Entries.Set("test:download", e)
	files["streams/v1/test.json"] = string(streams.Append(nil, list, streams.Style{Indent: 1}))
	files[indexPath] = string(streams.Append(nil, index, streams.Style{Indent: 1}))
	return files
}

// directory writes files to a new directory.
func directory(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for path, data := range files {
		full := filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func open(t testing.TB, root string) *fetch.Mirror {
	t.Helper()
	m, err := fetch.Open(root, fetch.Options{Policy: &sign.Policy{}, HTTP: fetch.HTTP{Retries: -1}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func openDir(t testing.TB, path string) *store.Dir {
	t.Helper()
	d, err := store.OpenDir(path, store.DirOptions{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// held returns the files of a directory, without what the program keeps for itself.
func held(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		if strings.HasPrefix(rel, ".sstream") || strings.HasPrefix(rel, ".data") {
			return nil
		}
		data, err := os.ReadFile(path)
		files[rel] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// checkPublished fails if a published document lists what is not there, whole and right.
func checkPublished(t testing.TB, dir, when string) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(dir, indexPath)); err != nil {
		return // nothing is published
	}
	for doc, err := range open(t, dir).Walk(context.Background(), indexPath, nil) {
		if err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		if doc.Products == nil {
			continue
		}
		for e := range doc.Products.All() {
			in, err := os.Open(filepath.Join(dir, e.Item.Str("path")))
			if err != nil {
				t.Fatalf("%s: %s is listed: %v", when, e.Ref, err)
			}
			ok, err := streams.DigestOf(e.Get).Check(in)
			in.Close()
			if !ok || err != nil {
				t.Fatalf("%s: %s is listed, but is not what it should be (%v)", when, e.Ref, err)
			}
		}
	}
}

var (
	first = stream{
		"a/1/disk": {"files/a1", "disk of a1"}, "a/1/kernel": {"files/kernel", "a kernel that two versions share"},
		"a/2/disk": {"files/a2", "disk of a2"}, "a/2/kernel": {"files/kernel", "a kernel that two versions share"},
		"b/1/disk": {"files/b1", "disk of b1"},
	}
	second = stream{
		"a/2/disk": {"files/a2", "disk of a2"}, "a/2/kernel": {"files/kernel", "a kernel that two versions share"}, "a/2/extra": {"files/extra", "came later"},
		"a/3/disk": {"files/a3", "disk of a3"}, "a/3/kernel": {"files/kernel3", "another kernel"},
		"b/1/disk": {"files/b1.new", "disk of b1, made again"},
	}
)

func options() mirror.Options { return mirror.Options{Path: indexPath, Jobs: 2} }

func TestRun(t *testing.T) {
	dir := t.TempDir()
	for day, s := range []stream{first, second, second, first} {
		files := s.files(t, day+1)
		o := options()
		report, err := mirror.Run(t.Context(), open(t, directory(t, files)), openDir(t, dir), o)
		if err != nil {
			t.Fatal(err)
		}
		if got := held(t, dir); !maps.Equal(got, files) {
			t.Errorf("run %d: the mirror holds %v, want %v", day, slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(files)))
		}
		want := []mirror.Report{{Items: 4, Bytes: 62}, {Items: 4, Bytes: 56, Removed: 2}, {}, {Items: 3, Bytes: 52, Adopted: 1, Removed: 4}}[day]
		if report != want {
			t.Errorf("run %d: report %+v, want %+v", day, report, want)
		}
		checkPublished(t, dir, "after a run")
	}
}
