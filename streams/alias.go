package streams

import (
	"fmt"
	"slices"
)

// aliasKey is the top-level field that says what fields a value of another field stands for:
// {"_aliases": {"crsn": {"use1": {"region": "us-east-1", "endpoint": …}}}}.
const aliasKey = "_aliases"

// Aliases are the short forms that a products file defines. Nil means none.
type Aliases map[string]map[string]Attrs

// AliasesOf reads the aliases that top defines.
func AliasesOf(top *Attrs) Aliases {
	v := top.Get(aliasKey)
	if v.Kind() != Object {
		return nil
	}
	aliases := Aliases{}
	fields := v.Fields()
	for key, values := range fields.All() {
		byValue := map[string]Attrs{}
		list := values.Fields()
		for value, means := range list.All() {
			byValue[value] = means.Fields()
		}
		aliases[key] = byValue
	}
	return aliases
}

// expand sets, for every field of a that has an alias, the fields that it stands for. They replace those that are there.
// It does so twice: an alias may stand for a field that has an alias, and that is as far as the Python tool goes.
func (al Aliases) expand(a *Attrs) error {
	again, err := al.expandOnce(a)
	if again && err == nil {
		_, err = al.expandOnce(a)
	}
	return err
}

// expandOnce is expand, once. It tells whether a second time may change anything.
func (al Aliases) expandOnce(a *Attrs) (again bool, err error) {
	var few [4]string
	keys := few[:0] // as they are now: what is added has no aliases
	for key := range a.All() {
		if len(al[key]) > 0 {
			keys = append(keys, key)
		}
	}
	for _, key := range keys {
		value := a.Str(key) // as the alias before it may have left it
		if value == "" {
			continue
		}
		means, ok := al[key][value]
		if !ok {
			return false, fmt.Errorf("%s=%q is not defined in %s", key, value, aliasKey)
		}
		a.fields.list = slices.Grow(a.fields.list, means.Len())
		for key, v := range means.All() {
			a.SetAfter(key, v) // new fields come last, as the Python tool shows them
			again = again || len(al[key]) > 0
		}
	}
	return again, nil
}

// ExpandAliases replaces what a products file writes short by what it stands for, on every level.
func (p *Products) ExpandAliases() error {
	al := AliasesOf(&p.Attrs)
	if al == nil {
		return nil
	}
	if err := al.expand(&p.Attrs); err != nil {
		return err
	}
	for name, product := range p.Products.All() {
		if err := al.ExpandProduct(name, product); err != nil {
			return err
		}
	}
	return nil
}

// ExpandProduct expands the aliases in one product and below it; name is for errors.
func (al Aliases) ExpandProduct(name string, product *Product) error {
	if al == nil {
		return nil
	}
	if err := al.expand(&product.Attrs); err != nil {
		return fmt.Errorf("%s: %w", Ref{Product: name}, err)
	}
	for version, v := range product.Versions.All() {
		if err := al.expand(&v.Attrs); err != nil {
			return fmt.Errorf("%s: %w", Ref{name, version, ""}, err)
		}
		for item, it := range v.Items.All() {
			if err := al.expand(&it.Attrs); err != nil {
				return fmt.Errorf("%s: %w", Ref{name, version, item}, err)
			}
		}
	}
	return nil
}
