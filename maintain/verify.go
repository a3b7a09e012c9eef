package maintain

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/seed-43fb3962/sstream/streams"
)

var errMismatch = errors.New("it is not what " + sumsName + " says")

// verify leaves out what could not be read and what is not what its SHA256SUMS says. Of a new version everything has to
// be right; a version that is listed already keeps the files that are.
func (b *builder) verify(ctx context.Context, works []*work) error {
	b.works = nil
	for _, w := range works {
		if err := b.verifyStream(ctx, w); err != nil {
			b.streamProblem(Problem{Stream: w.name, Path: w.name, Err: err})
		} else {
			b.works = append(b.works, w)
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(b.works) == 0 {
		return b.report.Failed[0]
	}
	return nil
}

// verifyStream returns an error if the stream cannot be built.
func (b *builder) verifyStream(ctx context.Context, w *work) error {
	for v := range w.all() {
		if err := ctx.Err(); err != nil {
			return err
		}
		for _, path := range v.Leftover {
			_ = os.Remove(filepath.Join(b.root, path)) // in the way of nothing if it stays
		}
		if err := b.verifyVersion(v); err != nil {
			return err
		}
	}
	for v := range w.all() {
		if !v.left && v.old == nil {
			b.Log.Info("New version added to the product catalog", "streamName", w.name, "product", v.product.ID(), "version", v.Name)
		}
	}
	return nil
}

// verifyVersion returns an error if the stream cannot be built.
func (b *builder) verifyVersion(v *version) error {
	if v.Err != nil {
		v.left = true
		b.versionProblem("Failed to get version", v, "", v.Err)
		return nil
	}
	if !v.altered && v.old != nil {
		return nil
	}
	for _, f := range v.files {
		if f.err != nil {
			b.leaveOut("Failed to get version", v, f, f.err)
		}
	}
	if err := b.verifyDescription(v); err != nil {
		p := Problem{Stream: v.product.work.name, Product: v.product.ID(), Version: v.Name, Path: v.Path, Err: err}
		if b.Seed {
			return p
		}
		v.left = true
		b.versionProblem("Failed to get version", v, "", err)
		return nil
	}
	b.verifyFiles(v)
	return nil
}

// verifyDescription checks the image's description and its checksums.
func (b *builder) verifyDescription(v *version) error {
	if v.Config.Name != "" && (v.old == nil || b.Seed) {
		config, err := readConfigFile(b.fsys, v.Path, v.Config.Name)
		if err != nil {
			return fmt.Errorf("%s: %w", v.Config.Name, err)
		}
		v.config = config
	}
	if !v.Sums || v.left {
		return nil
	}
	sums, err := readSumsFile(b.fsys, v.Path)
	if err != nil {
		return fmt.Errorf("%s: %w", sumsName, err)
	}
	v.sums = sums
	for _, f := range v.files {
		want, listed := sums[f.Name]
		if f.left || !listed && isDelta(f.ftype) || want == f.sum.sha256 {
			continue
		}
		b.leaveOut("Checksum mismatch", v, f, errMismatch)
		if v.left {
			break
		}
	}
	return nil
}

// leaveOut takes a file out of a version, and the whole version if it is new and the file is not merely a delta.
func (b *builder) leaveOut(message string, v *version, f *file, err error) {
	f.left = true
	if v.old == nil && !isDelta(f.ftype) {
		if v.left {
			return // once is enough
		}
		v.left = true
	}
	b.versionProblem(message, v, f.Name, err)
}

// verifyFiles looks at what the files that are right still make.
func (b *builder) verifyFiles(v *version) {
	if v.left {
		return
	}
	rest := Version{Name: v.Name}
	for _, f := range v.files {
		if !f.left {
			rest.Files = append(rest.Files, f.File)
		}
		if f.altered && !f.left {
			v.product.work.alteredRefs = append(v.product.work.alteredRefs, streams.Ref{Product: v.product.ID(), Version: v.Name, Item: f.Name})
			b.Log.Warn("A file of a listed version has changed", "streamName", v.product.work.name, "product", v.product.ID(), "version", v.Name, "item", f.Name)
		}
	}
	if missing := rest.Missing(b.Clients); missing != "" {
		v.left = true
		b.versionProblem("Failed to get version", v, "", fmt.Errorf("what is left of it is not an image: %s", missing))
	}
}
