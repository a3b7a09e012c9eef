// Package publish writes the documents of a mirror and what goes with them, compressed and signed forms, so that its
// readers never see half of a change.
package publish

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"golang.org/x/sync/errgroup"

	"github.com/seed-43fb3962/sstream/sign"
	"github.com/seed-43fb3962/sstream/store"
)

// Publisher publishes into a store.
type Publisher struct {
	Store  store.Store
	Gzip   bool        // companions: PATH.gz
	Signer sign.Signer // companions: NAME.sjson, clear-signed, and NAME.json.gpg, a detached signature; nil: neither
	Resign bool        // sign also what has not changed, as after a change of the key; false: only what has changed
}

// Document is a document to publish.
type Document struct {
	Path       string
	Data       []byte
	Render     func(w io.Writer) error // writes what is too large to be held in Data, the same every time; nil: it is Data
	Index      bool                    // it lists other documents: they have to be there before it
	Changed    bool                    // it differs from what is there, as the caller knows; false: the Publisher looks
	Companions bool                    // with the companions that the Publisher says; false: as it is and alone, as a mirror does
}

// hold makes a document that is rendered one that is held.
func (d *Document) hold() error {
	if d.Render == nil {
		return nil
	}
	var text bytes.Buffer
	err := d.Render(&text)
	d.Data, d.Render = text.Bytes(), nil
	return err
}

func (d *Document) content() store.Content {
	if d.Render != nil {
		return store.Rendered(d.Render)
	}
	return store.Bytes(d.Data)
}

// Publish makes docs what is published, and takes away the paths of gone that are not among them. What has not changed
// is not written. Where the store is a [store.Replacer] that can, all of it is one change; else it is written in an order
// in which every document that a reader finds leads to others that are there: products before their index, what is
// gone last. Documents are published in the order given otherwise.
//
// A signature is older than its document only between two writes of that order. If the run ends there, the next one
// sees it and signs again.
func (p *Publisher) Publish(ctx context.Context, docs []Document, gone []string) error {
	files, err := p.files(ctx, docs)
	if err != nil {
		return err
	}
	gone, err = p.present(ctx, files, gone)
	if err != nil {
		return err
	}
	return p.write(ctx, files, gone)
}

// write writes the files that have changed, and removes what is gone.
func (p *Publisher) write(ctx context.Context, files []file, gone []string) error {
	changed := make(map[string]store.Content)
	for _, f := range files {
		if f.changed {
			changed[f.path] = f.content
		}
	}
	if len(changed)+len(gone) == 0 {
		return nil
	}
	if r, ok := p.Store.(store.Replacer); ok {
		if err := r.Replace(ctx, changed, gone); !errors.Is(err, errors.ErrUnsupported) {
			return err
		}
	}
	return p.oneByOne(ctx, files, gone)
}

// oneByOne writes the files that have changed in their order.
func (p *Publisher) oneByOne(ctx context.Context, files []file, gone []string) error {
	for _, f := range files {
		if !f.changed {
			continue
		}
		if err := p.Store.Put(ctx, f.path, f.content); err != nil {
			return err
		}
	}
	for _, path := range gone {
		if err := p.Store.Delete(ctx, path); err != nil {
			return err
		}
	}
	if s, ok := p.Store.(store.Syncer); ok {
		return s.Sync(ctx)
	}
	return nil
}

// file is a document or a companion, as it shall be.
type file struct {
	path    string
	content store.Content // the zero value if it has not changed and was not made
	changed bool
	signs   string // the document that this is a signed form of; "" if it is none
}

// files returns all that is to be published, products before indexes.
func (p *Publisher) files(ctx context.Context, docs []Document) ([]file, error) {
	made := make([][]file, len(docs))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(2) // a document may be large, and compressed and signed in memory
	for i, doc := range docs {
		group.Go(func() (err error) {
			made[i], err = p.forms(ctx, doc)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var files []file
	seen := make(map[string]Document)
	for _, index := range []bool{false, true} {
		for i, doc := range docs {
			if doc.Index != index {
				continue
			}
			for _, f := range made[i] {
				other, again := seen[f.path]
				if again && (doc.Render != nil || other.Render != nil || !bytes.Equal(other.Data, doc.Data)) {
					return nil, fmt.Errorf("cannot publish %s: there are two different documents of that name", f.path)
				}
				if !again {
					seen[f.path] = doc
					files = append(files, f)
				}
			}
		}
	}
	return files, nil
}

// present returns the paths of gone that are there and not published.
func (p *Publisher) present(ctx context.Context, files []file, gone []string) ([]string, error) {
	stays := make(map[string]bool)
	for _, f := range files {
		stays[f.path] = true
	}
	var present []string
	for _, path := range gone {
		if stays[path] {
			continue
		}
		_, err := p.Store.Stat(ctx, path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		stays[path] = true // once is enough
		present = append(present, path)
	}
	return present, nil
}
