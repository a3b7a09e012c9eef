package mirror

import (
	"context"
	"slices"
	"strings"

	"github.com/seed-43fb3962/sstream/fetch"
	"github.com/seed-43fb3962/sstream/publish"
	"github.com/seed-43fb3962/sstream/streams"
)

// publish replaces the documents of the target, all as one where it can.
func (r *run) publish(ctx context.Context) error {
	p := publish.Publisher{Store: r.dst}
	if r.Metadata == Verbatim {
		docs := r.verbatim()
		return p.Publish(ctx, docs, r.forgetMade(docs))
	}
	p.Signer = r.Signer
	docs := r.trimmed()
	if err := r.rememberMade(ctx, docs); err != nil {
		return err
	}
	return p.Publish(ctx, docs, r.outdated(ctx, docs))
}

// verbatim are the source's own bytes.
func (r *run) verbatim() []publish.Document {
	var docs []publish.Document
	for _, doc := range r.docs {
		docs = append(docs, publish.Document{Path: doc.Path, Data: doc.Raw, Index: doc.Index != nil})
		for path, data := range doc.Companions {
			docs = append(docs, publish.Document{Path: path, Data: data, Index: doc.Index != nil})
		}
	}
	slices.SortStableFunc(docs, func(a, b publish.Document) int { return strings.Compare(a.Path, b.Path) })
	return docs
}

// trimmedStyle is how trimmed documents are laid out: lines that every signing tool can take.
var trimmedStyle = streams.Style{Indent: 1, Newline: true}

// trimmed are documents that list what the target holds and nothing else.
func (r *run) trimmed() []publish.Document {
	lists := map[string][]string{} // path in the source of what is made anew -> names of the products that are listed; nil: an index
	var docs []publish.Document
	for _, part := range r.parts {
		held := trim(part.after)
		lists[part.Document.Path] = held.Products.Names()
		docs = append(docs, publish.Document{Path: plainName(part.Document.Path), Data: streams.Append(nil, held, trimmedStyle), Companions: r.Signer != nil})
	}
	for _, doc := range r.docs { // indexes after what they list
		switch {
		case doc.Index != nil:
			lists[doc.Path] = nil
			data := streams.Append(nil, trimIndex(doc, lists), trimmedStyle)
			docs = append(docs, publish.Document{Path: plainName(doc.Path), Data: data, Companions: r.Signer != nil, Index: true})
		case doc.Products == nil:
			docs = append(docs, publish.Document{Path: doc.Path, Data: doc.Raw})
		}
	}
	return docs
}

// trim leaves out aliases, which have been expanded, and what has no items.
func trim(held *streams.Products) *streams.Products {
	t := &streams.Products{Attrs: held.Attrs.Clone(), Products: streams.MakeNodes[*streams.Product]()}
	t.Delete("_aliases")
	for name, product := range held.Products.All() {
		p := &streams.Product{Attrs: product.Attrs, Versions: streams.MakeNodes[*streams.Version]()}
		for version, v := range product.Versions.All() {
			if v.Items.Len() > 0 {
				p.Versions.Set(version, v)
			}
		}
		if p.Versions.Len() > 0 {
			t.Products.Set(name, p)
		}
	}
	return t
}

// trimIndex leaves out the entries that lead to nothing, and names the products that are listed. Of documents that are made anew
// it does not say the size and the checksums that the source's own had.
func trimIndex(doc *fetch.Document, lists map[string][]string) *streams.Index {
	x := &streams.Index{Attrs: doc.Index.Attrs, Entries: streams.MakeNodes[*streams.Entry]()}
	for name, entry := range doc.Index.Entries.All() {
		e := &streams.Entry{Attrs: entry.Attrs.Clone()}
		path := e.Str("path")
		if products, made := lists[path]; made {
			if products != nil && len(products) == 0 {
				continue
			}
			if products != nil {
				e.Set("products", streams.Strings(products))
			}
			e.Set("path", streams.String(plainName(path)))
			e.ForgetContent()
		}
		x.Entries.Set(name, e)
	}
	return x
}

// plainName is the name of a document without its signature.
func plainName(path string) string {
	if name, ok := strings.CutSuffix(path, ".sjson"); ok {
		return name + ".json"
	}
	return path
}

// signedForms are the names under which a document can be beside itself with a signature, none if its own does not end in .json.
func signedForms(path string) []string {
	if signed := streams.SignedPath(path); signed != path {
		return []string{signed, path + ".gpg"}
	}
	return nil
}

// outdated are the signed forms of documents that are published unsigned now.
func (r *run) outdated(ctx context.Context, docs []publish.Document) []string {
	if r.Signer != nil {
		return nil
	}
	var gone []string
	for _, doc := range docs {
		for _, path := range signedForms(doc.Path) {
			if _, err := r.dst.Stat(ctx, path); err == nil {
				gone = append(gone, path)
			}
		}
	}
	return gone
}

// rememberMade writes down what is about to be published that the source does not have.
func (r *run) rememberMade(ctx context.Context, docs []publish.Document) error {
	made := slices.Clone(r.state.Made)
	for _, doc := range docs {
		made = append(made, doc.Path)
		if doc.Companions {
			made = append(made, signedForms(doc.Path)...)
		}
	}
	slices.Sort(made)
	made = slices.Compact(made)
	if slices.Equal(made, r.state.Made) {
		return nil
	}
	r.state.Made = made
	return r.state.save(ctx, r.dst)
}

// forgetMade returns what trimmed runs have made of the documents that are published now: it would go on listing what they listed.
func (r *run) forgetMade(docs []publish.Document) (gone []string) {
	replaced := map[string]bool{}
	for _, doc := range docs {
		plain := plainName(doc.Path)
		replaced[plain] = true
		for _, path := range signedForms(plain) {
			replaced[path] = true
		}
	}
	r.state.Made = slices.DeleteFunc(r.state.Made, func(path string) bool {
		if replaced[path] {
			gone = append(gone, path)
		}
		return replaced[path]
	})
	return gone
}

// notHeld counts the items that the published documents list and the target does not hold.
func (r *run) notHeld() int {
	switch {
	case r.Metadata == Trimmed:
		return 0
	case r.settled != nil:
		return r.settled.NotHeld
	}
	n := 0
	for _, part := range r.parts {
		for name, product := range part.Document.Products.Products.All() {
			held, ok := part.after.Products.Get(name)
			if !ok {
				held = new(streams.Product)
			}
			for version, v := range product.Versions.All() {
				there, ok := held.Versions.Get(version)
				if !ok {
					there = new(streams.Version)
				}
				n += missing(v, there)
			}
		}
	}
	return n
}

// missing counts the files that a version lists and the version that is held has not.
func missing(listed, held *streams.Version) int {
	n, place := 0, 0
	for item, it := range listed.Items.All() {
		if _, ok := held.Items.GetAt(place, item); !ok && it.Str("path") != "" {
			n++
		}
		place++
	}
	return n
}
