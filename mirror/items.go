package mirror

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/seed-43fb3962/sstream/streams"
)

// file is a path of the target that is to be filled.
type file struct {
	path   string
	size   int64 // -1: not listed
	digest streams.Digest
	ids    []string // the items that it is for
	known  bool     // the ledger has it: it may be listed by a published document
	absent bool     // there is nothing at its path
}

// checkItems refuses what cannot be mirrored safely, before anything is written.
func (r *run) checkItems(ctx context.Context) error {
	documents := r.documentPaths()
	files, err := r.files()
	if err != nil {
		return err
	}
	for _, f := range files {
		switch {
		case documents[f.path]:
			err = fmt.Errorf("its path %s is that of a document", f.path)
		case reserved(f.path):
			err = fmt.Errorf("its path %s is where a mirror keeps its state", f.path)
		case strings.HasSuffix(f.path, partSuffix):
			err = fmt.Errorf("its path %s is that of a file being written", f.path)
		}
		if err != nil {
			return fmt.Errorf("source: %s: %w", f.ids[0], err)
		}
	}
	if r.UseDeltas && !r.NoItems {
		r.patches = r.findPatches(ctx, files)
	}
	return nil
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

// files returns what is to be written, each path once, in the order of the plan.
func (r *run) files() ([]*file, error) {
	var files []*file
	byPath := map[string]*file{}
	for _, part := range r.parts {
		for e := range part.Plan.Added() {
			f, err := r.fileOf(part.ContentID, &e)
			if err != nil {
				return nil, fmt.Errorf("source: %s: %w", itemID(part.ContentID, e.Ref), err)
			}
			if f == nil {
				continue
			}
			same, ok := byPath[f.path]
			if !ok {
				byPath[f.path] = f
				files = append(files, f)
				continue
			}
			if same.size != f.size || same.digest.Algorithm == f.digest.Algorithm && same.digest != f.digest {
				return nil, fmt.Errorf("source: %s and %s list %s with different content", same.ids[0], f.ids[0], f.path)
			}
			same.ids = append(same.ids, f.ids...)
		}
	}
	return files, nil
}

// fileOf returns the file of an item, nil if it has none.
func (r *run) fileOf(contentID string, e *streams.Entity) (*file, error) {
	path, ok := e.Item.Get("path").Str()
	switch kind := e.Item.Get("path").Kind(); {
	case kind == streams.Absent, kind == streams.Null, ok && path == "":
		return nil, nil
	case !ok:
		return nil, errors.New("its path is not text")
	}
	f := &file{path: path, size: -1, digest: streams.DigestOf(e.Get), ids: []string{itemID(contentID, e.Ref)}}
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
	f.known = r.ledger.knows(path)
	return f, nil
}
