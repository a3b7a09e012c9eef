package plan

import (
	"iter"
	"slices"

	"github.com/seed-43fb3962/sstream/streams"
)

// decider is one run of Steps.
type decider struct {
	src, have *streams.Products
	Options
}

// wantedItems returns the products of the source without the items that are not wanted, nor the versions and
// products that have lost all of theirs.
func (d *decider) wantedItems() (*streams.Nodes[*streams.Product], error) {
	if d.Item == nil {
		return &d.src.Products, nil
	}
	products := streams.MakeNodes[*streams.Product]()
	for name, product := range d.src.Products.All() {
		versions, err := d.wantedVersions(name, product)
		if err != nil {
			return nil, err
		}
		if versions.Len() > 0 || product.Versions.Len() == 0 {
			products.Set(name, &streams.Product{Attrs: product.Attrs, Versions: versions})
		}
	}
	return &products, nil
}

func (d *decider) wantedVersions(name string, product *streams.Product) (streams.Nodes[*streams.Version], error) {
	versions := streams.MakeNodes[*streams.Version]()
	for version, v := range product.Versions.All() {
		items := streams.MakeNodes[*streams.Item]()
		for item, it := range v.Items.All() {
			e := streams.Entity{Ref: streams.Ref{Product: name, Version: version, Item: item}, Products: d.src, Product: product, Version: v, Item: it}
			ok, err := d.Item(&e)
			if err != nil {
				return versions, err
			}
			if ok {
				items.Set(item, it)
			}
		}
		if items.Len() > 0 || v.Items.Len() == 0 {
			versions.Set(version, &streams.Version{Attrs: v.Attrs, Items: items})
		}
	}
	return versions, nil
}

// gone yields the products that left the source and are to be removed: as the target has them, without versions.
func (d *decider) gone() iter.Seq2[string, *streams.Product] {
	return func(yield func(string, *streams.Product) bool) {
		if !d.RemoveProducts {
			return
		}
		for name, had := range d.have.Products.All() {
			if _, listed := d.src.Products.Get(name); listed {
				continue
			}
			if !yield(name, &streams.Product{Attrs: had.Attrs, Versions: streams.MakeNodes[*streams.Version]()}) {
				return
			}
		}
	}
}

// step decides about one product; nil if it is not wanted.
func (d *decider) step(name string, product *streams.Product) (*Step, error) {
	e := streams.Entity{Ref: streams.Ref{Product: name}, Products: d.src, Product: product}
	if d.Product != nil {
		if ok, err := d.Product(&e); !ok || err != nil {
			return nil, err
		}
	}
	s := &Step{Name: name, Product: product}
	var had []string
	if have, ok := d.have.Products.Get(name); ok {
		s.Have, had = have, have.Versions.Names()
	}
	var unwanted []string
	add, remove, err := resolve(product.Versions.Names(), had, d.Max, d.Keep, func(version string) (bool, error) {
		if d.Version == nil {
			return true, nil
		}
		e.Ref.Version = version
		e.Version, _ = product.Versions.Get(version)
		ok, err := d.Version(&e)
		if !ok {
			unwanted = append(unwanted, version)
		}
		return ok, err
	})
	if err != nil {
		return nil, err
	}
	if d.RemoveUnwanted {
		for _, version := range unwanted {
			if slices.Contains(had, version) && !slices.Contains(remove, version) {
				remove = append(remove, version)
			}
		}
	}
	for _, version := range add {
		v, _ := product.Versions.Get(version)
		s.Add = append(s.Add, Change{Name: version, Source: v, Add: v.Items.Names()})
	}
	for _, version := range remove {
		v, _ := product.Versions.Get(version)
		h, _ := s.Have.Versions.Get(version)
		s.Remove = append(s.Remove, Change{Name: version, Source: v, Have: h, Remove: h.Items.Names()})
	}
	if d.CompareItems && s.Have != nil {
		d.compare(s, remove)
	}
	return s, nil
}

// compare fills s.Update from the versions that both sides hold and that are not removed.
func (d *decider) compare(s *Step, removed []string) {
	names := s.Product.Versions.Sorted()
	whole, _ := d.src.Products.Get(s.Name)
	for _, version := range slices.Backward(names) {
		have, ok := s.Have.Versions.Get(version)
		if !ok || slices.Contains(removed, version) {
			continue
		}
		v, _ := s.Product.Versions.Get(version)
		listed, _ := whole.Versions.Get(version)
		c := Change{Name: version, Source: v, Have: have}
		place := 0 // most often the two list the same items in the same order
		for item, it := range v.Items.All() {
			r := streams.Ref{Product: s.Name, Version: version, Item: item}
			if old, ok := have.Items.GetAt(place, item); !ok || !sameContent(it, old) || d.Held != nil && !d.Held(r, old) {
				c.Add = append(c.Add, item)
			}
			place++
		}
		place = 0
		for item := range have.Items.All() {
			if _, ok := listed.Items.GetAt(place, item); !ok {
				c.Remove = append(c.Remove, item)
			}
			place++
		}
		if len(c.Add)+len(c.Remove) > 0 {
			s.Update = append(s.Update, c)
		}
	}
}

// contentKeys are the fields that say what bytes an item is, and where.
var contentKeys = slices.Concat([]string{"path", "size"}, streams.Algorithms[:])

// sameContent tells whether two items mean the same bytes at the same path.
func sameContent(a, b *streams.Item) bool {
	for _, key := range contentKeys {
		v, w := a.Get(key), b.Get(key)
		if v == w {
			continue
		}
		x, _ := v.Scalar()
		y, _ := w.Scalar()
		if x != y {
			return false
		}
	}
	return true
}

// resolve decides which versions to add to a target that has had, newest first, and which to remove from it, oldest
// first. Names compare as byte strings; the largest is the newest. wanted is asked for every version of the source,
// from the newest.
func resolve(src, had []string, maximum *int, keep bool, wanted func(string) (bool, error)) (add, remove []string, err error) {
	for _, v := range newestFirst(src) {
		ok, err := wanted(v)
		if err != nil {
			return nil, nil, err
		}
		if ok && !slices.Contains(had, v) {
			add = append(add, v)
		}
	}
	for _, v := range newestFirst(had) {
		if !slices.Contains(src, v) {
			remove = append(remove, v)
		}
	}
	if keep {
		for len(remove) > 0 && *maximum > len(had)+len(add)-len(remove) {
			remove = remove[1:]
		}
	}
	if maximum != nil {
		after := newestFirst(append(slices.Clone(had), add...))
		after = slices.DeleteFunc(after, func(v string) bool { return slices.Contains(remove, v) })
		for _, v := range beyond(after, *maximum) {
			if slices.Contains(had, v) {
				remove = append(remove, v)
			} else {
				add = slices.DeleteFunc(add, func(other string) bool { return other == v })
			}
		}
	}
	slices.Sort(remove)
	return add, remove, nil
}

// beyond returns what follows the first n of list, or its last -n if n is negative.
func beyond(list []string, n int) []string {
	if n < 0 {
		n = max(len(list)+n, 0)
	}
	return list[min(n, len(list)):]
}

func newestFirst(names []string) []string {
	sorted := slices.Clone(names)
	slices.Sort(sorted)
	slices.Reverse(sorted)
	return sorted
}
