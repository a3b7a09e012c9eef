package glance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/seed-43fb3962/sstream/fetch"
	"github.com/seed-43fb3962/sstream/plan"
	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/streams"
)

// Plan is what is to be done in all regions.
type Plan struct {
	o       Options
	source  *fetch.Mirror
	path    string
	regions []*region
	work    []*work   // by product, in the order of the source
	awaited []awaited // what is decided anew at the end
	errors  []error   // what cannot be done

	byProduct map[string]*work
	outlasted map[string]bool             // IDs of images that other runs seemed to be making, and have had their time
	again     map[*Target]map[string]bool // the products that are decided about for the second time, alone; nil: all, for the first
}

// work is what is to be done for one product.
type work struct {
	product string
	upload  []*item   // the newest version first
	remove  []removal // after the uploads
}

// item is one file of the source that becomes an image in one region or more.
type item struct {
	ref      streams.Ref
	sourceID string // the content id of the document that lists it
	flat     *streams.Flat
	path     string
	content  store.Content
	name     string // of the image
	regions  []*region
	latest   map[*region]bool // where it is the newest of its kind
}

// removal is an image that is to be deleted.
type removal struct {
	*region
	ref   streams.Ref
	image *Image
}

// Decide reads the regions and the document at path of the source, with all that it lists, and decides what is to be
// done. A region or an item that cannot be used is told of by [Plan.Do], which does the rest.
func Decide(ctx context.Context, src *fetch.Mirror, path string, targets []*Target, o Options) (*Plan, error) {
	o.setDefaults()
	p := &Plan{o: o, source: src, path: path, byProduct: map[string]*work{}}
	if err := p.decide(ctx, targets); err != nil {
		return nil, err
	}
	return p, nil
}

// decide reads the source while the regions answer.
func (p *Plan) decide(ctx context.Context, targets []*Target) error {
	var documents []*fetch.Document
	group, both := errgroup.WithContext(ctx)
	group.Go(func() error { return p.load(both, targets) })
	group.Go(func() error {
		for d, err := range p.source.Walk(both, p.path, wantEntry) {
			if err != nil {
				return err
			}
			documents = append(documents, d)
		}
		return nil
	})
	if err := group.Wait(); err != nil {
		return err
	}
	p.giveUpQueued()
	for _, d := range documents {
		if d.Products == nil {
			continue
		}
		if err := p.add(d.Products); err != nil {
			return fmt.Errorf("%s: %w", d.Path, err)
		}
	}
	if p.o.LatestProperty {
		p.markLatest()
	}
	return nil
}

// wantEntry leaves out what are not files to download.
func wantEntry(_ *streams.Index, _ string, e *streams.Entry) (bool, error) {
	return e.Str("datatype") == "image-downloads" || e.Str("format") == streams.IndexFormat, nil
}

// load reads all regions at once.
func (p *Plan) load(ctx context.Context, targets []*Target) error {
	regions, errs := make([]*region, len(targets)), make([]error, len(targets))
	var group errgroup.Group
	for i, t := range targets {
		group.Go(func() error {
			regions[i], errs[i] = p.o.load(ctx, t)
			return nil
		})
	}
	_ = group.Wait() // the errors are in errs
	for i, err := range errs {
		if err != nil {
			p.errors = append(p.errors, fmt.Errorf("region %s: %w", targets[i].Region, err))
		} else {
			p.regions = append(p.regions, regions[i])
		}
	}
	if len(p.regions) == 0 {
		return errors.Join(p.errors...)
	}
	return nil
}

// add decides about the products of one document.
func (p *Plan) add(src *streams.Products) error {
	if src.ContentID() == "" {
		return errors.New("it has no content_id")
	}
	if err := src.ExpandAliases(); err != nil {
		return err
	}
	byRef := map[streams.Ref]*item{}
	for _, r := range p.regions {
		decided, err := plan.New(src, r.future, plan.Options{Max: p.o.Max, Keep: p.o.Keep, Item: func(e *streams.Entity) (bool, error) {
			return p.o.Item.Match(e.Get)
		}})
		if err != nil {
			return err
		}
		for _, step := range decided.Steps {
			if !p.awaits(r, step) {
				p.addStep(r, src, step, byRef)
			}
		}
	}
	return nil
}

// addStep takes over what is to be done for one product in one region.
func (p *Plan) addStep(r *region, src *streams.Products, step *plan.Step, byRef map[streams.Ref]*item) {
	added, removed := versionNames(step.Add), versionNames(step.Remove)
	p.o.Log.Info(fmt.Sprintf("%s/%s: to_add=%s to_remove=%s", src.ContentID(), step.Name, pythonList(added), pythonList(removed)))
	w, left := p.workOn(step.Name), false
	for _, version := range slices.Backward(step.Product.Versions.Sorted()) {
		whole := step.Have != nil && hasVersion(step.Have, version)
		if !slices.Contains(added, version) && !whole || slices.Contains(removed, version) {
			continue
		}
		v, _ := step.Product.Versions.Get(version)
		for _, name := range wantedItems(v) {
			ref := streams.Ref{Product: step.Name, Version: version, Item: name}
			if r.held[ref] != nil || r.planned(ref) {
				continue
			}
			if i := r.uploading(ref); i != nil {
				p.o.Log.Warn("left to the run that is uploading it", "region", r.Region, "image", i.ID, "name", i.Name)
				left = true
				continue
			}
			if it := p.item(src, ref, byRef, w); it != nil {
				it.regions = append(it.regions, r)
				put(r.future, ref, new(streams.Item))
			}
		}
	}
	if left { // the old versions stay until the new one is there
		return
	}
	for _, c := range step.Remove {
		for _, name := range c.Remove {
			ref := streams.Ref{Product: step.Name, Version: c.Name, Item: name}
			if i := r.held[ref]; i != nil {
				w.remove = append(w.remove, removal{r, ref, i})
			}
		}
		if product, ok := r.future.Products.Get(step.Name); ok {
			product.Versions.Delete(c.Name)
		}
	}
}

func hasVersion(p *streams.Product, version string) bool {
	_, ok := p.Versions.Get(version)
	return ok
}

func versionNames(changes []plan.Change) []string {
	var names []string
	for _, c := range changes {
		names = append(names, c.Name)
	}
	return names
}

// pythonList writes names as the old tool's log did.
func pythonList(names []string) string {
	var quoted []string
	for _, n := range names {
		quoted = append(quoted, "'"+n+"'")
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// wantedItems leaves squashfs files out where there is a root tarball, which every cloud knows that runs containers.
func wantedItems(v *streams.Version) []string {
	ftype := func(name string) string {
		it, _ := v.Items.Get(name)
		return it.Str("ftype")
	}
	names := v.Items.Names()
	tarball := slices.ContainsFunc(names, func(n string) bool { return ftype(n) == "root.tar.gz" || ftype(n) == "root.tar.xz" })
	return slices.DeleteFunc(names, func(n string) bool { return tarball && ftype(n) == "squashfs" })
}

func (p *Plan) workOn(product string) *work {
	w, ok := p.byProduct[product]
	if !ok {
		w = &work{product: product}
		p.work = append(p.work, w)
		p.byProduct[product] = w
	}
	return w
}

// item returns the one item for a ref, whatever the number of regions that want it; nil if it cannot be used.
func (p *Plan) item(src *streams.Products, ref streams.Ref, byRef map[streams.Ref]*item, w *work) *item {
	if it, ok := byRef[ref]; ok {
		return it
	}
	e, _ := src.Find(ref)
	e.Products = nil // the document's own fields are not the image's
	it := &item{ref: ref, sourceID: src.ContentID(), flat: e.Flat(), latest: map[*region]bool{}}
	it.name = imageName(p.o.NamePrefix, ref, it.flat)
	byRef[ref] = nil
	size, noSize := strconv.ParseInt(e.Get("size"), 10, 64)
	digest := streams.DigestOf(e.Get)
	var err error
	it.path, err = streams.CleanPath(e.Get("path"))
	switch {
	case err != nil:
	case noSize != nil || size <= 0: // an empty image is of no use, and nothing of it could be verified
		err = errors.New("it lists no size")
	case digest == streams.Digest{}:
		err = errors.New("it lists no checksum")
	}
	if err != nil {
		p.errors = append(p.errors, fmt.Errorf("cannot upload %s: %w", ref, err))
		return nil
	}
	it.content = p.source.Content(it.path, size, digest)
	byRef[ref] = it
	w.upload = append(w.upload, it)
	return it
}

// planned tells whether the item will be there, by what was decided so far.
func (r *region) planned(ref streams.Ref) bool {
	_, ok := r.future.Find(ref)
	return ok && r.held[ref] == nil
}
