// Package plan decides what to add to a target and what to remove from it. It does no I/O: a plan is a value that can
// be printed, counted, refused or carried out.
package plan

import (
	"errors"
	"iter"
	"slices"

	"github.com/seed-43fb3962/sstream/streams"
)

// Options say what of a source a target is to hold. The zero value: all of it, and of its products nothing else.
type Options struct {
	// Max is how many versions of a product the target holds at most, the newest; nil: all. Negative: all but that
	// many of the oldest.
	Max *int
	// Keep leaves versions that left the source in the target as long as there are not more than Max.
	Keep bool
	// Item, Product and Version say what is wanted; nil: everything. They are asked in a fixed order: every item of
	// the document first, then, for one product after the other, the product and its versions from the newest.
	Item, Product, Version func(*streams.Entity) (bool, error)
	// RemoveUnwanted removes versions that Version refused and the target has.
	RemoveUnwanted bool
	// RemoveProducts removes products that left the source, as far as Keep lets them go and Product does not refuse them: what
	// is not wanted is not touched. False: they stay for ever, as with the old tools.
	RemoveProducts bool
	// CompareItems looks inside versions that both hold: items that are new or differ are added, items that the
	// source does not list any more are removed. False: a version that is there is taken to be complete.
	CompareItems bool
	// Held says whether the target holds what its record lists of an item; nil: always. An item that is not held is
	// added again. It is asked only with CompareItems.
	Held func(r streams.Ref, recorded *streams.Item) bool
}

// Plan is what is to be done for one products file.
type Plan struct {
	Source *streams.Products // as it was given to New
	Have   *streams.Products // likewise
	Steps  []*Step           // in the order of the source; products that left it come last
}

// Step is what is to be done for one product. It names every product that is wanted, also those with nothing to do.
type Step struct {
	Name    string
	Product *streams.Product // in the source, with the wanted items only; one without versions if it left
	Have    *streams.Product // in the target; nil if the target does not have it
	Add     []Change         // versions, newest first
	Update  []Change         // versions that both hold and that differ inside, newest first
	Remove  []Change         // versions, oldest first
}

// Change is what is to be done for one version.
type Change struct {
	Name   string
	Source *streams.Version // with the wanted items only; nil if the source does not have it
	Have   *streams.Version // nil if the target does not have it
	Add    []string         // items to add or replace, in the order of the source
	Remove []string         // items to remove, in the order of the target
}

// Names yields the names of the versions.
func Names(changes []Change) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, c := range changes {
			if !yield(c.Name) {
				return
			}
		}
	}
}

// New decides what is to be done so that the target, which holds have, holds what o wants of src. Neither is changed.
func New(src, have *streams.Products, o Options) (*Plan, error) {
	p := &Plan{Source: src, Have: have}
	for step, err := range Steps(src, have, o) {
		if err != nil {
			return nil, err
		}
		p.Steps = append(p.Steps, step)
	}
	return p, nil
}

// Steps is [New] one product at a time: a step is decided when it is asked for, so that the functions in o are called
// for a product after the step before it was carried out. An error ends the sequence.
func Steps(src, have *streams.Products, o Options) iter.Seq2[*Step, error] {
	return func(yield func(*Step, error) bool) {
		if o.Keep && o.Max == nil {
			yield(nil, errors.New("keep needs a maximum: say how many versions are to be kept"))
			return
		}
		d := decider{src: src, have: have, Options: o}
		wanted, err := d.wantedItems()
		if err != nil {
			yield(nil, err)
			return
		}
		for name, product := range wanted.All() {
			step, err := d.step(name, product)
			if err == nil && step == nil {
				continue
			}
			if !yield(step, err) || err != nil {
				return
			}
		}
		for name, product := range d.gone() {
			step, err := d.step(name, product)
			if err == nil && (step == nil || len(step.Remove) == 0) {
				continue
			}
			if !yield(step, err) || err != nil {
				return
			}
		}
	}
}

// Empty tells whether nothing is to be done.
func (p *Plan) Empty() bool {
	for _, s := range p.Steps {
		if len(s.Add)+len(s.Update)+len(s.Remove) > 0 {
			return false
		}
	}
	return true
}

// Added yields every item to be added or replaced, in the order of the old tools: product after product, versions
// newest first.
func (p *Plan) Added() iter.Seq[streams.Entity] {
	return func(yield func(streams.Entity) bool) {
		for _, s := range p.Steps {
			for _, c := range slices.Concat(s.Add, s.Update) {
				version := streams.Entity{Ref: streams.Ref{Product: s.Name, Version: c.Name}, Products: p.Source, Product: s.Product, Version: c.Source}
				if !yieldItems(&version, c.Add, yield) {
					return
				}
			}
		}
	}
}

// Removed yields every item to be removed as the target's record has it: product after product, versions oldest first.
func (p *Plan) Removed() iter.Seq[streams.Entity] {
	return func(yield func(streams.Entity) bool) {
		for _, s := range p.Steps {
			for _, c := range slices.Concat(s.Update, s.Remove) {
				if !yieldItems(p.recorded(s, &c), c.Remove, yield) {
					return
				}
			}
		}
	}
}

// Displaced yields what [Plan.Removed] does, and the items that get another path, as the target's record has them.
func (p *Plan) Displaced() iter.Seq[streams.Entity] {
	return func(yield func(streams.Entity) bool) {
		for _, s := range p.Steps {
			for _, c := range s.Update {
				moved := slices.DeleteFunc(slices.Clone(c.Add), func(name string) bool {
					old, had := c.Have.Items.Get(name)
					now, _ := c.Source.Items.Get(name)
					return !had || old.Str("path") == now.Str("path")
				})
				if !yieldItems(p.recorded(s, &c), moved, yield) {
					return
				}
			}
		}
		p.Removed()(yield)
	}
}

// recorded is the version of a change as the target's record has it.
func (p *Plan) recorded(s *Step, c *Change) *streams.Entity {
	return &streams.Entity{Ref: streams.Ref{Product: s.Name, Version: c.Name}, Products: p.Have, Product: s.Have, Version: c.Have}
}

// yieldItems yields the named items of a version, and tells whether more are wanted.
func yieldItems(version *streams.Entity, names []string, yield func(streams.Entity) bool) bool {
	for _, name := range names {
		e := *version
		e.Ref.Item = name
		e.Item, _ = version.Version.Items.Get(name)
		if !yield(e) {
			return false
		}
	}
	return true
}

// After returns what the target holds once the plan is carried out: what it had, without what is removed, with what
// is added; the fields of nodes that the source has are the source's.
func (p *Plan) After() *streams.Products {
	after := &streams.Products{Attrs: p.Source.Attrs, Products: streams.MakeNodes[*streams.Product]()}
	for name, product := range p.Have.Products.All() {
		after.Products.Set(name, product)
	}
	for _, s := range p.Steps {
		product := s.after()
		if _, listed := p.Source.Products.Get(s.Name); !listed && product.Versions.Len() == 0 {
			after.Products.Delete(s.Name)
			continue
		}
		after.Products.Set(s.Name, product)
	}
	return after
}

func (s *Step) after() *streams.Product {
	product := &streams.Product{Attrs: s.Product.Attrs, Versions: streams.MakeNodes[*streams.Version]()}
	if s.Have != nil {
		for name, v := range s.Have.Versions.All() {
			if listed, ok := s.Product.Versions.Get(name); ok {
				v = &streams.Version{Attrs: listed.Attrs, Items: v.Items}
			}
			product.Versions.Set(name, v)
		}
	}
	for _, c := range slices.Concat(s.Add, s.Update) {
		if c.Have == nil && len(c.Add) > 0 && len(c.Add) == c.Source.Items.Len() {
			product.Versions.Set(c.Name, c.Source)
			continue
		}
		v := &streams.Version{Attrs: c.Source.Attrs, Items: streams.MakeNodes[*streams.Item]()}
		if c.Have != nil {
			for name, it := range c.Have.Items.All() {
				v.Items.Set(name, it)
			}
			v.Items.DeleteFunc(func(name string, _ *streams.Item) bool { return slices.Contains(c.Remove, name) })
		}
		for _, item := range c.Add {
			it, _ := c.Source.Items.Get(item)
			v.Items.Set(item, it)
		}
		if len(c.Add) > 0 || c.Have != nil {
			product.Versions.Set(c.Name, v)
		}
	}
	for _, c := range s.Remove {
		product.Versions.Delete(c.Name)
	}
	return product
}
