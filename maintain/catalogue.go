package maintain

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/seed-43fb3962/sstream/streams"
)

const datatype = "image-downloads"

// catalogue makes the product file of a stream, and tells whether it says anything new. What says the same as before is
// the node that was read, from the items up: a catalogue of nothing else need not be written out to be compared.
func (b *builder) catalogue(w *work) (*streams.Products, []byte, bool) {
	c := new(streams.Products)
	if w.old != nil {
		c.Attrs = w.old.Attrs.Clone()
	}
	setDefault(&c.Attrs, "content_id", w.name)
	setDefault(&c.Attrs, "format", streams.ProductsFormat)
	setDefault(&c.Attrs, "datatype", datatype)
	c.Products = streams.MakeNodes[*streams.Product]()
	slices.SortFunc(w.products, func(a, b *product) int { return strings.Compare(a.ID(), b.ID()) })
	for _, p := range w.products {
		if node := b.product(p); node != nil {
			c.Products.Set(p.ID(), node)
		}
	}
	if b.stands(w, c) {
		return w.old, w.oldBody, false
	}
	body, changed := b.render(c, w.oldBody)
	return c, body, changed
}

// stands tells whether c is the catalogue that was read. It has to have come from a publisher, so that its text is as it
// ought to be.
func (b *builder) stands(w *work, c *streams.Products) bool {
	return w.old != nil && (b.Seed || w.old.Str("updated") != "") && c.Attrs.Equal(&w.old.Attrs) &&
		streams.SameNodes(&c.Products, &w.old.Products) && isGzipOf(b.fsys, w.path+".gz", w.oldBody)
}

// render writes a catalogue and tells whether it says anything that old does not; if so it is as of now.
func (s *site) render(c *streams.Products, old []byte) ([]byte, bool) {
	body := make([]byte, 0, max(len(old)+len(old)/8, roomFor(c)))
	if len(old) > 0 {
		body = streams.Append(body, c, s.style())
		if bytes.Equal(body, old) && (s.seed || c.Str("updated") != "") {
			return body, false
		}
	}
	if !s.seed {
		c.Set("updated", s.stamp())
	}
	return streams.Append(body[:0], c, s.style()), true
}

// roomFor is about as long as a catalogue is when it is written out.
func roomFor(c *streams.Products) (size int) {
	const document, item = 1 << 10, 320
	for _, p := range c.Products.All() {
		for _, v := range p.Versions.All() {
			size += v.Items.Len() * item
		}
	}
	return document + size
}

// setDefault gives a field a value unless it has one.
func setDefault(a *streams.Attrs, key, value string) {
	if a.Str(key) == "" {
		a.Set(key, streams.String(value))
	}
}

// product makes the node of a product: the old one if it says the same, nil if there is nothing to list.
func (b *builder) product(p *product) *streams.Product {
	listed := p.listed()
	if len(listed) == 0 && (!b.Seed || len(p.versions) == 0) {
		return nil
	}
	node := new(streams.Product)
	if b.describes(p, listed) {
		if p.old != nil {
			node.Attrs = p.old.Attrs.Clone()
		}
		b.describe(p, listed, node)
	} else {
		node.Attrs = p.old.Attrs
	}
	for _, v := range listed {
		v.node = b.versionNode(v)
		node.Versions.Set(v.Name, v.node)
	}
	if p.old != nil && node.Equal(&p.old.Attrs) && streams.SameNodes(&node.Versions, &p.old.Versions) {
		return p.old
	}
	return node
}

// describes tells whether what the tree says of a product is to be written over what the catalogue says.
func (b *builder) describes(p *product, listed []*version) bool {
	if p.old == nil || len(listed) == 0 {
		return true
	}
	newest := listed[len(listed)-1]
	for _, v := range listed {
		if v.old == nil {
			return true
		}
	}
	if b.Seed {
		return newest.Config.Modified.After(p.work.oldTime)
	}
	_, known, _ := b.memory.recall(newest.Path, newest.Config)
	return !known || len(listed) < p.old.Versions.Len()
}

// describe writes what the directories and the newest version's description say of a product.
func (b *builder) describe(p *product, listed []*version, node *streams.Product) {
	config := new(Config)
	if len(listed) > 0 {
		config = b.config(listed[len(listed)-1])
	}
	name := config.DistroName
	if name == "" {
		name = osName(p.Distro)
	}
	for _, f := range []struct{ key, value string }{
		{"aliases", aliases(p.Product, config)}, {"arch", p.Arch}, {"distro", p.Distro}, {"os", name},
		{"release", p.Release}, {"release_title", p.Release}, {"variant", p.Variant},
	} {
		node.Set(f.key, streams.String(f.value))
	}
	text, err := json.Marshal(config.requirements(p.Product)) // sorted by key
	if err != nil {
		panic(err) // a map of strings can always be marshalled
	}
	needs, err := streams.Raw(string(text))
	if err != nil {
		panic(err) // it was marshalled above
	}
	node.SetAfter("requirements", needs)
}

// config reads the description of an image. One that cannot be read was accepted when the version was new: it says
// nothing then.
func (b *builder) config(v *version) *Config {
	if v.Config.Name == "" {
		return new(Config)
	}
	config := v.config
	if config == nil {
		var err error
		if config, err = readConfigFile(b.fsys, v.Path, v.Config.Name); err != nil {
			b.warn(v, v.Config.Name, err)
			return new(Config)
		}
	}
	for _, key := range config.Unknown {
		b.warn(v, v.Config.Name, fmt.Errorf("%q means nothing in the section simplestream", key))
	}
	b.memory.add(path.Join(v.Path, v.Config.Name), v.Config, fileSum{sha256: described})
	return config
}

// described stands in the memory of builds where a digest stands for other files.
const described = "0000000000000000000000000000000000000000000000000000000000000000"

// warn reports what is listed although something about it is wrong.
func (b *builder) warn(v *version, item string, err error) {
	b.report.Warnings = append(b.report.Warnings,
		Problem{Stream: v.product.work.name, Product: v.product.ID(), Version: v.Name, Item: item, Path: path.Join(v.Path, item), Err: err})
}

// versionNode makes the node of a version: the old one if it says the same.
func (b *builder) versionNode(v *version) *streams.Version {
	items := &b.items
	items.DeleteFunc(func(string, *streams.Item) bool { return true })
	for _, l := range b.list(v) {
		items.Set(l.name, b.itemNode(v, l.file, l.name))
	}
	if v.old != nil && streams.SameNodes(items, &v.old.Items) {
		return v.old
	}
	node := &streams.Version{Items: *items}
	b.items = streams.Nodes[*streams.Item]{}
	if v.old != nil {
		node.Attrs = v.old.Attrs
	}
	return node
}

// listing is a file under a name that it is listed by.
type listing struct {
	name string
	file *file
}

// list returns what is listed of a version, in byte order, until it is called again. The one metadata file, or unified
// image, that there is is also listed under the name that the other clients know it by.
func (b *builder) list(v *version) []listing {
	list := b.listings[:0]
	for _, f := range v.files {
		if !f.left {
			list = append(list, listing{f.Name, f})
		}
	}
	files := len(list)
	for _, c := range b.Clients {
		if v.usable(c.metadata()) != nil {
			continue
		}
		for _, other := range []Client{LXD, Incus} {
			if f := v.usable(other.metadata()); f != nil {
				list = append(list, listing{c.metadata(), f})
			}
			if f := v.usable(other.whole()); f != nil && v.usable(c.whole()) == nil && (c == Incus || !b.isMachine(f)) {
				list = append(list, listing{c.whole(), f})
			}
		}
	}
	if len(list) > files {
		slices.SortFunc(list, func(a, b listing) int { return strings.Compare(a.name, b.name) })
	}
	b.listings = list
	return list
}

// isMachine tells whether a unified image is a virtual machine. What cannot be read is none: whoever fetches it will see.
func (b *builder) isMachine(f *file) bool {
	file, err := b.fsys.Open(f.path())
	if err != nil {
		return false
	}
	defer file.Close()
	about, err := ReadMetadata(file)
	return err == nil && about.Root == RootDisk
}

// sorted returns nodes in byte order of their names.
func sorted[T any](nodes streams.Nodes[T]) streams.Nodes[T] {
	out := streams.MakeNodes[T]()
	for _, name := range nodes.Sorted() {
		child, _ := nodes.Get(name)
		out.Set(name, child)
	}
	return out
}

// itemNode makes the node of a file under a name: the old one if it says the same.
func (b *builder) itemNode(v *version, f *file, name string) *streams.Item {
	old := new(streams.Item)
	if v.old != nil {
		if item, ok := v.old.Items.Get(name); ok {
			old = item
		}
	}
	at := old.Str("path")
	if !f.isAt(at) {
		at = f.path()
	}
	want := b.itemFields(v, f, name, at)
	size, _ := old.Get("size").Int()
	same := size == f.Size
	for _, w := range want {
		same = same && old.Str(w.key) == w.value
	}
	if same {
		return old
	}
	node := new(streams.Item)
	ours := map[string]bool{"size": true}
	for _, w := range want {
		ours[w.key] = true
		if w.value != "" {
			node.Set(w.key, streams.String(w.value))
		}
		if w.key == "path" {
			node.Set("size", streams.Int(f.Size))
		}
	}
	for key, value := range old.All() {
		if !ours[key] {
			node.Set(key, value)
		}
	}
	return node
}

// itemField is a field of an item that holds text; one without a value is not there.
type itemField struct{ key, value string }

// itemFields returns the fields of an item but its size, in their order, until it is called again.
func (b *builder) itemFields(v *version, f *file, name, at string) []itemField {
	ftype := f.ftype
	if isMetadata(f.Name) || isWhole(f.Name) {
		ftype = name
	}
	fields := append(b.fields[:0], itemField{"ftype", ftype}, itemField{"path", at}, itemField{"sha256", f.sum.sha256})
	if isMetadata(name) && (!b.Seed || name == LXD.metadata()) {
		for _, c := range combinedFields {
			fields = append(fields, itemField{c.field, v.combined(f, c.ftype)})
		}
	}
	if name == Incus.whole() {
		fields = append(fields, itemField{"combined_type", b.machineType(v, f)})
	}
	b.fields = append(fields, itemField{"delta_base", f.base})
	return b.fields
}

// machineType is what Incus is told of a unified image: "virtual-machine", or "" for a container.
func (b *builder) machineType(v *version, f *file) string {
	if v.old != nil && !f.altered {
		if item, ok := v.old.Items.Get(Incus.whole()); ok && item.Str("sha256") == f.sum.sha256 {
			return item.Str("combined_type")
		}
	}
	if b.isMachine(f) {
		return "virtual-machine"
	}
	return ""
}

// combined returns the fingerprint of the image that metadata and the root of that ftype make, "" if there is no such
// root.
func (v *version) combined(metadata *file, ftype string) string {
	var root *file
	for _, f := range v.files {
		if f.ftype == ftype && !f.left && (root == nil || isUsualRoot(f.Name)) {
			root = f
		}
	}
	if root == nil {
		return ""
	}
	return root.sum.combined.with(metadata.sum.sha256)
}
