package mirror_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seed-43fb3962/sstream/mirror"
	"github.com/seed-43fb3962/sstream/streams"
)

func TestTrimmed(t *testing.T) {
	dir := t.TempDir()
	only := func(word string) func(*mirror.Options) {
		return func(o *mirror.Options) {
			o.Metadata = mirror.Trimmed
			list, err := streams.ParseFilters([]string{word})
			if err != nil {
				t.Fatal(err)
			}
			o.Plan.Item = func(e *streams.Entity) (bool, error) { return list.Match(e.Get) }
		}
	}
	listed := func() (refs []string) {
		for doc, err := range open(t, dir).Walk(t.Context(), indexPath, nil) {
			if err != nil {
				t.Fatal(err)
			}
			if doc.Products != nil {
				for e := range doc.Products.All() {
					refs = append(refs, e.Ref.String())
				}
			}
		}
		slices.Sort(refs)
		return refs
	}
	mustRun(t, first.files(t, 1), dir, only("product_name=b"))
	if got := listed(); !slices.Equal(got, []string{"b/1/disk"}) {
		t.Errorf("listed: %v", got)
	}
	mustRun(t, first.files(t, 1), dir, only("item_name=disk")) // selections add up
	if got := listed(); !slices.Equal(got, []string{"a/1/disk", "a/2/disk", "b/1/disk"}) {
		t.Errorf("listed: %v", got)
	}
	checkPublished(t, dir, "trimmed")
}

// TestTrimmedEntries looks at what the index says of what it leads to: the documents that are made anew do not have the size and the
// checksum of the source's, and the others do not change.
func TestTrimmedEntries(t *testing.T) {
	files := first.files(t, 1)
	const notes, inner = "streams/v1/notes.sjson", "streams/v1/inner.json"
	files[notes] = "signed elsewhere\n"
	files[inner] = strings.Replace(files[indexPath], `"path"`, fmt.Sprintf(`"size": %d, "path"`, len(files["streams/v1/test.json"])), 1)
	listed := func(path, format string) string {
		return fmt.Sprintf(`{"path": %q, "format": %q, "size": %d, "sha256": "%x"}`, path, format, len(files[path]), sha256.Sum256([]byte(files[path])))
	}
	files[indexPath] = fmt.Sprintf(`{"format": "index:1.0", "index": {"inner": %s, "notes": %s}}`, listed(inner, "index:1.0"), listed(notes, "text"))
	dir := t.TempDir()
	mustRun(t, files, dir, func(o *mirror.Options) {
		o.Metadata = mirror.Trimmed
		o.Plan.Item = func(e *streams.Entity) (bool, error) { return e.Ref.Product == "b", nil }
	})
	checkPublished(t, dir, "trimmed")
	index, err := os.ReadFile(filepath.Join(dir, indexPath))
	if err != nil {
		t.Fatal(err)
	}
	x, err := streams.ParseIndex(index)
	if err != nil {
		t.Fatal(err)
	}
	if e, _ := x.Entries.Get("notes"); e.Str("path") != notes || e.Str("sha256") == "" {
		t.Errorf("notes are listed so: %s", index)
	}
}

func TestNotHeld(t *testing.T) {
	report := mustRun(t, first.files(t, 1), t.TempDir(), func(o *mirror.Options) {
		o.Plan.Item = func(e *streams.Entity) (bool, error) { return e.Ref.Product == "b", nil }
	})
	if report.NotHeld != 4 {
		t.Errorf("%+v: four items are listed and not held", report)
	}
}
