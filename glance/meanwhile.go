package glance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/seed-43fb3962/sstream/plan"
	"github.com/seed-43fb3962/sstream/streams"
)

// What other runs on the same content id do meanwhile. An object store knows no locks, so that they are not kept out: each
// leaves to the others what they are uploading, and takes over what they have published.

// look reads the index, and what is published besides: if another run wrote it since, the images are listed again.
func (o *Options) look(ctx context.Context, r *region) (index *streams.Index, err error) {
	var text []byte
	var known *streams.Products
	group, both := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		index, err = readIndex(both, r.Publisher.Store)
		return err
	})
	group.Go(func() (err error) {
		text, known, err = r.published(both)
		return err
	})
	if err := group.Wait(); err != nil || bytes.Equal(text, r.text) {
		return index, err
	}
	o.Log.Warn("another run has published this stream meanwhile: its images are taken over", "region", r.Region, "content_id", r.ContentID)
	r.text, r.known = text, known
	return index, o.listAgain(ctx, r)
}

// listAgain makes what is held what the service has now of what is published and of what was held, without what is about to
// be removed and what may yet turn out wrong. What other runs have made besides they will publish themselves: were it
// published here, and theirs of ours there, each would take the other's for the image that goes.
func (o *Options) listAgain(ctx context.Context, r *region) error {
	list, err := r.images.list(ctx, r.ContentID)
	if err != nil {
		return err
	}
	now := &region{Target: r.Target, known: r.known, held: map[streams.Ref]*Image{}}
	for _, i := range list {
		if r.minds(i) {
			o.sortAll(now, []*Image{i})
		}
	}
	r.held, r.doubles = now.held, nil
	for _, rm := range now.doubles {
		if _, published := r.known.Find(rm.ref); published { // else another run may be about to publish the one that would go
			r.doubles = append(r.doubles, removal{r, rm.ref, rm.image})
		}
	}
	return nil
}

// minds tells whether an image is one of those that listAgain looks for.
func (r *region) minds(i *Image) bool {
	_, unchecked := r.unchecked.Load(i.ID)
	held := r.held[i.ref()]
	switch {
	case r.leaving[i.ID]:
		return false
	case r.names(i.ref(), i):
		return true
	case unchecked:
		return false
	}
	return r.Publisher == nil || held != nil && held.ID == i.ID || r.double(i)
}

// names tells whether what is published names an image for an item, as far as this run knows.
func (r *region) names(ref streams.Ref, i *Image) bool {
	e, ok := r.known.Find(ref)
	return ok && e.Get("id") == i.ID
}

// take makes an image that this run has uploaded one of those that are held, unless another run has published its own
// meanwhile: then ours goes.
func (r *region) take(ref streams.Ref, i *Image) {
	held := r.held[ref]
	switch {
	case r.double(i):
	case held != nil && held.ID != i.ID && held.Status == statusActive && r.names(ref, held):
		r.doubles = append(r.doubles, removal{r, ref, i})
	default:
		r.held[ref] = i
		r.current = false
	}
}

// drop takes an image out of what is held that another run has published and this run, which made it, has found wrong.
func (r *region) drop(ref streams.Ref) {
	if i := r.held[ref]; i != nil {
		if _, wrong := r.unchecked.Load(i.ID); wrong {
			delete(r.held, ref)
			r.current = false
		}
	}
}

// double tells whether an image is one of those that will be removed, as there is another of the same item.
func (r *region) double(i *Image) bool {
	return slices.ContainsFunc(r.doubles, func(rm removal) bool { return rm.image.ID == i.ID })
}

// takeOver looks for another run's image where ours is gone: a run that finds an item twice deletes the image that is not published.
func (p *Plan) takeOver(ctx context.Context, uploads []*upload) {
	for _, u := range uploads {
		if !errors.Is(u.err, fs.ErrNotExist) {
			continue
		}
		var err error
		if u.Publisher == nil {
			err = p.o.listAgain(ctx, u.region)
		} else {
			_, err = p.o.look(ctx, u.region)
		}
		if err != nil {
			return // the upload's own error says enough
		}
		if i := u.held[u.item.ref]; i != nil {
			p.o.Log.Warn("another run has made this image meanwhile: it is taken over", "region", u.Region, "image", i.ID, "name", i.Name)
			u.end(i, nil)
		}
	}
}

// uploading returns the image that another run seems to be making of an item; nil if none does.
func (r *region) uploading(ref streams.Ref) *Image {
	for _, i := range r.suspended {
		if i.ref() == ref {
			return i
		}
	}
	return nil
}

// awaited is a product of which another run seemed to be making an image.
type awaited struct {
	*region
	product string
	image   *Image
}

// awaits tells whether a product is not to be decided about now: another run is at it, or has been decided about before.
func (p *Plan) awaits(r *region, step *plan.Step) bool {
	if p.again != nil {
		return !p.again[r.Target][step.Name]
	}
	found := false
	for _, i := range r.suspended {
		if i.Properties[propProduct] == step.Name {
			p.awaited = append(p.awaited, awaited{r, step.Name, i})
			found = true
		}
	}
	return found
}

// finish decides anew, and only once, about what another run seemed to be at: it has done it by now, or died.
func (p *Plan) finish(ctx context.Context) []error {
	if len(p.awaited) == 0 {
		return nil
	}
	next := &Plan{o: p.o, source: p.source, path: p.path, byProduct: map[string]*work{}, again: map[*Target]map[string]bool{}, outlasted: map[string]bool{}}
	var targets []*Target
	var errs []error
	for _, a := range p.awaited {
		if err := a.outlast(ctx); err != nil {
			errs = append(errs, fmt.Errorf("region %s: %w", a.Region, err))
			continue
		}
		if next.again[a.Target] == nil {
			next.again[a.Target] = map[string]bool{}
			targets = append(targets, a.Target)
		}
		next.again[a.Target][a.product] = true
		next.outlasted[a.image.ID] = true
	}
	if len(targets) == 0 {
		return errs
	}
	err := next.decide(ctx, targets)
	if err == nil {
		err = next.Do(ctx)
	}
	var part *PartError
	switch {
	case errors.As(err, &part):
		return append(errs, part.Errors...)
	case err != nil:
		return append(errs, err)
	}
	return errs
}

// giveUpQueued takes what has been waited for and is queued still for the leftovers of runs that died.
func (p *Plan) giveUpQueued() {
	for _, r := range p.regions {
		var rest []*Image
		for _, i := range r.suspended {
			if i.Status == statusQueued && p.outlasted[i.ID] {
				r.halves = append(r.halves, i)
			} else {
				rest = append(rest, i)
			}
		}
		r.suspended = rest
	}
}

// outlast waits some seconds for the other run to end its upload, or to begin it: what stays queued is nobody's.
func (a *awaited) outlast(ctx context.Context) error {
	queued := 0
	for n, wait := 0, 100*time.Millisecond; n < 10 && queued < 5; n, wait = n+1, min(2*wait, 2*time.Second) {
		now, err := a.images.get(ctx, a.image.ID)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case now.Status == statusActive:
			return nil
		case now.Status == statusQueued:
			queued++
		}
		if err := a.images.Cloud().Pause(ctx, wait); err != nil {
			return err
		}
	}
	return nil
}
