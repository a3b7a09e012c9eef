package glance

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/seed-43fb3962/sstream/openstack"
	"github.com/seed-43fb3962/sstream/streams"
)

// upload is an item on its way into one region, and what came of it.
type upload struct {
	*region
	*share
	o    *Options
	item *item
	flat *streams.Flat // the item's fields, as the hook left them

	image *Image // active and what it should be, or as it was made if nobody has looked at it since it was sent; nil if err is not
	err   error
}

const uploadAttempts = 3

// upload makes an image of an item in every region that wants it.
func (p *Plan) upload(ctx context.Context, it *item) []*upload {
	uploads := make([]*upload, len(it.regions))
	for i, r := range it.regions {
		uploads[i] = &upload{region: r, o: &p.o, item: it, flat: it.flat}
	}
	defer p.o.Progress(p.progress(it, 0, true))
	ctx, cancel := context.WithCancel(ctx) // ends a download that nobody waits for any more
	defer cancel()
	content := it.content
	if len(p.o.ModifyHook) > 0 {
		changed, err := p.o.modify(ctx, it)
		if err != nil {
			for _, u := range uploads {
				u.end(nil, err)
			}
			return uploads
		}
		defer changed.remove()
		content = changed.content
		for _, u := range uploads {
			u.flat = changed.flat
		}
	}
	rd := newReading(ctx, it.path, content, len(uploads), func(read int64) { p.o.Progress(p.progress(it, read, false)) })
	var group sync.WaitGroup
	for _, u := range uploads {
		u.share = &share{reading: rd}
		group.Go(func() {
			defer u.leave()
			u.end(u.run(ctx))
		})
	}
	group.Wait()
	cancel()
	rd.feeding.Wait() // nothing is reported after the end
	return uploads
}

// end notes what came of an upload.
func (u *upload) end(i *Image, err error) {
	u.image, u.err = i, nil
	if err != nil {
		u.image, u.err = nil, fmt.Errorf("region %s: cannot upload %s: %w", u.Region, u.item.ref, err)
	}
}

func (p *Plan) progress(it *item, read int64, done bool) Progress {
	name, ok := it.flat.Get("pubname")
	if !ok {
		name = it.name
	}
	return Progress{Name: it.name, PubName: name, Size: it.content.Size, Read: read, Done: done}
}

// run makes the image, and makes another one if the service fails in a way that may pass.
func (u *upload) run(ctx context.Context) (*Image, error) {
	fields := u.o.properties(u.ContentID, u.item.sourceID, u.item.ref, u.flat)
	if u.item.latest[u.region] {
		fields[propLatest] = "true"
	}
	for n := 1; ; n++ {
		fields["id"] = u.o.NewID()
		u.unchecked.Store(fields["id"], true)
		made, err := u.images.create(ctx, fields)
		if err != nil {
			return nil, err
		}
		sent, err := u.fill(ctx, made)
		if err == nil {
			return sent, nil
		}
		u.discard(ctx, made)
		if n == uploadAttempts || !openstack.Temporary(err) || ctx.Err() != nil || u.images.Cloud().Wait(ctx, n, err) != nil {
			return nil, err
		}
	}
}

// discard deletes an image that did not become what it should be. It is not used again: a service that has not noticed
// yet that an upload broke off mixes it up with the next.
func (u *upload) discard(ctx context.Context, i *Image) {
	after, cancel := cleanup(ctx)
	defer cancel()
	if err := u.images.remove(after, i); err != nil {
		u.o.Log.Warn("half an image is left, for the next run to remove", "region", u.Region, "image", i.ID, "error", err)
	}
}

// fill sends the content. If all went well nobody asks now what the service has: [Plan.check] does so for many at once.
func (u *upload) fill(ctx context.Context, i *Image) (*Image, error) {
	err := u.send(ctx, i)
	switch {
	case err == nil && !u.o.ImportConversion:
		return i, nil
	case err != nil && (ctx.Err() != nil || fromSource(err)):
		return nil, err
	}
	return u.confirm(ctx, i, err)
}

// send makes the requests that carry the content.
func (u *upload) send(ctx context.Context, i *Image) error {
	body := openstack.Body{Size: u.content.Size, Open: u.open}
	if !u.o.ImportConversion {
		return u.images.put(ctx, i, "file", body)
	}
	if err := u.images.put(ctx, i, "stage", body); err != nil {
		return err
	}
	return u.images.importStaged(ctx, i)
}

// fromSource tells whether the source is to blame.
func fromSource(err error) bool {
	var e *openstack.Error
	return !errors.As(err, &e)
}
