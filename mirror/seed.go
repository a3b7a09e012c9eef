package mirror

import (
	"context"
	"io/fs"
	"path/filepath"

	"github.com/seed-43fb3962/sstream/store"
)

// fromSeed takes a file of the seed directories whose size and digest are right. What cannot be taken over is read from
// the source.
func (x *finder) fromSeed(ctx context.Context, f *file) (bool, error) {
	for _, path := range x.seedsFor(f) {
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		if err := x.run.dst.(store.Adopter).Adopt(ctx, path, f.path, store.Content{Size: f.size, Digest: f.digest}); err == nil {
			return true, nil
		}
	}
	return false, nil
}

// seedsFor returns the files of the seed directories that have f's size, if the target can take them over.
func (x *finder) seedsFor(f *file) []string {
	if _, ok := x.run.dst.(store.Adopter); !ok || len(x.run.Seeds) == 0 || f.size < 0 {
		return nil
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.seeds == nil {
		x.seeds = map[int64][]string{}
		for _, dir := range x.run.Seeds {
			_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
				if err != nil || !d.Type().IsRegular() {
					return nil // a seed is a hint: what cannot be read is not used
				}
				if info, err := d.Info(); err == nil {
					x.seeds[info.Size()] = append(x.seeds[info.Size()], path)
				}
				return nil
			})
		}
	}
	return x.seeds[f.size]
}
