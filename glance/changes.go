package glance

import (
	"slices"

	"github.com/seed-43fb3962/sstream/streams"
)

// Change is one thing that a plan does, as JSON shows it.
type Change struct {
	Change    string `json:"change"` // "add" an image, "remove" an old one, "clean" what an interrupted upload left, "await" another run's upload
	Region    string `json:"region"`
	ContentID string `json:"content_id"`
	Product   string `json:"product"`
	Version   string `json:"version"`
	Item      string `json:"item"`
	Name      string `json:"name"`           // of the image
	ID        string `json:"id,omitempty"`   // of an image that is there
	Path      string `json:"path,omitempty"` // in the source
	Size      int64  `json:"size"`           // in bytes
	Digest    string `json:"digest,omitempty"`
}

// Changes returns what the plan does, in its order: for each product the uploads, then the removals; at last
// what there is twice.
func (p *Plan) Changes() []Change {
	list := []Change{}
	for _, r := range p.regions {
		for _, i := range r.halves {
			list = append(list, r.change("clean", i.ref(), i))
		}
	}
	for _, a := range p.awaited {
		list = append(list, a.change("await", a.image.ref(), a.image))
	}
	for _, w := range p.work {
		for _, it := range w.upload {
			for _, r := range it.regions {
				list = append(list, Change{"add", r.Region, r.ContentID, it.ref.Product, it.ref.Version, it.ref.Item, it.name, "",
					it.path, it.content.Size, it.content.Digest.String()})
			}
		}
		for _, rm := range w.remove {
			list = append(list, rm.change("remove", rm.ref, rm.image))
		}
	}
	for _, r := range p.regions {
		for _, rm := range r.doubles {
			list = append(list, rm.change("remove", rm.ref, rm.image))
		}
	}
	return list
}

func (r *region) change(what string, ref streams.Ref, i *Image) Change {
	return Change{Change: what, Region: r.Region, ContentID: r.ContentID, Product: ref.Product, Version: ref.Version, Item: ref.Item,
		Name: i.Name, ID: i.ID, Size: i.Size}
}

// Uploads returns how many files of the source are read, and their bytes. A file that several regions want counts once.
func (p *Plan) Uploads() (files int, bytes int64) {
	for _, w := range p.work {
		for _, it := range w.upload {
			files++
			bytes += it.content.Size
		}
	}
	return files, bytes
}

// Problems returns what cannot be done: regions that could not be read, items that lack what is needed.
func (p *Plan) Problems() []error { return slices.Clone(p.errors) }
