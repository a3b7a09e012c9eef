package glance

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/seed-43fb3962/sstream/publish"
	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/streams"
)

const indexPath = "streams/v1/index.json"

func productPath(contentID string) string { return "streams/v1/" + contentID + ".json" }

// sticky are the fields that stay on the items of an image-ids stream: Juju wants endpoint and region there.
var sticky = []string{"ftype", "md5", "sha256", "size", "name", "id", "endpoint", "region"}

// item is what the stream says of an image: what was published before, under what the image itself says.
func (r *region) item(ref streams.Ref, i *Image) *streams.Item {
	flat := new(streams.Flat)
	if e, ok := r.known.Find(ref); ok {
		e.Products = nil // its own fields are the document's
		flat = e.Flat()
	}
	m := metadataOf(i)
	flat.AddScalars(&m)
	for _, key := range place {
		flat.Delete(key)
	}
	if virt := virtOf(i.Properties[propHyper]); virt != "" {
		flat.Set("virt", virt)
	}
	flat.Set("name", i.Name)
	flat.Set("id", i.ID)
	flat.Set("owner_id", r.project)
	flat.Set("region", r.Region)
	flat.Set("endpoint", r.authURL)
	item := new(streams.Item)
	for key, value := range flat.All() {
		item.Set(key, streams.String(value))
	}
	return item
}

// products is the region's stream: the images that are active, as the service has them.
func (r *region) products() *streams.Products {
	p := emptyProducts(r.ContentID)
	for _, ref := range r.refs() {
		if i := r.held[ref]; i.Status == statusActive {
			put(p, ref, r.item(ref, i))
		}
	}
	p.Condense(sticky)
	return p
}

var style = streams.Style{Indent: 1} // as the old tool writes it: no newline at the end

// publish makes what the region holds what is published, unless it is already. An object store cannot refuse to write what
// was read before another wrote it: of two runs that put their entries into one index at once, one is lost. So where others
// write an index too, it is read again when who had read it before has written it, and our entry is put back if it is gone.
func (o *Options) publish(ctx context.Context, r *region) error {
	if r.Publisher == nil || r.current {
		return nil
	}
	for range publishAttempts {
		began := o.Now()
		shared, err := o.write(ctx, r)
		if err != nil || !shared {
			return err
		}
		if err := r.images.Cloud().Pause(ctx, min(2*o.Now().Sub(began), publishEvery)); err != nil {
			return err
		}
		index, err := readIndex(ctx, r.Publisher.Store)
		if err != nil {
			return err
		}
		if r.current = o.listed(index, r, r.known); r.current {
			return nil
		}
		o.Log.Warn("another run has written the index at the same time: this one's entry is put back", "region", r.Region, "content_id", r.ContentID)
	}
	return fmt.Errorf("cannot publish: other runs take %s out of the index again and again", r.ContentID)
}

const publishAttempts = 10

// write writes the region's stream, and its entry in the index, unless that is what is published already. It tells whether
// it has written an index that others write too, or may begin to.
func (o *Options) write(ctx context.Context, r *region) (shared bool, err error) {
	index, err := o.look(ctx, r)
	if err != nil {
		return false, err
	}
	p := r.products()
	if o.listed(index, r, p) && same(p, r.known) {
		r.current = true
		return false, nil
	}
	_, ours := index.Entries.Get(r.ContentID)
	now := o.Now().UTC().Format(time.RFC1123Z)
	p.Set("updated", streams.String(now))
	index.Set("updated", streams.String(now))
	index.Entries.Set(r.ContentID, o.entry(r, p, now))
	path, text := productPath(r.ContentID), streams.Append(nil, p, style)
	o.Log.Info("writing data: " + path)
	o.Log.Info("writing data: " + indexPath)
	err = r.Publisher.Publish(ctx, []publish.Document{
		{Path: path, Data: text, Changed: true, Companions: true},
		{Path: indexPath, Data: streams.Append(nil, index, style), Changed: true, Companions: true, Index: true},
	}, nil)
	if err != nil {
		return false, fmt.Errorf("cannot publish: %w", err)
	}
	r.text, r.known, r.current = text, p, true
	return !ours || index.Entries.Len() > 1, nil
}

// readIndex returns the index that is there, whose other entries stay, or an empty one.
func readIndex(ctx context.Context, s store.Store) (*streams.Index, error) {
	body, err := store.ReadAll(ctx, s, indexPath, maxDocument)
	if errors.Is(err, fs.ErrNotExist) {
		index := &streams.Index{Entries: streams.MakeNodes[*streams.Entry]()}
		index.Set("format", streams.String(streams.IndexFormat))
		return index, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the index that is published: %w", err)
	}
	index, err := streams.ParseIndex(body)
	if err != nil {
		return nil, fmt.Errorf("cannot read the index that is published: %s: %w", indexPath, err)
	}
	return index, nil
}

// entry is what the index says of the region's stream.
func (o *Options) entry(r *region, p *streams.Products, updated string) *streams.Entry {
	cloud := new(streams.Attrs)
	cloud.Set("region", streams.String(r.Region))
	cloud.Set("endpoint", streams.String(r.authURL))
	clouds, err := streams.Raw("[" + string(streams.Append(nil, cloud, streams.Style{})) + "]")
	if err != nil {
		panic(err) // it was rendered a line above
	}
	e := new(streams.Entry)
	e.Set("updated", streams.String(updated))
	e.Set("datatype", streams.String("image-ids"))
	e.Set("clouds", clouds)
	e.Set("cloudname", streams.String(o.CloudName))
	e.Set("path", streams.String(productPath(r.ContentID)))
	e.Set("products", streams.Strings(p.Products.Sorted()))
	e.Set("format", streams.String(streams.ProductsFormat))
	return e
}

// listed tells whether the index has the region's entry as it should be, whenever it was written.
func (o *Options) listed(index *streams.Index, r *region, p *streams.Products) bool {
	e, ok := index.Entries.Get(r.ContentID)
	if !ok {
		return false
	}
	want := o.entry(r, p, e.Str("updated"))
	have := e.Get("products").StringList()
	slices.Sort(have)
	sorted := &streams.Entry{Attrs: e.Clone()}
	sorted.Set("products", streams.Strings(have))
	return string(streams.Append(nil, want, style)) == string(streams.Append(nil, sorted, style))
}

// same tells whether two streams say the same, whenever they were written.
func same(a, b *streams.Products) bool { return canonical(a) == canonical(b) }

// canonical writes a stream with every field on its items.
func canonical(p *streams.Products) string {
	whole := emptyProducts(p.ContentID())
	for e := range p.All() {
		e.Products = nil
		item := new(streams.Item)
		for key, value := range e.Flat().All() {
			item.Set(key, streams.String(value))
		}
		put(whole, e.Ref, item)
	}
	return string(streams.Append(nil, whole, style))
}
