package glance

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/seed-43fb3962/sstream/store"
)

// Do carries the plan out. It returns a [*PartError] if some of it could not be done, and ctx's error if it was
// interrupted: what is active then is kept, and published by the next run.
func (p *Plan) Do(ctx context.Context) error {
	errs := append([]error(nil), p.errors...)
	errs = append(errs, p.removeHalves(ctx, func(r *region) []*Image { return r.halves })...)
	uploads, prepared := p.uploads(ctx), p.prepare(ctx)
	for done := range batches(uploads) {
		errs = append(errs, p.settle(ctx, done)...)
	}
	prepared.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	for _, r := range p.regions {
		errs = append(errs, p.end(ctx, r)...)
	}
	errs = append(errs, p.removeHalves(ctx, p.abandoned(ctx))...)
	errs = append(errs, p.finish(ctx)...)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if len(errs) > 0 {
		return &PartError{errs}
	}
	return nil
}

// prepare gets stores ready for what will be published, while images are on their way. Its errors are those of the publication.
func (p *Plan) prepare(ctx context.Context) *sync.WaitGroup {
	all := new(sync.WaitGroup)
	if files, _ := p.Uploads(); files == 0 {
		return all // there may be nothing to publish
	}
	for _, r := range p.regions {
		if r.Publisher == nil {
			continue
		}
		if s, ok := r.Publisher.Store.(store.Preparer); ok {
			all.Go(func() { _ = s.Prepare(ctx) })
		}
	}
	return all
}

// end makes sure that what is published is what is held, in a region where nothing has changed too.
func (p *Plan) end(ctx context.Context, r *region) []error {
	var errs []error
	unpublished := map[*region]bool{}
	r.current = r.current && len(r.doubles) == 0 // what is to be removed may have been published meanwhile
	if err := p.o.publish(ctx, r); err != nil {
		unpublished[r] = true
		errs = append(errs, fmt.Errorf("region %s: %w", r.Region, err))
	}
	errs = append(errs, p.removeOld(ctx, r.doubles, unpublished)...)
	if p.o.LatestProperty {
		errs = append(errs, p.o.settleLatest(ctx, r)...)
	}
	return errs
}

// finished is a product whose uploads have ended, one way or the other.
type finished struct {
	*work
	uploads []*upload
}

// uploads works on several products at once and sends each on when its uploads have ended.
func (p *Plan) uploads(ctx context.Context) <-chan finished {
	todo, done := make(chan *work), make(chan finished, len(p.work)) // a worker does not wait for a publication
	go func() {
		defer close(todo)
		for _, w := range p.work {
			if len(w.upload)+len(w.remove) == 0 {
				continue
			}
			select {
			case todo <- w:
			case <-ctx.Done():
				return
			}
		}
	}()
	var workers sync.WaitGroup
	for range p.o.Jobs {
		workers.Go(func() {
			for w := range todo {
				done <- finished{w, p.uploadAll(ctx, w.upload)}
			}
		})
	}
	go func() {
		workers.Wait()
		close(done)
	}()
	return done
}

// uploadAll uploads the items of a product. Those that take long are checked soon after, the others when the product is published.
func (p *Plan) uploadAll(ctx context.Context, items []*item) []*upload {
	var uploads []*upload
	checked := p.o.Now()
	for _, it := range items {
		uploads = append(uploads, p.upload(ctx, it)...)
		if now := p.o.Now(); now.Sub(checked) >= checkEvery {
			p.check(ctx, uploads)
			checked = now
		}
	}
	return uploads
}

// publishEvery is how long a product waits for others, so that one publication does for them all: each writes the whole
// stream, and a stream of a thousand products would be written a thousand times.
const publishEvery = 10 * time.Second

// batches yields what has ended: at once when all has, or else publishEvery after the first of it.
func batches(done <-chan finished) iter.Seq[[]finished] {
	return func(yield func([]finished) bool) {
		for f := range done {
			batch, due := []finished{f}, time.After(publishEvery)
			for more := true; more; {
				select {
				case f, open := <-done:
					if more = open; open {
						batch = append(batch, f)
					}
				case <-due:
					more = false
				}
			}
			if !yield(batch) {
				return
			}
		}
	}
}

// settle publishes products in every region where something of them has changed, and then removes their old images:
// first the stream stops to name them. Where an upload of a product failed its old images stay.
func (p *Plan) settle(ctx context.Context, batch []finished) []error {
	var errs []error
	var old []removal
	var all []*upload
	for _, f := range batch {
		all = append(all, f.uploads...)
	}
	p.check(ctx, all)
	p.takeOver(ctx, all)
	for _, f := range batch {
		failed := map[*region]bool{}
		for _, u := range f.uploads {
			if u.err != nil {
				failed[u.region] = true
				errs = append(errs, u.err)
				u.drop(u.item.ref)
				continue
			}
			u.take(u.item.ref, u.image)
		}
		for _, rm := range f.remove {
			if !failed[rm.region] {
				delete(rm.held, rm.ref)
				rm.leaving[rm.image.ID] = true
				rm.current = false
				old = append(old, rm)
			}
		}
	}
	unpublished := map[*region]bool{}
	for _, r := range p.regions {
		if r.current {
			continue
		}
		if err := p.o.publish(ctx, r); err != nil {
			unpublished[r] = true
			errs = append(errs, fmt.Errorf("region %s: %w", r.Region, err))
		}
	}
	return append(errs, p.removeOld(ctx, old, unpublished)...)
}

// removeOld deletes old images, but for those that what is published may still name.
func (p *Plan) removeOld(ctx context.Context, old []removal, unpublished map[*region]bool) []error {
	var errs []error
	for _, rm := range old {
		if unpublished[rm.region] {
			if rm.leaving[rm.image.ID] {
				rm.held[rm.ref] = rm.image
				delete(rm.leaving, rm.image.ID)
			}
			continue
		}
		fmt.Fprintf(p.o.Stdout, "removing %s: %s\n", rm.image.ID, rm.image.Name)
		if err := rm.images.remove(ctx, rm.image); err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// removeHalves deletes what interrupted uploads left.
func (p *Plan) removeHalves(ctx context.Context, of func(*region) []*Image) []error {
	var errs []error
	for _, r := range p.regions {
		for _, i := range of(r) {
			p.o.Log.Warn("removing half an image", "region", r.Region, "image", i.ID, "name", i.Name, "status", i.Status)
			if err := r.images.remove(ctx, i); err != nil {
				errs = append(errs, err)
			}
		}
	}
	return errs
}

// abandoned returns those images that seemed to be uploaded by somebody when the run began and are queued now: the
// service has noticed since that nobody does.
func (p *Plan) abandoned(ctx context.Context) func(*region) []*Image {
	return func(r *region) []*Image {
		var list []*Image
		for _, i := range r.suspended {
			if i.Status == statusQueued { // it may still begin
				continue
			}
			if now, err := r.images.get(ctx, i.ID); err == nil && now.Status == statusQueued {
				list = append(list, now)
			}
		}
		return list
	}
}
