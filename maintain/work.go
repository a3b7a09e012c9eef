package maintain

import (
	"crypto/sha256"
	"encoding/hex"
	"iter"
	"slices"
	"strconv"
	"strings"
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
	stamped bool              // everything that old lists is as an earlier run remembered
	altered bool              // a file of it is not as the catalogue says
	left    bool              // left out
	sums    map[string]string // of SHA256SUMS, if it was needed
	config  *Config           // of image.yaml, if it was needed
	node    *streams.Version  // as it is listed, nil as long as it is not
}

type file struct {
	File
	dir, ftype string // of the version, below the root
	known      bool   // sum holds, without reading it
	listed     string // its digest as it is in the catalogue, "" if it is not there
	altered    bool   // it is not what the catalogue says, or not known to be
	sum        fileSum
	err        error  // why it could not be read
	left       bool   // left out
	checked    bool   // a delta that is known to decode
	base       string // of a delta: the version that it is based on
}

// path is where the file is, below the root.
func (f *file) path() string { return f.dir + "/" + f.Name }

// isAt tells whether path is where the file is.
func (f *file) isAt(path string) bool {
	return len(path) == len(f.dir)+1+len(f.Name) && path[len(f.dir)] == '/' && strings.HasPrefix(path, f.dir) && strings.HasSuffix(path, f.Name)
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
				return b.Seed && !inSeed(f.Name) || len(b.retired) > 0 && b.isRetired(v.Path+"/"+f.Name)
			})
			if !b.isRetired(v.Path) && v.Missing(b.Clients) == "" {
				p.versions = append(p.versions, b.version(p, v))
			}
		}
		if len(p.versions) > 0 {
			w.products = append(w.products, p)
		}
	}
}

// isRetired tells whether a version, or a single file, is there only until it is deleted.
func (b *builder) isRetired(path string) bool {
	_, retired := b.retired[path]
	return retired
}

func (b *builder) version(p *product, found *Version) *version {
	v := &version{Version: found, product: p}
	if p.old != nil {
		v.old, _ = p.old.Versions.Get(v.Name)
	}
	v.files = make([]*file, len(found.Files))
	room := make([]file, len(found.Files))
	for i, found := range found.Files {
		room[i] = file{File: found, dir: v.Path, ftype: ftypeOf(found.Name)}
		v.files[i] = &room[i]
	}
	b.recall(v)
	for _, f := range v.files {
		v.altered = v.altered || f.altered || !f.known
	}
	if v.old != nil {
		for name := range v.old.Items.All() {
			v.altered = v.altered || v.file(name) == nil && !isMetadata(name) && !isWhole(name)
		}
	}
	return v
}

// recall finds out which files of a version are known.
func (b *builder) recall(v *version) {
	var items streams.Nodes[*streams.Item]
	if v.old != nil {
		items = v.old.Items
	}
	remembered := b.memory.versions[v.Path]
	listed, trusted := 0, 0
	for _, f := range v.files {
		item, ok := items.Get(f.Name)
		if !ok {
			f.sum, f.known, _ = b.memory.recall(f.dir, f.File)
			continue
		}
		listed++
		if remembered != "" && strings.Contains(remembered, stamp(f, item)) {
			f.trust(v.old, item)
			f.checked = true
			trusted++
		} else {
			b.recallListed(v, f, item, remembered != "")
		}
	}
	v.stamped = trusted == listed && len(remembered) == listed*(stampSize+1)-1 // with commas between them
}

// trust takes what the catalogue says of a file.
func (f *file) trust(v *streams.Version, item *streams.Item) {
	f.listed = item.Str("sha256")
	f.known, f.sum = true, fileSum{sha256: f.listed, combined: combinedOf(v, f.ftype)}
}

// recallListed finds out whether a listed file is known: from an earlier run that has read it, else from the catalogue
// if it has not been touched since. What is known may still be another content than the catalogue lists, if the run that
// read it did not come to an end.
func (b *builder) recallListed(v *version, f *file, item *streams.Item, changed bool) {
	size, _ := item.Get("size").Int()
	same := size == f.Size && isHex(item.Str("sha256"))
	sum, known, other := b.memory.recall(f.dir, f.File)
	f.listed = item.Str("sha256")
	switch {
	case known:
		f.known, f.sum = true, sum
		same = same && f.listed == sum.sha256
	case changed || other || f.Modified.After(v.product.work.oldTime):
		same = false
	case same:
		f.trust(v.old, item)
	}
	f.altered, f.checked = !same, same
}

// stamp is a digest of what a listed file is on disk and in the catalogue. As long as both stay the same the file need not
// be read.
func stamp(f *file, item *streams.Item) string {
	text := append(make([]byte, 0, 1<<10), f.Name...)
	text = strconv.AppendInt(append(text, 0), f.Size, 10)
	text = strconv.AppendInt(append(text, ' '), f.Modified.UnixNano(), 10)
	for _, value := range item.All() {
		text = append(append(text, ' '), value.Raw()...)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:stampSize/2])
}

const stampSize = 16

// stampsOf returns those of the files that a version lists.
func stampsOf(node *streams.Version, files []*file) string {
	var stamps []string
	for _, f := range files {
		if item, ok := node.Items.Get(f.Name); ok {
			stamps = append(stamps, stamp(f, item))
		}
	}
	return strings.Join(stamps, ",")
}

// combinedOf returns the fingerprints that a listed version has for a root.
func combinedOf(v *streams.Version, ftype string) (combined fingerprints) {
	field := combinedField(ftype)
	if field == "" {
		return nil
	}
	for name, item := range v.Items.All() {
		if !isMetadata(name) {
			continue
		}
		if image := item.Str(field); isHex(image) {
			if combined == nil {
				combined = make(fingerprints, 0, 2) // one for each name that metadata has
			}
			combined = append(combined, fingerprint{item.Str("sha256"), image})
		}
	}
	return combined
}
