package maintain

import (
	"iter"
	"path"
	"slices"
	"time"

	"github.com/seed-43fb3962/sstream/streams"
)

// work is one stream while it is built.
type work struct {
	name, path string // of the stream, of its catalogue
	tree       *Tree
	old        *streams.Products // the catalogue as it was, nil if there was none
	oldBody    []byte
	oldTime    time.Time // when the catalogue was written
	products   []*product

	alteredRefs []streams.Ref
	deltas      int // how many were made
}

// product, version and file are what lies on disk together with what is known of it.
type product struct {
	*Product
	work     *work
	old      *streams.Product // nil if it is new
	versions []*version       // the complete ones
}

type version struct {
	*Version
	product *product
	old     *streams.Version // nil if it is new
	files   []*file
	altered bool              // a file of it is not as the catalogue says
	left    bool              // left out
	sums    map[string]string // of SHA256SUMS, if it was needed
}

type file struct {
	File
	path, ftype string
	known       bool // sum holds, without reading it
	altered     bool // it was known, and is no longer what it was
	sum         fileSum
	err         error  // why it could not be read
	left        bool   // left out
	checked     bool   // a delta that is known to decode
	base        string // of a delta: the version that it is based on
}

// all yields the versions, products and versions in byte order.
func (w *work) all() iter.Seq[*version] {
	return func(yield func(*version) bool) {
		for _, p := range w.products {
			for _, v := range p.versions {
				if !yield(v) {
					return
				}
			}
		}
	}
}

// listed returns the versions that are not left out.
func (p *product) listed() []*version {
	var list []*version
	for _, v := range p.versions {
		if !v.left {
			list = append(list, v)
		}
	}
	return list
}

func (v *version) file(name string) *file {
	for _, f := range v.files {
		if f.Name == name {
			return f
		}
	}
	return nil
}

// arrange puts what is known beside what lies on disk.
func (b *builder) arrange(w *work) {
	for _, found := range w.tree.Products {
		p := &product{Product: found, work: w}
		if w.old != nil {
			p.old, _ = w.old.Products.Get(p.ID())
		}
		for _, v := range found.Versions {
			v.Files = slices.DeleteFunc(v.Files, func(f File) bool {
				return b.Seed && !inSeed(f.Name) || slices.Contains(b.Omit, path.Join(v.Path, f.Name))
			})
			if _, gone := b.retired[v.Path]; !gone && v.Missing(b.Clients) == "" {
				p.versions = append(p.versions, b.version(p, v))
			}
		}
		if len(p.versions) > 0 {
			w.products = append(w.products, p)
		}
	}
}

func (b *builder) version(p *product, found *Version) *version {
	v := &version{Version: found, product: p}
	if p.old != nil {
		v.old, _ = p.old.Versions.Get(v.Name)
	}
	for _, found := range found.Files {
		f := &file{File: found, path: path.Join(v.Path, found.Name), ftype: ftypeOf(found.Name)}
		b.recall(v, f)
		v.altered = v.altered || f.altered || !f.known
		v.files = append(v.files, f)
	}
	if v.old != nil {
		for name := range v.old.Items.All() {
			v.altered = v.altered || v.file(name) == nil && !isMetadata(name) && !isWhole(name)
		}
	}
	return v
}

// recall finds out whether a file is known: from the memory of earlier runs if that has it, else from the catalogue if
// it has not been touched since. What is known may still be another content than the catalogue lists, if the run that
// read it did not come to an end.
func (b *builder) recall(v *version, f *file) {
	var item *streams.Item
	if v.old != nil {
		item, _ = v.old.Items.Get(f.Name)
	}
	changed := false
	f.sum, f.known, changed = b.memory.recall(f.path, f.File)
	if item == nil {
		return
	}
	size, _ := item.Get("size").Int()
	same := size == f.Size && isHex(item.Str("sha256"))
	switch {
	case f.known:
		same = same && item.Str("sha256") == f.sum.sha256
	case changed || f.Modified.After(v.product.work.oldTime):
		same = false
	case same:
		f.known, f.sum = true, fileSum{sha256: item.Str("sha256"), combined: combinedOf(v.old, f.ftype)}
	}
	f.altered, f.checked = !same, same
}

// combinedOf returns the fingerprints that a listed version has for a root, by the digest of the metadata.
func combinedOf(v *streams.Version, ftype string) map[string]string {
	field := combinedField(ftype)
	if field == "" {
		return nil
	}
	combined := make(map[string]string)
	for name, item := range v.Items.All() {
		if isMetadata(name) && isHex(item.Str(field)) {
			combined[item.Str("sha256")] = item.Str(field)
		}
	}
	return combined
}
