package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/seed-43fb3962/sstream/publish"
	"github.com/seed-43fb3962/sstream/sign"
	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/streams"
)

// publishInto returns a function that publishes documents below root with their companions, the index last. With a nil
// signer it refuses to replace a document that is signed: the signature would no longer be right.
func publishInto(root string, signer sign.Signer) func(context.Context, map[string][]byte) error {
	publish := publishDocuments(root, signer)
	if signer != nil {
		return publish
	}
	return func(ctx context.Context, docs map[string][]byte) error {
		if err := notSigned(root, slices.Sorted(maps.Keys(docs))); err != nil {
			return err
		}
		return publish(ctx, docs)
	}
}

// notSigned fails if one of these documents is signed.
func notSigned(root string, names []string) error {
	for _, name := range names {
		signed := filepath.Join(root, streams.SignedPath(name))
		if _, err := os.Lstat(signed); err == nil {
			return fmt.Errorf("%s would no longer be what its document says: sign that too (--sign-key), or remove it", signed)
		}
	}
	return nil
}

func publishDocuments(root string, signer sign.Signer) func(context.Context, map[string][]byte) error {
	return func(ctx context.Context, docs map[string][]byte) (err error) {
		dir, err := store.OpenDir(root, store.DirOptions{})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, dir.Close()) }()
		var list []publish.Document
		for _, name := range slices.Sorted(maps.Keys(docs)) {
			list = append(list, publish.Document{Path: name, Data: docs[name], Index: path.Base(name) == "index.json", Companions: true})
		}
		p := publish.Publisher{Store: dir, Gzip: true, Signer: signer}
		return p.Publish(ctx, list, nil)
	}
}

// publishPlainly is publishInto as simplestream-maintainer leaves a tree: documents that everyone may read, whatever the
// umask, and nothing else.
func publishPlainly(root string) func(context.Context, map[string][]byte) error {
	publish := publishDocuments(root, nil)
	return func(ctx context.Context, docs map[string][]byte) error {
		if err := publish(ctx, docs); err != nil {
			return err
		}
		for name := range docs {
			for _, name := range []string{name, name + ".gz"} {
				if err := os.Chmod(filepath.Join(root, name), 0o644); err != nil {
					return err
				}
			}
			for _, suffix := range []string{".tmp", ".tmp.gz"} { // what a run of the original that was killed has left
				_ = os.Remove(filepath.Join(root, path.Dir(name), "."+path.Base(name)+suffix))
			}
		}
		ours := filepath.Join(root, ".sstream")
		if err := os.RemoveAll(filepath.Join(ours, "aside")); err != nil {
			return err
		}
		_ = os.Remove(ours) // if there is nothing else in it
		return nil
	}
}
