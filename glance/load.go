package glance

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/seed-43fb3962/sstream/publish"
	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/streams"
)

// Target is one region that receives images. [NewTarget] makes one.
type Target struct {
	Region    string
	ContentID string             // of the published stream, and of the images that belong to it
	Publisher *publish.Publisher // publishes the stream; nil: nobody does

	images  service
	authURL string // published as the endpoint
	project string // the ID of the project that owns the images
}

// region is a target with what it holds.
type region struct {
	*Target
	held      map[streams.Ref]*Image // what need not be uploaded again, by the item that it was made of
	text      []byte                 // what was published before; nil if nothing was
	known     *streams.Products      // the same, parsed
	halves    []*Image               // uploads that did not end well
	suspended []*Image               // uploads that may still be going on
	doubles   []removal              // further images of an item that is held
	leaving   map[string]bool        // IDs of images that are held no more, because they are about to be removed
	unchecked sync.Map               // IDs of images that this run has made and not yet found right; workers add to it
	current   bool                   // what is published is what is held, as far as this run knows
	future    *streams.Products      // what it will hold, by what was decided so far
}

// load asks the image service what it holds: it is the authority. What was published before only adds to it.
func (o *Options) load(ctx context.Context, t *Target) (*region, error) {
	r := &region{Target: t, held: map[streams.Ref]*Image{}, leaving: map[string]bool{}}
	var list []*Image
	group, both := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		list, err = t.images.list(both, t.ContentID)
		return err
	})
	group.Go(func() (err error) {
		r.text, r.known, err = t.published(both)
		return err
	})
	if err := group.Wait(); err != nil {
		return nil, err
	}
	o.sortAll(r, list)
	r.future = r.holds()
	return r, nil
}

func (o *Options) sortAll(r *region, list []*Image) {
	for _, i := range list {
		if i.Owner == r.project && i.Properties[propContentID] == r.ContentID { // there are services that do not filter
			o.sort(r, i)
		}
	}
}

// fresh is how long another run may take from the creation of an image to the begin of its upload.
const fresh = time.Minute

// sort puts an image to those that are held or to those that are in the way.
func (o *Options) sort(r *region, i *Image) {
	p := i.Properties
	ref := i.ref()
	log := o.Log.With("region", r.Region, "image", i.ID)
	switch {
	case i.Status == statusQueued && o.Now().Sub(i.Updated) < fresh:
		r.suspended = append(r.suspended, i)
	case i.Status == statusQueued || i.Status == "killed":
		r.halves = append(r.halves, i)
	case i.Status == statusDeactivated && ref.Item != "":
		log.Warn("image is deactivated: it is not published")
		r.hold(ref, i)
	case i.Status != statusActive && o.Now().Sub(i.Updated) > o.Stale:
		r.halves = append(r.halves, i)
	case i.Status != statusActive:
		log.Warn("image is not active: another run may be uploading it", "status", i.Status)
		r.suspended = append(r.suspended, i)
	case ref.Product == "" || ref.Version == "" || ref.Item == "" || p[propSourceID] == "":
		log.Warn("image lacks properties that would tell what it is")
	case !o.intact(i):
		log.Warn("image holds other bytes than its metadata says: it is not published, and uploaded anew")
	default:
		r.hold(ref, i)
	}
}

// hold takes an image for an item. Of two the active one stays, else the one that is published, else the older: images
// come the newest first.
func (r *region) hold(ref streams.Ref, i *Image) {
	double := r.held[ref]
	r.held[ref] = i
	if double == nil {
		return
	}
	if i.Status != double.Status && double.Status == statusActive || i.Status == double.Status && r.names(ref, double) {
		r.held[ref], double = double, i
	}
	if double.Status == statusActive { // what an administrator has deactivated is left alone
		r.doubles = append(r.doubles, removal{r, ref, double})
	}
}

// intact tells whether an image is what its metadata says, as far as the service tells. A hook or an import may have changed it.
func (o *Options) intact(i *Image) bool {
	m := metadataOf(i)
	if len(o.ModifyHook) > 0 || i.DiskFormat != diskFormat(m.Str("ftype")) {
		return true
	}
	size, ok := m.Get("size").Int()
	md5 := strings.ToLower(m.Str("md5"))
	return (!ok || size == i.Size) && (md5 == "" || i.Checksum == "" || md5 == i.Checksum)
}

// metadataOf returns the fields of the item that an image was made of; none if it has no record of them.
func metadataOf(i *Image) streams.Attrs {
	v, err := streams.Raw(i.Properties[propMetadata])
	if err != nil {
		return streams.Attrs{} // images of very old tools have none
	}
	return v.Fields()
}

const maxDocument = 1 << 30

// published reads the stream that was published before. Its text is nil, and it has no products, if there is none.
func (t *Target) published(ctx context.Context) ([]byte, *streams.Products, error) {
	none := &streams.Products{Products: streams.MakeNodes[*streams.Product]()}
	if t.Publisher == nil {
		return nil, none, nil
	}
	path := productPath(t.ContentID)
	body, err := store.ReadAll(ctx, t.Publisher.Store, path, maxDocument)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, none, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("cannot read what was published before: %w", err)
	}
	p, err := streams.ParseProducts(body)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot read what was published before: %s: %w", path, err)
	}
	return body, p, nil
}

// refs returns the items that are held, in byte order.
func (r *region) refs() []streams.Ref {
	refs := make([]streams.Ref, 0, len(r.held))
	for ref := range r.held {
		refs = append(refs, ref)
	}
	slices.SortFunc(refs, func(a, b streams.Ref) int { return strings.Compare(a.String(), b.String()) })
	return refs
}

// holds returns what the region has as a products document: what a plan compares the source with.
func (r *region) holds() *streams.Products {
	p := emptyProducts(r.ContentID)
	for _, ref := range r.refs() {
		put(p, ref, new(streams.Item))
	}
	return p
}

func emptyProducts(contentID string) *streams.Products {
	p := &streams.Products{Products: streams.MakeNodes[*streams.Product]()}
	p.Set("content_id", streams.String(contentID))
	p.Set("datatype", streams.String("image-ids"))
	p.Set("format", streams.String(streams.ProductsFormat))
	return p
}

// put sets an item and what is missing above it.
func put(p *streams.Products, ref streams.Ref, item *streams.Item) {
	product, ok := p.Products.Get(ref.Product)
	if !ok {
		product = &streams.Product{Versions: streams.MakeNodes[*streams.Version]()}
		p.Products.Set(ref.Product, product)
	}
	version, ok := product.Versions.Get(ref.Version)
	if !ok {
		version = &streams.Version{Items: streams.MakeNodes[*streams.Item]()}
		product.Versions.Set(ref.Version, version)
	}
	version.Items.Set(ref.Item, item)
}
