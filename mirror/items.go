package mirror

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/seed-43fb3962/sstream/streams"
)

// file is a path of the target that is to be filled.
type file struct {
	path   string
	size   int64 // -1: not listed
	digest streams.Digest
	known  bool // the ledger has it: it may be listed by a published document
}

// documentPaths are the paths of everything that is published.
func (r *run) documentPaths() map[string]bool {
	paths := map[string]bool{}
	for _, doc := range r.docs {
		paths[doc.Path] = true
		for path := range doc.Companions {
			paths[path] = true
		}
	}
	return paths
}

// partSuffix marks a file that is being written.
const partSuffix = ".part"

// listFiles lists what is to be written, each path once, in the order of the plan, and refuses what cannot be mirrored
// safely.
func (r *run) listFiles(ctx context.Context) error {
	documents := r.documentPaths()
	byPath := map[string]*file{}
	for id, e := range r.added() {
		f, err := r.fileOf(&e)
		if err == nil && f != nil {
			err = checkPlace(f.path, documents)
		}
		if err != nil {
			return fmt.Errorf("source: %s: %w", itemID(id, e.Ref), err)
		}
		if f == nil {
			continue
		}
		same, ok := byPath[f.path]
		if !ok {
			byPath[f.path] = f
			r.files = append(r.files, f)
			continue
		}
		if same.size != f.size || same.digest.Algorithm == f.digest.Algorithm && same.digest != f.digest {
			return fmt.Errorf("source: %s and %s list %s with different content", r.firstAt(f.path), itemID(id, e.Ref), f.path)
		}
	}
	if err := r.checkDirectories(byPath, documents); err != nil {
		return err
	}
	if err := r.checkWay(ctx, byPath); err != nil {
		return err
	}
	if r.NoItems {
		r.files = nil
	}
	if r.UseDeltas {
		r.patches = r.findPatches(ctx, r.files)
	}
	return nil
}

// added yields the items of all parts that are to be added or replaced, each with its content id.
func (r *run) added() iter.Seq2[string, streams.Entity] {
	return func(yield func(string, streams.Entity) bool) {
		for _, part := range r.parts {
			for e := range part.Plan.Added() {
				if !yield(part.ContentID, e) {
					return
				}
			}
		}
	}
}

// firstAt returns the id of the first item that is to be added at a path.
func (r *run) firstAt(path string) string {
	for id, e := range r.added() {
		if e.Item.Str("path") == path {
			return itemID(id, e.Ref)
		}
	}
	return ""
}

// whatIsAt names what a path is for.
func (r *run) whatIsAt(path string) string { return cmp.Or(r.firstAt(path), "a document") }

// checkPlace refuses the paths of files that are not for items.
func checkPlace(path string, documents map[string]bool) error {
	switch {
	case documents[path]:
		return fmt.Errorf("its path %s is that of a document", path)
	case reserved(path):
		return fmt.Errorf("its path %s is where a mirror keeps its state", path)
	case strings.HasSuffix(path, partSuffix):
		return fmt.Errorf("its path %s is that of a file being written", path)
	}
	return nil
}

// checkDirectories refuses a path that others need as a directory.
func (r *run) checkDirectories(byPath map[string]*file, documents map[string]bool) error {
	before := "" // its directories have been looked at
	check := func(path string) error {
		for dir := range above(path, before) {
			if byPath[dir] != nil || documents[dir] {
				return fmt.Errorf("source: %s has the path %s, which %s needs as a directory for %s", r.whatIsAt(dir), dir, r.whatIsAt(path), path)
			}
		}
		before = path
		return nil
	}
	for _, document := range slices.Sorted(maps.Keys(documents)) {
		if err := check(document); err != nil {
			return err
		}
	}
	for _, f := range r.files {
		if err := check(f.path); err != nil {
			return err
		}
	}
	return nil
}

// fileOf returns the file of an item, nil if it has none.
func (r *run) fileOf(e *streams.Entity) (*file, error) {
	path, ok := e.Item.Get("path").Str()
	switch kind := e.Item.Get("path").Kind(); {
	case kind == streams.Absent, kind == streams.Null, ok && path == "":
		return nil, nil
	case !ok:
		return nil, errors.New("its path is not text")
	}
	f := &file{path: path, size: -1, digest: streams.DigestOf(e.Get), known: r.ledger.knows(path)}
	if text := e.Get("size"); text != "" {
		size, ok := streams.String(text).Int()
		if !ok || size < 0 {
			return nil, fmt.Errorf("its size %q is not a number of bytes", text)
		}
		f.size = size
	}
	if r.Unchecked {
		return f, nil
	}
	if f.size < 0 {
		return nil, fmt.Errorf("no size is listed for %s; --no-checksumming-reader takes it all the same", path)
	}
	if f.digest.Algorithm == "" {
		return nil, fmt.Errorf("no md5, sha256 or sha512 is listed for %s; --no-checksumming-reader takes it all the same", path)
	}
	return f, nil
}
