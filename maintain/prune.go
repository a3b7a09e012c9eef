package maintain

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/seed-43fb3962/sstream/streams"
)

// PruneOptions are how [Prune] works. The zero value takes what is gone from the disk out of the stream "images".
type PruneOptions struct {
	Retention
	Streams       []string // directories below the root; none: "images"
	StreamVersion string   // the directory below streams/ that the documents are in; "": "v1"
	MaxDelete     int      // how many versions may go at once; 0: any number
	DryRun        bool     // only plan
	Seed          bool     // as in Options; empty directories are removed everywhere below the root, at any age

	Publish func(ctx context.Context, docs map[string][]byte) error // as in Options
	Now     func() time.Time                                        // nil: time.Now
	Log     *slog.Logger                                            // nil: nothing is logged
}

func (o PruneOptions) withDefaults() PruneOptions {
	o.Streams = streamNames(o.Streams)
	if o.StreamVersion == "" {
		o.StreamVersion = "v1"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	return o
}

// Prune takes old versions out of the catalogues and off the disk. The documents that no longer list a version are
// published before its directory is deleted. Nothing outside of the streams' directories is ever deleted, and nothing
// through a link.
//
// A stream that cannot be read is left alone; the others are pruned, and the error tells of it.
func Prune(ctx context.Context, root string, o PruneOptions) ([]*PrunePlan, error) {
	o = o.withDefaults()
	p := &pruner{PruneOptions: o, site: site{root: root, fsys: openDisk(root), version: o.StreamVersion, seed: o.Seed, now: o.Now}}
	unlock, err := lock(ctx, root, o.Log)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if p.retired, err = readRetired(p.fsys); err != nil {
		return nil, err
	}
	p.recorded = maps.Clone(p.retired)
	p.Orphans = p.Orphans || o.Seed
	plans, failed := p.plan(ctx)
	if err := p.guard(plans); err != nil || o.DryRun || len(plans) == 0 {
		return plans, errors.Join(failed, err)
	}
	return plans, errors.Join(failed, p.carryOut(ctx, plans))
}

type pruner struct {
	PruneOptions
	site
	retired  map[string]time.Time // when versions were unlisted that are to be deleted, by path
	recorded map[string]time.Time // what is written down of that
	old      map[string][]byte    // catalogues as they are, by stream
	emptied  map[string]bool      // directories in which something was deleted, by path
}

// plan decides for every stream. The error tells of those for which it cannot.
func (p *pruner) plan(ctx context.Context) ([]*PrunePlan, error) {
	var plans []*PrunePlan
	var failed []error
	p.old, p.emptied = make(map[string][]byte), make(map[string]bool)
	for _, name := range p.Streams {
		plan, err := p.planStream(ctx, name)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		plans = append(plans, plan)
	}
	return plans, errors.Join(failed...)
}

func (p *pruner) planStream(ctx context.Context, name string) (*PrunePlan, error) {
	if err := checkStream(name); err != nil {
		return nil, err
	}
	catalogue, body, _, err := p.openCatalogue(p.document(name), p.Log)
	switch {
	case err != nil:
		return nil, err
	case body == nil:
		return nil, absent(fmt.Sprintf("there is no catalogue %s: build makes it; --image-dir names other streams", filepath.Join(p.root, p.document(name))))
	case catalogue == nil:
		catalogue = new(streams.Products)
	}
	tree, err := scanVersions(ctx, p.fsys, name)
	if err != nil {
		return nil, err
	}
	if len(tree.Problems) > 0 { // what cannot be read would pass for gone
		return nil, tree.Problems[0]
	}
	tree.Date(p.fsys)
	p.old[name] = body
	have := Holdings{Tree: tree, Catalogue: catalogue, Retired: p.retired, Touched: p.touched(tree, catalogue)}
	return p.Plan(have, p.now()), nil
}

// touched finds out when the versions that are not listed were last written to. Of a product that is not listed either,
// what has come into its directory counts too: files may come with the dates that they have elsewhere.
func (p *pruner) touched(tree *Tree, catalogue *streams.Products) map[string]time.Time {
	touched := make(map[string]time.Time)
	if !p.Dangling {
		return touched
	}
	for _, product := range tree.Products {
		var arrived time.Time
		if _, known := catalogue.Products.Get(product.ID()); !known {
			arrived = p.changed(product.Path)
		}
		for _, v := range product.Versions {
			if _, listed := catalogue.Find(streams.Ref{Product: product.ID(), Version: v.Name}); !listed {
				touched[v.Path] = p.newest(v.Path, arrived)
			}
		}
	}
	return touched
}

// changed is when something has come into a directory or left it.
func (p *pruner) changed(dir string) time.Time {
	info, err := fs.Stat(p.fsys, dir)
	if err != nil {
		return p.now() // unknown: it may be in use
	}
	return info.ModTime()
}

// newest is when a directory, or anything in it, was last changed, if that was after since.
func (p *pruner) newest(dir string, since time.Time) time.Time {
	last := since
	_ = fs.WalkDir(p.fsys, dir, func(_ string, e fs.DirEntry, err error) error {
		info := fs.FileInfo(nil)
		if err == nil {
			info, err = e.Info()
		}
		switch {
		case err != nil:
			last = p.now() // unknown: it may be in use
		case info.ModTime().After(last):
			last = info.ModTime()
		}
		return nil
	})
	return last
}

func (p *pruner) guard(plans []*PrunePlan) error {
	n := 0
	for _, plan := range plans {
		n += len(plan.Unlist)
		for _, r := range plan.Delete {
			if r.Reason == Unknown {
				n++
			}
		}
	}
	if p.MaxDelete > 0 && n > p.MaxDelete {
		return fmt.Errorf("%d versions would go, --max-delete allows %d: nothing was done", n, p.MaxDelete)
	}
	return nil
}

// carryOut publishes first and deletes then. What leaves the documents is written down before that: should the run end
// halfway, builds do not list it again and the next prune deletes it.
func (p *pruner) carryOut(ctx context.Context, plans []*PrunePlan) error {
	before := p.recorded
	p.retire(plans)
	if err := p.record(); err != nil {
		return err
	}
	if err := p.publish(ctx, plans); err != nil {
		p.retired = before
		return errors.Join(err, p.record())
	}
	if err := errors.Join(p.deleteAll(ctx, plans), p.record()); err != nil {
		return err
	}
	return p.sweep(plans)
}

func (p *pruner) deleteAll(ctx context.Context, plans []*PrunePlan) error {
	for _, plan := range plans {
		plan.Done = true
		if plan.Empty && p.Dangling {
			p.Log.Info("Skipping removal of dangling resources, because product catalog is empty")
		}
		for _, r := range plan.Unlist {
			if r.Reason == Stale {
				p.Log.Warn("Dropping stale product version from catalog", "path", filepath.Join(p.root, r.Path))
			}
		}
		for _, r := range plan.Delete {
			p.delete(ctx, plan, r)
		}
	}
	return ctx.Err()
}

// retire takes note of what leaves the documents, and of what is to stay after all. A build that comes between its being
// written down and the publication does what the publication would.
func (p *pruner) retire(plans []*PrunePlan) {
	for _, plan := range plans {
		for _, r := range plan.Unlist {
			if r.Reason != Stale {
				p.retired[r.Path] = p.now()
			}
		}
		for _, dir := range plan.pinned {
			delete(p.retired, dir)
		}
	}
}

// record writes down which unlisted versions are still to be deleted. What is gone is forgotten: it may come back.
func (p *pruner) record() error {
	maps.DeleteFunc(p.retired, func(dir string, _ time.Time) bool {
		_, err := fs.Stat(p.fsys, dir)
		return errors.Is(err, fs.ErrNotExist)
	})
	if maps.Equal(p.retired, p.recorded) {
		return nil
	}
	p.recorded = maps.Clone(p.retired)
	return writeRetired(p.root, p.retired)
}

// publish replaces the catalogues and the index, if they say anything new.
func (p *pruner) publish(ctx context.Context, plans []*PrunePlan) error {
	index, err := p.openIndex()
	if err != nil {
		return err
	}
	docs := make(map[string][]byte)
	for _, plan := range plans {
		if !plan.changed {
			continue
		}
		docs[p.document(plan.Stream)], _ = p.render(plan.after, p.old[plan.Stream])
		index.set(plan.Stream, plan.after, true)
	}
	if len(docs) == 0 {
		return nil
	}
	if body, changed := index.render(); changed {
		docs[index.path] = body
	}
	if p.Publish == nil {
		return nil
	}
	return p.Publish(ctx, docs)
}

// delete removes the directory of a version.
func (p *pruner) delete(ctx context.Context, plan *PrunePlan, r Removal) {
	at := filepath.Join(p.root, r.Path)
	err := ctx.Err()
	interrupted := err != nil
	if !interrupted {
		err = removeVersion(p.root, r.Path)
	}
	done, failed := "Pruned old product version", "Failed to prune old product version"
	if r.Reason == Unknown {
		done, failed = "Pruned dangling resource", "Failed to prune dangling resource"
	}
	if err != nil {
		if !interrupted {
			p.Log.Error(failed, "path", at, "error", err)
		}
		plan.Failed = append(plan.Failed, Problem{Stream: r.Stream, Product: r.Product, Version: r.Version, Path: r.Path, Err: err})
		return
	}
	p.Log.Info(done, "path", at)
	delete(p.retired, r.Path) // what is there by that name from now on was added again
	for dir := path.Dir(r.Path); dir != "."; dir = path.Dir(dir) {
		p.emptied[dir] = true
	}
}

// sweep removes empty directories, but never a stream's.
func (p *pruner) sweep(plans []*PrunePlan) error {
	tops := []string{"."}
	if !p.seed {
		tops = tops[:0]
		for _, plan := range plans {
			tops = append(tops, plan.Stream)
		}
	}
	root, err := os.OpenRoot(p.root)
	if err != nil {
		return err
	}
	defer root.Close()
	kept := slices.Concat(tops, p.Streams)
	for _, top := range tops {
		var dirs []string
		holds := make(map[string]int) // how many entries, by path
		_ = fs.WalkDir(os.DirFS(p.root), top, func(at string, e fs.DirEntry, err error) error {
			holds[path.Dir(at)]++
			switch {
			case err != nil:
				holds[at]++ // what cannot be read is not known to be empty
				return nil
			case !e.IsDir():
				return nil
			case at != "." && strings.HasPrefix(e.Name(), "."):
				return fs.SkipDir
			case !slices.Contains(kept, at):
				dirs = append(dirs, at)
			}
			return nil
		})
		for _, dir := range slices.Backward(dirs) {
			if holds[dir] == 0 && p.removeEmpty(root, dir) {
				holds[path.Dir(dir)]--
			}
		}
	}
	return nil
}

// removeEmpty removes an empty directory if it has been so for long enough to be nobody's upload to come. It tells
// whether it did.
func (p *pruner) removeEmpty(root *os.Root, dir string) bool {
	info, err := fs.Stat(p.fsys, dir)
	if err != nil || !p.seed && !p.emptied[dir] && p.now().Sub(info.ModTime()) < danglingAge {
		return false
	}
	if root.Remove(dir) != nil { // something has come into it
		return false
	}
	p.Log.Info("Removed empty directory", "path", filepath.Join(p.root, dir))
	return true
}
