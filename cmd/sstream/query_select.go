package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/seed-43fb3962/sstream/fetch"
	"github.com/seed-43fb3962/sstream/internal/python"
	"github.com/seed-43fb3962/sstream/plan"
	"github.com/seed-43fb3962/sstream/streams"
)

// selection is what of a mirror is wanted.
type selection struct {
	mirror   *fetch.Mirror
	path     string // of the document to begin with
	filters  streams.Filters
	max      *int // versions of each product; nil: all
	log      *slog.Logger
	row      func(*streams.Flat) error // is given each row, to look at and not to keep
	document func() error              // is called after the rows of each document

	root        string          // the address of the mirror, to be followed by a path
	addresses   strings.Builder // of items: one allocation for hundreds of them
	above, flat streams.Flat    // of the version, and of the item: their memory serves all
}

// run hands out the rows.
func (s *selection) run(ctx context.Context) error {
	for doc, err := range s.mirror.Walk(ctx, s.path, isDocument) {
		if err != nil {
			return err
		}
		if doc.Products == nil {
			continue
		}
		if err := checkProducts(doc.Products); err != nil {
			return fmt.Errorf("source: %s: %w", doc.Path, err)
		}
		if err := s.products(ctx, doc.Products); err != nil {
			return err
		}
		if err := s.document(); err != nil {
			return err
		}
	}
	return nil
}

// isDocument leaves out what an index lists in a format of its own.
func isDocument(_ *streams.Index, _ string, e *streams.Entry) (bool, error) {
	format := e.Str("format")
	return format == streams.IndexFormat || format == streams.ProductsFormat, nil
}

// checkProducts refuses a document as a whole, before any row of it is printed, and expands its aliases.
func checkProducts(p *streams.Products) error {
	if p.ContentID() == "" {
		return errors.New("it has no content_id")
	}
	if err := p.ExpandAliases(); err != nil {
		return err
	}
	for e := range p.All() {
		if path := e.Item.Str("path"); path != "" {
			if _, err := streams.CleanPath(path); err != nil {
				return fmt.Errorf("%s: %w", e.Ref, err)
			}
		}
	}
	return nil
}

func (s *selection) products(ctx context.Context, p *streams.Products) error {
	s.root = s.mirror.URL("")
	o := plan.Options{Max: s.max}
	if len(s.filters) > 0 {
		o.Item = func(e *streams.Entity) (bool, error) { return s.filters.Match(e.Get) }
	}
	for step, err := range plan.Steps(p, &streams.Products{}, o) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		if s.log.Enabled(ctx, slog.LevelInfo) {
			s.log.Info(fmt.Sprintf("%s/%s: to_add=%s to_remove=[]", p.ContentID(), step.Name, python.List(plan.Names(step.Add))))
		}
		for _, c := range step.Add {
			if err := s.version(p, step, c); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *selection) version(p *streams.Products, step *plan.Step, c plan.Change) error {
	e := streams.Entity{Ref: streams.Ref{Product: step.Name, Version: c.Name}, Products: p, Product: step.Product, Version: c.Source}
	e.AppendFlat(&s.above)
	for name, item := range c.Source.Items.All() {
		e.Ref.Item, e.Item = name, item
		s.flat.Reset(&s.above)
		e.AddItem(&s.flat)
		if path, ok := s.flat.Get("path"); ok {
			s.flat.Set("item_url", s.address(path))
		}
		if err := s.row(&s.flat); err != nil {
			return err
		}
	}
	return nil
}

// address returns where the file at a path of the mirror is.
func (s *selection) address(path string) string {
	b := &s.addresses
	if n := len(s.root) + len(path); n > b.Cap()-b.Len() {
		b.Reset() // those that were made stay as they are
		b.Grow(max(n, 64<<10))
	}
	start := b.Len()
	b.WriteString(s.root)
	b.WriteString(path)
	return b.String()[start:]
}
