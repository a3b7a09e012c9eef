package glance

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"time"

	"github.com/seed-43fb3962/sstream/streams"
)

// checkEvery is how long a worker goes on with one product before it has what it sent checked: what comes to an end
// sooner is checked with what else is about to be published, which costs the service less.
const checkEvery = 10 * time.Second

// check asks the regions what they have of the images that nobody has looked at since they were sent, and deletes what is
// not what it should be. If the run is interrupted, what was sent whole is still worth a look.
func (p *Plan) check(ctx context.Context, uploads []*upload) {
	if ctx.Err() != nil {
		after, cancel := cleanup(ctx)
		defer cancel()
		ctx = after
	}
	sent := map[*region][]*upload{}
	for _, u := range uploads {
		if u.err == nil && u.image.Status != statusActive {
			sent[u.region] = append(sent[u.region], u)
		}
	}
	var group sync.WaitGroup
	for _, r := range p.regions {
		if len(sent[r]) > 0 {
			group.Go(func() { r.check(ctx, sent[r]) })
		}
	}
	group.Wait()
}

// check asks for all at once, and again for each that the answer does not settle.
func (r *region) check(ctx context.Context, sent []*upload) {
	var there map[string]*Image
	if len(sent) > 1 {
		var ids []string
		for _, u := range sent {
			ids = append(ids, u.image.ID)
		}
		there, _ = r.images.some(ctx, ids) // what is wrong shows when each is asked for alone
	}
	for _, u := range sent {
		made, now := u.image, u.image
		if i := there[made.ID]; i != nil {
			now = i
		}
		u.end(u.confirm(ctx, now, nil))
		if u.err != nil {
			u.discard(ctx, made)
		}
	}
}

// confirm finds out whether the service has what was sent, by a look at the image, or by another if it was not active then.
// The request that sent it may have failed, with err, and been carried out all the same.
func (u *upload) confirm(ctx context.Context, i *Image, err error) (*Image, error) {
	now, gone := i, error(nil)
	if i.Status != statusActive {
		now, gone = u.settled(ctx, i)
	}
	switch {
	case errors.Is(gone, fs.ErrNotExist):
		if err != nil {
			gone = fmt.Errorf("%w; %w", err, gone)
		}
		return nil, fmt.Errorf("somebody deleted the image in the middle: %w", gone)
	case gone != nil:
		return nil, first(err, gone)
	case now.Status == statusActive:
		if err := u.verify(now); err != nil {
			return nil, err
		}
		u.unchecked.Delete(now.ID)
		fmt.Fprintf(u.o.Stdout, "created %s: %s\n", now.ID, now.Name)
		return now, nil
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

// settled asks for the image until it is in a state that lasts. An import takes its time; an upload whose connection
// broke off takes a moment to be noticed.
func (u *upload) settled(ctx context.Context, i *Image) (*Image, error) {
	patience := 10
	if u.o.ImportConversion {
		patience = 3600
	}
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		now, err := u.images.get(ctx, i.ID)
		if err == nil && u.o.ImportConversion && now.Status != statusActive && now.FailedImport == "" {
			now.FailedImport, err = u.images.importFailure(ctx, i)
		}
		if err != nil || now.Status == statusActive || now.Status == statusQueued || now.FailedImport != "" || patience == 0 {
			return now, err
		}
		patience--
		if err := u.images.Cloud().Pause(ctx, wait); err != nil {
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

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
