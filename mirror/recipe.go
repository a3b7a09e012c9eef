package mirror

import (
	"context"
	"strings"

	"github.com/seed-43fb3962/sstream/streams"
)

// Delta is how an item's file comes to the target without being read whole: it is made of the file of another version,
// which the target holds or is about to hold, and of a delta.
type Delta struct {
	Path  string // of the delta in the source
	Size  int64  // of the delta, in bytes
	Base  string // the other version
	Saves int64  // how many bytes less are read from the source than without it
}

// Delta returns how the file of an item comes, and whether it is to be made of a delta; see [Options.UseDeltas].
func (w *Work) Delta(e *streams.Entity) (Delta, bool) {
	rc, ok := w.run.recipes[e.Item.Str("path")]
	if !ok {
		return Delta{}, false
	}
	return rc.Delta, true
}

// Savings returns how many files are to be made of deltas, and how many bytes less are read from the source for it.
func (w *Work) Savings() (files int, bytes int64) {
	for _, rc := range w.run.recipes {
		bytes += rc.Saves
	}
	return len(w.run.recipes), bytes
}

// recipe makes one file of two others.
type recipe struct {
	Delta
	digest streams.Digest // of the delta
	base   ingredient
	delta  ingredient
	depth  int // how many files have to come before it, one after the other
}

// after is the depth of what needs the file that rc makes; nil makes one that is read whole.
func (rc *recipe) after() int {
	if rc == nil {
		return 1
	}
	return rc.depth + 1
}

// ingredient is a file that a recipe reads.
type ingredient struct {
	path   string
	source bool // it is read from the source, for this recipe only
	coming bool // this run brings it to the target; neither: it is there
}

// deltaSuffix makes of the kind of a file, its ftype, that of a delta for it.
const deltaSuffix = ".vcdiff"

// kind names what is the same thing in each version of a product.
type kind struct{ product, version, ftype string }

func kindOf(e *streams.Entity, ftype string) kind { return kind{e.Ref.Product, e.Ref.Version, ftype} }

// cookbook finds recipes for the files of a run.
type cookbook struct {
	ways     map[string][]way          // by the path of what they make
	coming   map[streams.Digest]*file  // files of this run by content
	held     map[streams.Digest]string // what the target holds of bases and deltas
	deciding map[string]bool           // true while it is being decided, false afterwards
	recipes  map[string]*recipe
}

// way is one way to make a file.
type way struct{ base, delta streams.Entity }

// findRecipes returns what can be made of deltas, by path.
func (r *run) findRecipes(ctx context.Context, files []*file) map[string]*recipe {
	c := &cookbook{ways: map[string][]way{}, coming: map[streams.Digest]*file{},
		held: map[streams.Digest]string{}, deciding: map[string]bool{}, recipes: map[string]*recipe{}}
	for _, f := range files {
		if _, ok := c.coming[f.digest]; !ok {
			c.coming[f.digest] = f
		}
	}
	for _, part := range r.parts {
		c.collect(&part, func(e *streams.Entity) bool { return r.held(ctx, part.ContentID, e.Ref, e.Item) })
	}
	for _, f := range files {
		c.decide(f)
	}
	return c.recipes
}

// collect notes the ways in which a products file lists that files to come can be made.
func (c *cookbook) collect(part *Part, held func(*streams.Entity) bool) {
	deltas, bases := listedDeltas(part)
	if len(deltas) == 0 {
		return
	}
	for e := range part.Plan.Have.All() {
		ftype := e.Get("ftype")
		if _, wanted := bases[kindOf(&e, ftype)]; (wanted || strings.HasSuffix(ftype, deltaSuffix)) && held(&e) {
			c.held[streams.DigestOf(e.Get)] = e.Item.Str("path")
		}
	}
	for e := range part.Plan.Added() {
		path, ftype := e.Item.Str("path"), e.Get("ftype")
		for _, d := range deltas[kindOf(&e, ftype)] {
			if base := bases[kind{e.Ref.Product, d.Get("delta_base"), ftype}]; base != nil {
				c.ways[path] = append(c.ways[path], way{*base, d})
			}
		}
	}
}

// listedDeltas returns the deltas of a products file by what they make, and what they change: as the source lists it,
// else as the target's record does.
func listedDeltas(part *Part) (deltas map[kind][]streams.Entity, bases map[kind]*streams.Entity) {
	deltas, bases = map[kind][]streams.Entity{}, map[kind]*streams.Entity{}
	for e := range part.Plan.Source.All() {
		ftype, ok := strings.CutSuffix(e.Get("ftype"), deltaSuffix)
		if base := e.Get("delta_base"); ok && base != "" {
			deltas[kindOf(&e, ftype)] = append(deltas[kindOf(&e, ftype)], e)
			bases[kind{e.Ref.Product, base, ftype}] = nil
		}
	}
	for _, list := range []*streams.Products{part.Plan.Source, part.Plan.Have} {
		if len(deltas) == 0 {
			break
		}
		for e := range list.All() {
			k := kindOf(&e, e.Get("ftype"))
			if base, wanted := bases[k]; wanted && base == nil {
				bases[k] = &e
			}
		}
	}
	return deltas, bases
}

// decide chooses the recipe of a file that saves most, and of those that it needs before it. Nothing can need itself.
func (c *cookbook) decide(f *file) {
	if _, begun := c.deciding[f.path]; begun {
		return
	}
	c.deciding[f.path] = true
	for _, w := range c.ways[f.path] {
		if rc := c.recipe(f, w); rc != nil && (c.recipes[f.path] == nil || rc.Saves > c.recipes[f.path].Saves) {
			c.recipes[f.path] = rc
		}
	}
	c.deciding[f.path] = false
}

// recipe returns how f is made in this way; nil if it cannot be, or is not worth it.
func (c *cookbook) recipe(f *file, w way) *recipe {
	if strong := f.digest.Algorithm; f.size < 0 || strong != "sha256" && strong != "sha512" {
		return nil
	}
	size, ok := streams.String(w.delta.Get("size")).Int()
	if !ok || size < 0 || w.delta.Item.Str("path") == "" {
		return nil
	}
	rc := &recipe{Delta: Delta{w.delta.Item.Str("path"), size, w.base.Ref.Version, f.size}, digest: streams.DigestOf(w.delta.Get)}
	if rc.base, ok = c.ingredient(f, rc, streams.DigestOf(w.base.Get)); !ok {
		return nil
	}
	if rc.delta, ok = c.ingredient(f, rc, rc.digest); !ok {
		rc.delta = ingredient{path: rc.Path, source: true}
		rc.Saves -= size
	}
	if rc.Saves <= 0 {
		return nil
	}
	return rc
}

// ingredient finds content that is in the target, or comes there before f can be made. What replaces another file
// comes last, so that nothing new is made of it.
func (c *cookbook) ingredient(f *file, rc *recipe, content streams.Digest) (ingredient, bool) {
	if content.Algorithm == "" {
		return ingredient{}, false
	}
	if path, ok := c.held[content]; ok {
		return ingredient{path: path}, true
	}
	other, ok := c.coming[content]
	if !ok || other.known && !f.known {
		return ingredient{}, false
	}
	if c.decide(other); c.deciding[other.path] {
		return ingredient{}, false
	}
	rc.depth = max(rc.depth, c.recipes[other.path].after())
	return ingredient{path: other.path, coming: true}, true
}
