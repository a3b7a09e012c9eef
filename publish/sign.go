package publish

import (
	"context"
	"fmt"
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

// Sign gives documents of a store their signed forms, all in one change: beside NAME.json, NAME.json.gpg with a detached
// signature and NAME.sjson, clear-signed. A clear-signed index leads to clear-signed documents. It returns the paths of
// the documents that it signed, sorted; the documents themselves stay as they are.
func Sign(ctx context.Context, st store.Store, paths []string, o SignOptions) ([]string, error) {
	p := Publisher{Store: st, Signer: o.Signer, Resign: o.Force}
	var docs []Document
	for _, path := range slices.Sorted(slices.Values(paths)) {
		data, err := store.ReadAll(ctx, st, path, maxDocument)
		if err != nil {
			return nil, err
		}
		index, err := streams.ParseIndex(data) // a products file has no entries then
		if err != nil {
			return nil, fmt.Errorf("cannot sign %s: %w", path, err)
		}
		docs = append(docs, Document{Path: path, Data: data, Index: index.Str("format") == streams.IndexFormat, Companions: true})
	}
	files, err := p.files(ctx, docs)
	if err != nil {
		return nil, err
	}
	if err := p.write(ctx, files, nil); err != nil {
		return nil, err
	}
	var signed []string
	for _, f := range files {
		if f.changed && f.signs != "" {
			signed = append(signed, f.signs)
		}
	}
	slices.Sort(signed)
	return slices.Compact(signed), nil
}
