package maintain

import (
	"cmp"
	"context"
	"slices"
	"sync"
)

// sum reads every file that is not known: metadata first, since roots are hashed together with it, large files before
// small ones.
func (b *builder) sum(ctx context.Context, works []*work) error {
	var metadata, rest []*reading
	for _, w := range works {
		for v := range w.all() {
			if b.rootsUnknown(v) {
				for _, f := range b.metadata(v) {
					metadata = append(metadata, &reading{v: v, f: f})
				}
			}
		}
	}
	if err := b.read(ctx, metadata); err != nil {
		return err
	}
	for _, w := range works {
		for v := range w.all() {
			rest = b.appendUnknown(rest, v)
		}
	}
	slices.SortStableFunc(rest, func(a, b *reading) int { return cmp.Compare(b.f.Size, a.f.Size) })
	return b.read(ctx, rest)
}

// reading is one file to be read; prefixes are the metadata files that it is hashed together with.
type reading struct {
	v        *version
	f        *file
	prefixes []prefix
}

// metadata returns the files of a version that roots are hashed together with.
func (b *builder) metadata(v *version) []*file {
	var list []*file
	for _, f := range v.files {
		if isMetadata(f.Name) && (!b.Seed || f.Name == LXD.metadata()) {
			list = append(list, f)
		}
	}
	return list
}

// rootsUnknown tells whether a root of v, or its metadata, has to be read.
func (b *builder) rootsUnknown(v *version) bool {
	if v.Err != nil {
		return false
	}
	metadata := b.metadata(v)
	for _, f := range metadata {
		if !f.known {
			return true
		}
	}
	for _, f := range v.files {
		if isRoot(f.ftype) && !f.knownWith(metadata) {
			return true
		}
	}
	return false
}

// knownWith tells whether a root is known alone and together with each metadata file.
func (f *file) knownWith(metadata []*file) bool {
	for _, m := range metadata {
		if f.sum.combined.with(m.sum.sha256) == "" {
			return false
		}
	}
	return f.known
}

// appendUnknown adds what is left to be read of a version whose metadata is known.
func (b *builder) appendUnknown(list []*reading, v *version) []*reading {
	if v.Err != nil {
		return list
	}
	metadata := b.metadata(v)
	var prefixes []prefix
	for _, m := range metadata {
		if m.err == nil && m.sum.prefix.state != nil && !slices.ContainsFunc(prefixes, func(p prefix) bool { return p.sha256 == m.sum.sha256 }) {
			prefixes = append(prefixes, m.sum.prefix)
		}
	}
	for _, f := range v.files {
		switch {
		case slices.Contains(metadata, f):
		case isRoot(f.ftype) && !f.knownWith(metadata):
			list = append(list, &reading{v, f, prefixes})
		case !f.known:
			list = append(list, &reading{v, f, nil})
		}
	}
	return list
}

// readSize is how much of a file is read at a time: it stays in a processor's cache while it is hashed.
const readSize = 256 << 10

var readBuffers = sync.Pool{New: func() any { return new([readSize]byte) }}

// read reads files, each into its own place. A file that cannot be read keeps its error.
func (b *builder) read(ctx context.Context, list []*reading) error {
	return parallel(ctx, b.Workers, len(list), func(ctx context.Context, i int) error {
		r := list[i]
		buf := readBuffers.Get().(*[readSize]byte)
		defer readBuffers.Put(buf)
		r.f.sum, r.f.err = sumFile(ctx, b.fsys, r.f.path(), r.f.File, r.prefixes, buf[:])
		if err := ctx.Err(); err != nil {
			return err
		}
		r.f.known = r.f.err == nil
		if !r.f.known {
			return nil
		}
		r.f.altered = r.f.listed != "" && r.f.listed != r.f.sum.sha256
		b.memory.add(r.f.path(), r.f.File, r.f.sum)
		return nil
	})
}
