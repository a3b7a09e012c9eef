package glance

import (
	"context"
	"errors"
	"io/fs"
)

// lineage is what has one latest image: all versions of an operating system for an architecture.
type lineage struct{ distro, version, arch string }

func lineageOf(i *Image) lineage {
	return lineage{i.Properties[propDistro], i.Properties[propOS], i.Properties[propArch]}
}

func (it *item) lineage() lineage {
	distro, _ := it.flat.Get("os")
	version, _ := it.flat.Get("version")
	arch, _ := it.flat.Get("arch")
	return lineage{distro, version, architecture(arch)}
}

// newest returns the newest version of every lineage that a region holds.
func (r *region) newest() map[lineage]string {
	newest := map[lineage]string{}
	for ref, i := range r.held {
		l := lineageOf(i)
		newest[l] = max(newest[l], ref.Version)
	}
	return newest
}

// markLatest finds out which uploads will be the newest of their lineage, so that they say so from the start.
func (p *Plan) markLatest() {
	for _, r := range p.regions {
		newest := r.newest()
		for _, w := range p.work {
			for _, it := range w.upload {
				newest[it.lineage()] = max(newest[it.lineage()], it.ref.Version)
			}
		}
		for _, w := range p.work {
			for _, it := range w.upload {
				it.latest[r] = it.ref.Version == newest[it.lineage()]
			}
		}
	}
}

// settleLatest makes latest=true stand on the newest images that the region holds now and on no other.
func (o *Options) settleLatest(ctx context.Context, r *region) []error {
	var errs []error
	newest := r.newest()
	for _, ref := range r.refs() {
		i := r.held[ref]
		want := ""
		if ref.Version == newest[lineageOf(i)] {
			want = "true"
		}
		if i.Properties[propLatest] == want || want == "" && i.Properties[propLatest] == "" {
			continue
		}
		if err := r.images.setProperty(ctx, i, propLatest, want); errors.Is(err, fs.ErrNotExist) {
			o.Log.Warn("another run has removed this image meanwhile", "region", r.Region, "image", i.ID, "name", i.Name)
		} else if err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}
