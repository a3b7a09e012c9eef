package glance

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"time"

	"github.com/seed-43fb3962/sstream/openstack"
	"github.com/seed-43fb3962/sstream/streams"
)

// outcome is what came of an item in a region.
type outcome struct {
	*region
	item  *item
	image *Image // active; nil if err is not
	err   error
}

const uploadAttempts = 3

// upload makes an image of an item in every region that wants it.
func (p *Plan) upload(ctx context.Context, it *item) []outcome {
	outcomes := make([]outcome, len(it.regions))
	for i, r := range it.regions {
		outcomes[i] = outcome{region: r, item: it}
	}
	defer p.o.Progress(p.progress(it, 0, true))
	ctx, cancel := context.WithCancel(ctx) // ends a download that nobody waits for any more
	defer cancel()
	content, flat := it.content, it.flat
	if len(p.o.ModifyHook) > 0 {
		changed, err := p.o.modify(ctx, it)
		if err != nil {
			for i := range outcomes {
				outcomes[i].err = fmt.Errorf("region %s: cannot upload %s: %w", outcomes[i].Region, it.ref, err)
			}
			return outcomes
		}
		defer changed.remove()
		content, flat = changed.content, changed.flat
	}
	rd := newReading(ctx, it.path, content, len(outcomes), func(read int64) { p.o.Progress(p.progress(it, read, false)) })
	var group sync.WaitGroup
	for i := range outcomes {
		group.Go(func() {
			o, s := &outcomes[i], &share{reading: rd}
			defer s.leave()
			u := &upload{service: o.images, o: &p.o, share: s, flat: flat}
			o.image, o.err = u.run(ctx, o.region, it)
			if o.err != nil {
				o.image, o.err = nil, fmt.Errorf("region %s: cannot upload %s: %w", o.Region, it.ref, o.err)
			}
		})
	}
	group.Wait()
	return outcomes
}

func (p *Plan) progress(it *item, read int64, done bool) Progress {
	name, ok := it.flat.Get("pubname")
	if !ok {
		name = it.name
	}
	return Progress{Name: it.name, PubName: name, Size: it.content.Size, Read: read, Done: done}
}

// upload is one image on its way into one region.
type upload struct {
	service
	*share
	o    *Options
	flat *streams.Flat
}

// run makes the image, and makes another one if the service fails in a way that may pass.
func (u *upload) run(ctx context.Context, r *region, it *item) (*Image, error) {
	fields := u.o.properties(r.ContentID, it.sourceID, it.ref, u.flat)
	if it.latest[r] {
		fields[propLatest] = "true"
	}
	for n := 1; ; n++ {
		fields["id"] = u.o.NewID()
		made, err := u.create(ctx, fields)
		if err != nil {
			return nil, err
		}
		done, err := u.fill(ctx, made)
		if err == nil {
			fmt.Fprintf(u.o.Stdout, "created %s: %s\n", done.ID, done.Name)
			return done, nil
		}
		u.discard(ctx, r, made)
		if n == uploadAttempts || !openstack.Temporary(err) || ctx.Err() != nil || u.Cloud().Wait(ctx, n, err) != nil {
			return nil, err
		}
	}
}

// discard deletes an image that did not become what it should be. It is not used again: a service that has not noticed
// yet that an upload broke off mixes it up with the next.
func (u *upload) discard(ctx context.Context, r *region, i *Image) {
	after, cancel := cleanup(ctx)
	defer cancel()
	if err := u.remove(after, i); err != nil {
		u.o.Log.Warn("half an image is left, for the next run to remove", "region", r.Region, "image", i.ID, "error", err)
	}
}

// fill sends the content and asks the service what it has. A request that failed may have been carried out all the same.
func (u *upload) fill(ctx context.Context, i *Image) (*Image, error) {
	err := u.send(ctx, i)
	if err != nil && (ctx.Err() != nil || fromSource(err)) {
		return nil, err
	}
	now, gone := u.settled(ctx, i)
	switch {
	case errors.Is(gone, fs.ErrNotExist):
		return nil, fmt.Errorf("somebody deleted the image in the middle: %w", first(err, gone))
	case gone != nil:
		return nil, first(err, gone)
	case now.Status == statusActive:
		return now, u.verify(now)
	case err != nil:
		return nil, err
	}
	return nil, fmt.Errorf("the service took image %s and left it %s%s", i.ID, now.Status, because(now.FailedImport))
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}

// send makes the requests that carry the content.
func (u *upload) send(ctx context.Context, i *Image) error {
	body := openstack.Body{Size: u.content.Size, Open: u.open}
	if !u.o.ImportConversion {
		return u.put(ctx, i, "file", body)
	}
	if err := u.put(ctx, i, "stage", body); err != nil {
		return err
	}
	return u.importStaged(ctx, i)
}

// settled asks for the image until it is in a state that lasts. An import takes its time; an upload whose connection
// broke off takes a moment to be noticed.
func (u *upload) settled(ctx context.Context, i *Image) (*Image, error) {
	patience := 10
	if u.o.ImportConversion {
		patience = 3600
	}
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		now, err := u.get(ctx, i.ID)
		if err == nil && u.o.ImportConversion && now.Status != statusActive && now.FailedImport == "" {
			now.FailedImport, err = u.importFailure(ctx, i)
		}
		if err != nil || now.Status == statusActive || now.Status == statusQueued || now.FailedImport != "" || patience == 0 {
			return now, err
		}
		patience--
		if err := u.Cloud().Pause(ctx, wait); err != nil {
			return nil, err
		}
	}
}

// verify compares what the service has with what was sent. What an import has converted cannot be compared.
func (u *upload) verify(i *Image) error {
	ftype, _ := u.flat.Get("ftype")
	if u.o.ImportConversion && i.DiskFormat != diskFormat(ftype) {
		return nil
	}
	if i.Size != u.content.Size {
		return fmt.Errorf("the service has %d bytes of image %s, not %d", i.Size, i.ID, u.content.Size)
	}
	algorithm, sum := i.HashAlgo, i.Hash
	want := u.digest(algorithm)
	if want == (streams.Digest{}) {
		algorithm, sum = "md5", i.Checksum
		want.Hex, _ = u.flat.Get("md5")
	}
	if want.Hex == "" {
		u.o.Log.Warn("the service's checksum cannot be compared", "image", i.ID, "algorithm", i.HashAlgo)
		return nil
	}
	if !strings.EqualFold(sum, want.Hex) {
		return fmt.Errorf("the service has other bytes in image %s than were sent: %s is %s, not %s", i.ID, algorithm, sum, want.Hex)
	}
	return nil
}

// fromSource tells whether the source is to blame.
func fromSource(err error) bool {
	var e *openstack.Error
	return !errors.As(err, &e)
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
