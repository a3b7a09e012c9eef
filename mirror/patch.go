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
	p, ok := w.run.patches[e.Item.Str("path")]
	if !ok {
		return Delta{}, false
	}
	return p.Delta, true
}

// Savings returns how many files are to be made of deltas, and how many bytes less are read from the source for it.
func (w *Work) Savings() (files int, bytes int64) {
	for _, p := range w.run.patches {
		bytes += p.Saves
	}
	return len(w.run.patches), bytes
}

// patch is a delta and what it applies to: together they make a file.
type patch struct {
	Delta
	digest streams.Digest // of the delta
	base   input
	delta  input
	depth  int // how many files have to come before it, one after the other
}

// after is the depth of what needs the file that p makes; nil makes one that is read whole.
func (p *patch) after() int {
	if p == nil {
		return 1
	}
	return p.depth + 1
}

// input is a file that a patch reads.
type input struct {
	path   string
	source bool // it is read from the source, for this patch only
	coming bool // this run brings it to the target; neither: it is there
}

// deltaSuffix makes of the kind of a file, its ftype, that of a delta for it.
const deltaSuffix = ".vcdiff"

// kind names what is the same thing in each version of a product.
type kind struct{ product, version, ftype string }

func kindOf(e *streams.Entity, ftype string) kind { return kind{e.Ref.Product, e.Ref.Version, ftype} }

// patchFinder finds patches for the files of a run.
type patchFinder struct {
	ways     map[string][]way          // by the path of what they make
	coming   map[streams.Digest]*file  // files of this run by content
	held     map[streams.Digest]string // what the target holds of bases and deltas
	deciding map[string]bool           // true while it is being decided, false afterwards
	patches  map[string]*patch
}

// way is one way to make a file.
type way struct{ base, delta streams.Entity }

// findPatches returns what can be made of deltas, by path.
func (r *run) findPatches(ctx context.Context, files []*file) map[string]*patch {
	c := &patchFinder{ways: map[string][]way{}, coming: map[streams.Digest]*file{},
		held: map[streams.Digest]string{}, deciding: map[string]bool{}, patches: map[string]*patch{}}
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
	return c.patches
}

// collect notes the ways in which a products file lists that files to come can be made.
func (c *patchFinder) collect(part *Part, held func(*streams.Entity) bool) {
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

// decide chooses the patch of a file that saves most, and of those that it needs before it. Nothing can need itself.
func (c *patchFinder) decide(f *file) {
	if _, begun := c.deciding[f.path]; begun {
		return
	}
	c.deciding[f.path] = true
	for _, w := range c.ways[f.path] {
		if p := c.patch(f, w); p != nil && (c.patches[f.path] == nil || p.Saves > c.patches[f.path].Saves) {
			c.patches[f.path] = p
		}
	}
	c.deciding[f.path] = false
}

// patch returns how f is made in this way; nil if it cannot be, or is not worth it.
func (c *patchFinder) patch(f *file, w way) *patch {
	if strong := f.digest.Algorithm; f.size < 0 || strong != "sha256" && strong != "sha512" {
		return nil
	}
	size, ok := streams.String(w.delta.Get("size")).Int()
	if !ok || size < 0 || w.delta.Item.Str("path") == "" {
		return nil
	}
	p := &patch{Delta: Delta{w.delta.Item.Str("path"), size, w.base.Ref.Version, f.size}, digest: streams.DigestOf(w.delta.Get)}
	if p.base, ok = c.input(f, p, streams.DigestOf(w.base.Get)); !ok {
		return nil
	}
	if p.delta, ok = c.input(f, p, p.digest); !ok {
		p.delta = input{path: p.Path, source: true}
		p.Saves -= size
	}
	if p.Saves <= 0 {
		return nil
	}
	return p
}

// input finds content that is in the target, or comes there before f can be made. What replaces another file
// comes last, so that nothing new is made of it.
func (c *patchFinder) input(f *file, p *patch, content streams.Digest) (input, bool) {
	if content.Algorithm == "" {
		return input{}, false
	}
	if path, ok := c.held[content]; ok {
		return input{path: path}, true
	}
	other, ok := c.coming[content]
	if !ok || other.known && !f.known {
		return input{}, false
	}
	if c.decide(other); c.deciding[other.path] {
		return input{}, false
	}
	p.depth = max(p.depth, c.patches[other.path].after())
	return input{path: other.path, coming: true}, true
}
