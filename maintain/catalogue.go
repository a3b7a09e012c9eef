package maintain

import (
	"bytes"
	"cmp"
	"encoding/json"
	"path"
	"slices"

	"github.com/seed-43fb3962/sstream/streams"
)

const datatype = "image-downloads"

// catalogue makes the product file of a stream, and tells whether it says anything new.
func (b *builder) catalogue(w *work) (*streams.Products, []byte, bool) {
	c := new(streams.Products)
	if w.old != nil {
		c.Attrs = w.old.Attrs.Clone()
	}
	setDefault(&c.Attrs, "content_id", w.name)
	setDefault(&c.Attrs, "format", streams.ProductsFormat)
	setDefault(&c.Attrs, "datatype", datatype)
	c.Products = streams.MakeNodes[*streams.Product]()
	slices.SortFunc(w.products, func(a, b *product) int { return cmp.Compare(a.ID(), b.ID()) })
	for _, p := range w.products {
		if node := b.product(p); node != nil {
			c.Products.Set(p.ID(), node)
		}
	}
	body, changed := b.render(c, w.oldBody)
	return c, body, changed
}

// render writes a catalogue and tells whether it says anything that old does not; if so it is as of now.
func (s *site) render(c *streams.Products, old []byte) ([]byte, bool) {
	body := streams.Append(nil, c, s.style())
	if bytes.Equal(body, old) && (s.seed || c.Str("updated") != "") {
		return body, false
	}
	if !s.seed {
		c.Set("updated", s.stamp())
		body = streams.Append(nil, c, s.style())
	}
	return body, true
}

// setDefault gives a field a value unless it has one.
func setDefault(a *streams.Attrs, key, value string) {
	if a.Str(key) == "" {
		a.Set(key, streams.String(value))
	}
}

// product makes the node of a product, nil if there is nothing to list.
func (b *builder) product(p *product) *streams.Product {
	listed := p.listed()
	if len(listed) == 0 && (!b.Seed || len(p.versions) == 0) {
		return nil
	}
	node := new(streams.Product)
	if p.old != nil {
		node.Attrs = p.old.Attrs.Clone()
	}
	if b.describes(p, listed) {
		b.describe(p, listed, node)
	}
	for _, v := range listed {
		node.Versions.Set(v.Name, b.versionNode(v))
	}
	return node
}

// describes tells whether what the tree says of a product is to be written over what the catalogue says.
func (b *builder) describes(p *product, listed []*version) bool {
	if p.old == nil || !b.Seed {
		return true
	}
	for _, v := range listed {
		if v.old == nil || v.Edited.After(p.work.oldTime) {
			return true
		}
	}
	return false
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
		{"aliases", aliases(p.Product, config.releases(p.Release))}, {"arch", p.Arch}, {"distro", p.Distro}, {"os", name},
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
	if v.Config == "" {
		return new(Config)
	}
	config, err := readConfigFile(b.fsys, v.Path, v.Config)
	if err != nil {
		b.report.Warnings = append(b.report.Warnings, b.warning(v, v.Config, err))
		return new(Config)
	}
	return config
}

func (b *builder) warning(v *version, item string, err error) Problem {
	return Problem{Stream: v.product.work.name, Product: v.product.ID(), Version: v.Name, Item: item, Path: path.Join(v.Path, item), Err: err}
}

// versionNode makes the node of a version.
func (b *builder) versionNode(v *version) *streams.Version {
	node := new(streams.Version)
	if v.old != nil {
		node.Attrs = v.old.Attrs.Clone()
	}
	for _, f := range v.files {
		if !f.left {
			node.Items.Set(f.Name, b.itemNode(v, f, f.Name))
		}
	}
	b.addTwin(v, node)
	node.Items = sorted(node.Items)
	return node
}

// addTwin lists the one metadata file that there is under the name that the other clients know it by.
func (b *builder) addTwin(v *version, node *streams.Version) {
	for _, c := range b.Clients {
		if v.usable(c.metadata()) != nil {
			continue
		}
		for _, other := range []Client{LXD, Incus} {
			if f := v.usable(other.metadata()); f != nil {
				node.Items.Set(c.metadata(), b.itemNode(v, f, c.metadata()))
			}
		}
	}
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

// itemNode makes the node of a file under a name.
func (b *builder) itemNode(v *version, f *file, name string) *streams.Item {
	node := new(streams.Item)
	if v.old != nil {
		if old, ok := v.old.Items.Get(name); ok {
			node.Attrs = old.Attrs.Clone()
		}
	}
	ftype := f.ftype
	if isMetadata(f.Name) {
		ftype = name
	}
	node.Set("ftype", streams.String(ftype))
	node.Set("path", streams.String(f.path))
	node.Set("size", streams.Int(f.Size))
	node.Set("sha256", streams.String(f.sum.sha256))
	if isMetadata(name) && (!b.Seed || name == LXD.metadata()) {
		setCombined(v, f, node)
	}
	node.Delete("delta_base")
	if f.base != "" {
		node.Set("delta_base", streams.String(f.base))
	}
	return node
}

// setCombined gives a metadata item the fingerprints of the images that it makes.
func setCombined(v *version, metadata *file, node *streams.Item) {
	for _, c := range combinedFields {
		var names []string
		for _, f := range v.files {
			if f.ftype == c.ftype && !f.left {
				names = append(names, f.Name)
			}
		}
		node.Delete(c.field)
		if len(names) > 0 {
			root := v.file(chosenRoot(names))
			node.Set(c.field, streams.String(root.sum.combined[metadata.sum.sha256]))
		}
	}
}
