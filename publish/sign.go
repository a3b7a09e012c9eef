// Package publish writes documents and the forms that go with them so that readers never see a part.
package publish

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/seed-43fb3962/sstream/sign"
	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/streams"
)

// SignOptions say how documents that are there are signed.
type SignOptions struct {
	Signer sign.Signer
	Force  bool // sign everything anew, as after a change of the key; false: only what has changed since it was signed
}

// A document larger than this is no document.
const maxDocument = 1 << 30

// Sign gives documents of a store their signed forms, all in one change: beside PATH.json, PATH.json.gpg with a detached
// signature and PATH.sjson, clear-signed. A clear-signed index leads to clear-signed documents. It returns the paths of
// the documents that it signed; the documents themselves stay as they are.
func Sign(ctx context.Context, st store.Store, paths []string, o SignOptions) ([]string, error) {
	var forms signedForms
	var signed []string
	for _, path := range slices.Sorted(slices.Values(paths)) {
		changed, err := forms.add(ctx, st, path, o)
		if err != nil {
			return nil, fmt.Errorf("cannot sign %s: %w", path, err)
		}
		if changed {
			signed = append(signed, path)
		}
	}
	if len(signed) == 0 {
		return nil, nil
	}
	return signed, forms.put(ctx, st)
}

// signedForms are the files that are to be published, by path.
type signedForms struct {
	files map[string][]byte
	order []string // in which they are published where that cannot be done at once: indexes last
}

// add makes the two signed forms of one document, unless those that are there are of this document.
func (f *signedForms) add(ctx context.Context, st store.Store, path string, o SignOptions) (changed bool, err error) {
	data, err := store.ReadAll(ctx, st, path, maxDocument)
	if err != nil {
		return false, err
	}
	index, err := streams.ParseIndex(data) // a products file has no entries then
	if err != nil {
		return false, err
	}
	text, isIndex := data, index.Str("format") == streams.IndexFormat
	if isIndex && index.NameSigned() {
		text = streams.Append(nil, index, streams.Style{Indent: 1, KeepOrder: true})
	}
	if !o.Force {
		done, err := isSigned(ctx, st, path, text)
		if done || err != nil {
			return false, err
		}
	}
	clear, err := o.Signer.Clearsign(ctx, text)
	if err != nil {
		return false, err
	}
	detached, err := o.Signer.Detach(ctx, data)
	if err != nil {
		return false, err
	}
	if f.files == nil {
		f.files = make(map[string][]byte)
	}
	f.files[path+".gpg"], f.files[streams.SignedPath(path)] = detached, clear
	names := []string{path + ".gpg", streams.SignedPath(path)}
	if isIndex {
		f.order = append(f.order, names...)
	} else {
		f.order = append(names, f.order...)
	}
	return true, nil
}

// put publishes the files, as one change where the store can.
func (f *signedForms) put(ctx context.Context, st store.Store) error {
	if r, ok := st.(store.Replacer); ok {
		if err := r.Replace(ctx, f.files, nil); !errors.Is(err, errors.ErrUnsupported) {
			return err
		}
	}
	for _, path := range f.order {
		if err := st.Put(ctx, path, store.Bytes(f.files[path])); err != nil {
			return err
		}
	}
	return nil
}

// isSigned tells whether both signed forms are there and of this document: the clear-signed one by its text, the
// detached signature, which cannot be compared without the key, by being no older than the document.
func isSigned(ctx context.Context, st store.Store, path string, text []byte) (bool, error) {
	document, err := st.Stat(ctx, path)
	if err != nil {
		return false, err
	}
	detached, err := st.Stat(ctx, path+".gpg")
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	clear, err := store.ReadAll(ctx, st, streams.SignedPath(path), maxDocument)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return !detached.Modified.Before(document.Modified) && sign.Covers(clear, text), nil
}
