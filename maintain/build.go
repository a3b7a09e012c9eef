package maintain

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/seed-43fb3962/sstream/streams"
)

// Report is what a build did.
type Report struct {
	Streams  []StreamReport
	Problems []Problem // what was left out, and why
	Failed   []Problem // those of Problems that kept back a whole stream
	Warnings []Problem // what is listed although some client will not like it
	Changed  bool      // whether anything was published
}

// StreamReport is what a build knows of one stream.
type StreamReport struct {
	Name     string
	Products *streams.Products // the whole catalogue
	Versions int
	Added    []streams.Ref // versions that were not in the catalogue before
	Removed  []streams.Ref // versions that no longer are
	Altered  []streams.Ref // files of known versions that are not as they were
	Deltas   int           // how many were made
}

// Build lists the images below root in the documents below root/streams. Versions that fail are left out and reported;
// the error is for a run that published nothing.
//
// A file is read if it is not known from the catalogue or from an earlier run, and then once. Nothing is published
// before everything is ready, and nothing at all if the documents would say what they say already.
func Build(ctx context.Context, root string, o Options) (*Report, error) {
	b, err := openBuilder(ctx, root, o)
	if err != nil {
		return nil, err
	}
	defer b.close(ctx)
	return b.report, b.run(ctx)
}

// openBuilder waits until no other run is at work below root. Other runs wait until it is closed.
func openBuilder(ctx context.Context, root string, o Options) (*builder, error) {
	o = o.withDefaults()
	b := &builder{Options: o, site: site{root: root, fsys: openDisk(root), version: o.StreamVersion,
		seed: o.Seed, rebuild: o.Rebuild, now: o.Now}, report: new(Report)}
	unlock, err := lock(ctx, root, b.Log)
	if err != nil {
		return nil, err
	}
	if b.retired, err = readRetired(b.fsys); err != nil {
		return nil, errors.Join(err, unlock())
	}
	b.unlock, b.memory = unlock, openMemory(root)
	return b, nil
}

func (b *builder) close(ctx context.Context) {
	b.endMemory(ctx)
	_ = b.unlock() // it ends with the process at the latest
}

func (b *builder) run(ctx context.Context) (err error) {
	if b.works, err = b.open(ctx); err != nil {
		return err
	}
	for _, step := range []func(context.Context, []*work) error{b.sum, b.verify, b.deltas, b.publish} {
		if err := step(ctx, b.works); err != nil {
			return err
		}
	}
	if b.Publish != nil && !b.Seed {
		b.remember()
	}
	return nil
}

type builder struct {
	Options
	site
	unlock  func() error
	memory  *memory
	retired map[string]time.Time // versions and single files that are to be deleted, by path
	works   []*work
	report  *Report

	// Room for those of one version and of one item.
	listings []listing
	items    streams.Nodes[*streams.Item]
	fields   []itemField
}

// open scans every stream and reads its catalogue.
func (b *builder) open(ctx context.Context) ([]*work, error) {
	var works []*work
	var failed []Problem
	for _, name := range b.Streams {
		w, err := b.openStream(ctx, name)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			failed = append(failed, Problem{Stream: name, Path: name, Err: err})
			continue
		}
		works = append(works, w)
	}
	if len(works) == 0 {
		for _, p := range failed[1:] {
			b.streamProblem(p)
		}
		return nil, failed[0]
	}
	for _, p := range failed {
		b.streamProblem(p)
	}
	return works, nil
}

// streamProblem reports a stream that is left as it was.
func (b *builder) streamProblem(p Problem) {
	b.report.Failed = append(b.report.Failed, p)
	b.problem(p)
}

func (b *builder) openStream(ctx context.Context, name string) (*work, error) {
	if err := checkStream(name); err != nil {
		return nil, err
	}
	tree, err := Scan(ctx, b.fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, absent(fmt.Sprintf("there is no such directory below %s; --image-dir names others", b.root))
	}
	if err != nil {
		return nil, err
	}
	for _, p := range tree.Problems {
		if b.Seed && !errors.Is(p, errName) {
			return nil, p
		}
		b.problem(p)
	}
	w := &work{name: name, tree: tree, path: b.document(name)}
	if w.old, w.oldBody, w.oldTime, err = b.openCatalogue(w.path, b.Log); err != nil {
		return nil, err
	}
	b.arrange(w)
	return w, nil
}

// checkStream refuses names of which no product file can be made.
func checkStream(name string) error {
	switch {
	case strings.ContainsRune(name, '/'):
		return fmt.Errorf("%q cannot be a stream: it is not directly below the root", name)
	case strings.HasPrefix(name, "."), name == "index", name == "streams":
		return fmt.Errorf("%q cannot be the name of a stream", name)
	}
	return nil
}

// problem reports what is left out.
func (b *builder) problem(p Problem) {
	b.report.Problems = append(b.report.Problems, p)
	if !b.Seed {
		b.Log.Error("Left out of the product catalog", "path", p.Path, "error", p.Err)
	}
}

// versionProblem reports a version, or one file of it, that is left out.
func (b *builder) versionProblem(message string, v *version, item string, err error) {
	b.report.Problems = append(b.report.Problems, Problem{
		Stream: v.product.work.name, Product: v.product.ID(), Version: v.Name, Item: item, Path: filepath.Join(v.Path, item), Err: err})
	args := []any{"streamName", v.product.work.name, "product", v.product.ID(), "version", v.Name}
	if item != "" {
		args = append(args, "item", item)
	}
	if err != nil && !errors.Is(err, errMismatch) {
		args = append(args, "error", err)
	}
	b.Log.Error(message, args...)
}

// publish assembles the documents and makes them visible, if they say anything new.
func (b *builder) publish(ctx context.Context, works []*work) error {
	docs, err := b.documents(works)
	if err != nil || len(docs) == 0 {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	b.report.Changed = true
	if b.Publish == nil {
		return nil
	}
	return b.Publish(ctx, docs)
}

// documents returns those that are not what is published, by path.
func (b *builder) documents(works []*work) (map[string][]byte, error) {
	index, err := b.openIndex()
	if err != nil {
		return nil, err
	}
	docs := make(map[string][]byte)
	add := func(name string, body []byte, changed bool) {
		unsigned := b.Signed && !exists(b.fsys, strings.TrimSuffix(name, ".json")+".sjson")
		if changed || unsigned || !isGzipOf(b.fsys, name+".gz", body) {
			docs[name] = body
		}
	}
	for _, w := range works {
		products, body, changed := b.catalogue(w)
		b.report.Streams = append(b.report.Streams, b.streamReport(w, products))
		add(w.path, body, changed)
		index.set(w.name, products, changed)
	}
	body, changed := index.render()
	add(index.path, body, changed)
	return docs, nil
}

func (b *builder) streamReport(w *work, products *streams.Products) StreamReport {
	r := StreamReport{Name: w.name, Products: products, Altered: w.alteredRefs, Deltas: w.deltas}
	for v := range w.all() {
		if !v.left {
			r.Versions++
			if v.old == nil {
				r.Added = append(r.Added, streams.Ref{Product: v.product.ID(), Version: v.Name})
			}
		}
	}
	if w.old == nil {
		return r
	}
	for id, p := range w.old.Products.All() {
		for version := range p.Versions.All() {
			ref := streams.Ref{Product: id, Version: version}
			if _, ok := products.Find(ref); !ok {
				r.Removed = append(r.Removed, ref)
				b.Log.Warn("Version removed from the product catalog", "streamName", w.name, "product", id, "version", version)
			}
		}
	}
	return r
}

// endMemory leaves what an interrupted run has read; under the old name nothing else.
func (b *builder) endMemory(ctx context.Context) {
	if b.Seed && ctx.Err() == nil {
		b.memory.forget()
	}
	b.memory.close()
}

// remember leaves a memory of this run alone: of listed versions that they are as listed, of other files what they hold.
func (b *builder) remember() {
	ours := func(path string) bool {
		stream, _, _ := strings.Cut(path, "/")
		return slices.ContainsFunc(b.works, func(w *work) bool { return w.name == stream })
	}
	there := make(map[string]*version, len(b.memory.versions))
	for _, w := range b.works {
		for v := range w.all() {
			there[v.Path] = v
			if v.node != nil && (v.node != v.old || !v.stamped) {
				b.memory.list(v.Path, stampsOf(v.node, v.files))
			}
		}
	}
	err := b.memory.keep(func(version string) bool {
		v := there[version]
		return !ours(version) || v != nil && v.node != nil
	}, func(file string) bool {
		v := there[path.Dir(file)]
		return !ours(file) || v != nil && v.remembers(path.Base(file))
	}, func(delta string) bool { return !ours(delta) || there[path.Dir(delta)] != nil })
	if err != nil { // it is a help, not a need
		b.Log.Warn("Cannot write down what was read", "path", memoryPath, "error", err)
	}
}

// remembers tells whether something has to be remembered of a file: it describes the image, or is not listed.
func (v *version) remembers(name string) bool {
	if v.node != nil {
		if _, listed := v.node.Items.Get(name); listed {
			return false
		}
	}
	return name == v.Config.Name || v.file(name) != nil
}
