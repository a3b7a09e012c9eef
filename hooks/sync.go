package hooks

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/seed-43fb3962/sstream/fetch"
	"github.com/seed-43fb3962/sstream/internal/python"
	"github.com/seed-43fb3962/sstream/plan"
	"github.com/seed-43fb3962/sstream/streams"
)

// entry is an entry of an index.
type entry struct {
	index *streams.Index
	name  string
	*streams.Entry
}

// flat returns the fields of the entry over those of its index.
func (e entry) flat() *streams.Flat {
	f := new(streams.Flat)
	f.AddScalars(&e.index.Attrs)
	f.Set("content_id", e.name)
	f.AddScalars(&e.Attrs)
	return f
}

func (r *run) wantEntry(ctx context.Context) fetch.Want {
	return func(x *streams.Index, name string, e *streams.Entry) (bool, error) {
		found := entry{x, name, e}
		r.entries[e.Str("path")] = found
		return r.ask(ctx, call{hook: FilterIndexEntry, about: name, fields: found.flat()})
	}
}

// document does what is to be done for a document, whose entries' documents are done.
func (r *run) document(ctx context.Context, doc *fetch.Document) error {
	switch {
	case doc.Products != nil:
		if err := r.products(ctx, doc); err != nil {
			return err
		}
	case doc.Index != nil:
		fields := new(streams.Flat)
		fields.AddScalars(&doc.Index.Attrs)
		if err := r.insertDocument(ctx, InsertIndex, doc, fields); err != nil {
			return err
		}
	}
	if e, ok := r.entries[doc.Path]; ok {
		return r.insertDocument(ctx, InsertIndexEntry, doc, e.flat())
	}
	return nil
}

// insertDocument runs a hook about a whole document.
func (r *run) insertDocument(ctx context.Context, hook string, doc *fetch.Document, fields *streams.Flat) error {
	if r.commands[hook] == nil {
		return nil
	}
	file, remove, err := r.documentCopy(doc.Raw)
	if err != nil {
		return err
	}
	defer remove()
	return r.do(ctx, call{hook, doc.Path, fields, [][2]string{{contentFilePath, file}, {"path", doc.Path}}})
}

// products is one products file.
func (r *run) products(ctx context.Context, doc *fetch.Document) error {
	if err := check(doc.Products); err != nil {
		return fmt.Errorf("source: %s: %w", doc.Path, err)
	}
	id := doc.Products.ContentID()
	have, err := r.load(ctx, doc.Products)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for step, err := range plan.Steps(doc.Products, have, r.planOptions(ctx, seen)) {
		if err != nil {
			return err
		}
		r.Log.Info(fmt.Sprintf("%s/%s: to_add=%s to_remove=%s", id, step.Name, python.List(plan.Names(step.Add)), python.List(plan.Names(step.Remove))))
		if err := r.product(ctx, doc.Products, have, step); err != nil {
			return err
		}
	}
	if r.RemoveProducts {
		for name := range have.Products.All() {
			gone := streams.Entity{Ref: streams.Ref{Product: name}, Products: doc.Products}
			if !seen[name] {
				if err := r.about(ctx, RemoveProduct, &gone); err != nil {
					return err
				}
			}
		}
	}
	fields := new(streams.Flat)
	fields.AddScalars(&have.Attrs)
	return r.insertDocument(ctx, InsertProducts, doc, fields)
}

// check refuses a document before any hook is run for it, and expands its aliases.
func check(p *streams.Products) error {
	if p.ContentID() == "" {
		return errors.New("it has no content_id")
	}
	if err := p.ExpandAliases(); err != nil {
		return err
	}
	return p.CleanPaths()
}

// load asks what is there.
func (r *run) load(ctx context.Context, src *streams.Products) (*streams.Products, error) {
	id := src.ContentID()
	fields := new(streams.Flat)
	fields.Set("content_id", id)
	output, err := r.read(ctx, call{hook: LoadProducts, about: id, fields: fields})
	if err != nil {
		return nil, err
	}
	have, err := parseLoaded(output, r.LoadFormat, id)
	if err != nil {
		return nil, fmt.Errorf("hook %s for %s: cannot read what it printed: %w", LoadProducts, id, err)
	}
	if have == nil {
		have = &streams.Products{Attrs: src.Attrs, Products: streams.MakeNodes[*streams.Product]()}
	}
	return have, nil
}

// planOptions makes the filter hooks functions. Products that have wanted items are entered in seen.
func (r *run) planOptions(ctx context.Context, seen map[string]bool) plan.Options {
	filter := func(hook string) func(*streams.Entity) (bool, error) {
		if r.commands[hook] == nil {
			return nil
		}
		return func(e *streams.Entity) (bool, error) { return r.ask(ctx, entityCall(hook, e)) }
	}
	wanted := filter(FilterProduct)
	product := func(e *streams.Entity) (bool, error) {
		seen[e.Ref.Product] = true
		if wanted == nil {
			return true, nil
		}
		return wanted(e)
	}
	return plan.Options{Max: r.Max, Keep: r.Keep, RemoveUnwanted: r.RemoveUnwanted,
		Item: filter(FilterItem), Product: product, Version: filter(FilterVersion)}
}

// product carries one step out.
func (r *run) product(ctx context.Context, src, have *streams.Products, s *plan.Step) error {
	e := streams.Entity{Ref: streams.Ref{Product: s.Name}, Products: src, Product: s.Product}
	for _, c := range s.Add {
		e.Ref.Version, e.Version = c.Name, c.Source
		if err := r.version(ctx, e, c.Add); err != nil {
			return err
		}
	}
	for _, c := range s.Remove {
		old := streams.Entity{Ref: streams.Ref{Product: s.Name, Version: c.Name}, Products: have, Product: s.Have, Version: c.Have}
		for _, item := range c.Remove {
			old.Ref.Item = item
			old.Item, _ = c.Have.Items.Get(item)
			if err := r.about(ctx, RemoveItem, &old); err != nil {
				return err
			}
		}
		e.Ref.Version, e.Version = c.Name, c.Source
		if err := r.about(ctx, RemoveVersion, &e); err != nil {
			return err
		}
	}
	e.Ref.Version, e.Version = "", nil
	return r.about(ctx, InsertProduct, &e)
}

// version adds a version of which items are wanted; without items there is nothing to add.
func (r *run) version(ctx context.Context, e streams.Entity, items []string) error {
	if len(items) == 0 {
		return nil
	}
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(r.Jobs)
	for _, name := range items {
		item := e
		item.Ref.Item = name
		item.Item, _ = e.Version.Items.Get(name)
		group.Go(func() error {
			if inner.Err() != nil {
				return inner.Err()
			}
			return r.insertItem(inner, &item)
		})
	}
	if err := group.Wait(); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return err
	}
	return r.about(ctx, InsertVersion, &e)
}

// about runs a hook about an entity.
func (r *run) about(ctx context.Context, hook string, e *streams.Entity) error {
	if r.commands[hook] == nil {
		return nil
	}
	return r.do(ctx, entityCall(hook, e))
}

func entityCall(hook string, e *streams.Entity) call {
	return call{hook: hook, about: e.Products.ContentID() + "/" + e.Ref.String(), fields: e.Flat()}
}
