package mirror

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/seed-43fb3962/sstream/fetch"
	"github.com/seed-43fb3962/sstream/plan"
	"github.com/seed-43fb3962/sstream/streams"
)

// prepare reads the state of the target and the source, and decides.
func (r *run) prepare(ctx context.Context) (err error) {
	if r.state, err = loadState(ctx, r.dst, r.Log); err != nil {
		return fmt.Errorf("target: %w", err)
	}
	for doc, err := range r.src.Walk(ctx, r.Path, nil) {
		if err != nil {
			return err
		}
		r.docs = append(r.docs, doc)
	}
	if r.settled = r.findSettled(ctx); r.settled != nil {
		r.ledger = newLedger(0) // nothing will ask it
		return nil
	}
	if r.ledger, err = r.loadLedger(ctx); err != nil {
		return fmt.Errorf("target: %w", err)
	}
	return r.decideAll(ctx)
}

// decideAll plans every products file, and lists what is to be written.
func (r *run) decideAll(ctx context.Context) error {
	byID := map[string]string{}
	for _, doc := range r.docs {
		if err := doc.Parse(); err != nil {
			return fmt.Errorf("source: %w", err)
		}
		if err := r.checkDocument(doc); err != nil {
			return fmt.Errorf("source: %s: %w", doc.Path, err)
		}
		if doc.Products == nil {
			continue
		}
		id := doc.Products.ContentID()
		if other, ok := byID[id]; ok {
			return fmt.Errorf("source: %s and %s have the same content_id %q: a mirror cannot tell their versions apart", other, doc.Path, id)
		}
		byID[id] = doc.Path
		if err := r.decide(ctx, id, doc); err != nil {
			return err
		}
	}
	return r.listFiles(ctx)
}

// checkDocument refuses a document that is older than what was seen before, or whose place is the mirror's own.
func (r *run) checkDocument(doc *fetch.Document) error {
	if reserved(doc.Path) {
		return fmt.Errorf("a document may not be stored under %s", doc.Path)
	}
	if doc.Index == nil && doc.Products == nil {
		return nil
	}
	updated, err := fetch.Updated(doc.Attrs())
	if err != nil {
		return nil // what does not say when it was made cannot go back
	}
	address := fetch.Redact(r.src.URL(doc.Path))
	if last := r.state.Updated[address]; updated.Before(last) {
		if !r.AllowRollback {
			return fmt.Errorf("it goes back in time: updated %s, but %s was seen before; --allow-rollback takes it all the same",
				updated.UTC().Format(time.RFC3339), last.UTC().Format(time.RFC3339))
		}
		r.Log.Warn(fmt.Sprintf("%s goes back from %s to %s", doc.Path, last.UTC().Format(time.RFC3339), updated.UTC().Format(time.RFC3339)))
	}
	r.updated[address] = updated.UTC()
	return nil
}

// reserved tells whether a path is where the mirror keeps its state.
func reserved(path string) bool {
	top, _, _ := strings.Cut(path, "/")
	return top == ".data" || top == ".sstream"
}

// decide plans one products file.
func (r *run) decide(ctx context.Context, id string, doc *fetch.Document) error {
	if id == "" {
		return fmt.Errorf("source: %s: it has no content_id", doc.Path)
	}
	if err := streams.CheckContentID(id); err != nil {
		return fmt.Errorf("source: %s: %w", doc.Path, err)
	}
	if recordDir+id == ledgerPath {
		return fmt.Errorf("source: %s: a content_id may not be %q", doc.Path, id)
	}
	if err := doc.Products.ExpandAliases(); err != nil {
		return fmt.Errorf("source: %s: %w", doc.Path, err)
	}
	if err := doc.Products.CleanPaths(); err != nil {
		return fmt.Errorf("source: %s: %w", doc.Path, err)
	}
	have, err := r.loadRecord(ctx, id)
	if err != nil {
		return fmt.Errorf("target: %w", err)
	}
	p, err := r.plan(doc, have, func(ref streams.Ref, recorded *streams.Item) bool { return r.held(ctx, id, ref, recorded) })
	if err != nil {
		return err
	}
	r.parts = append(r.parts, Part{ContentID: id, Document: doc, Plan: p})
	return nil
}

// plan plans one products file for a target that holds have, and its files as held says.
func (r *run) plan(doc *fetch.Document, have *streams.Products, held func(streams.Ref, *streams.Item) bool) (*plan.Plan, error) {
	o := r.Plan
	o.CompareItems, o.Held = true, held
	return plan.New(doc.Products, have, o)
}

// held tells whether the target holds what its record lists of an item.
func (r *run) held(ctx context.Context, contentID string, ref streams.Ref, recorded *streams.Item) bool {
	path, size, listed := r.fileHeld(contentID, ref, recorded)
	return listed && (path == "" || r.isThere(ctx, path, size))
}

// fileHeld returns the file of an item that the record lists, "" if it needs none, with its size, -1 if that is not
// recorded, and whether the ledger has it too.
func (r *run) fileHeld(contentID string, ref streams.Ref, recorded *streams.Item) (path string, size int64, listed bool) {
	path = recorded.Str("path")
	if path == "" || r.NoItems {
		return "", 0, true
	}
	size, ok := recorded.Get("size").Int()
	if !ok {
		size = -1
	}
	return path, size, r.ledger.has(path, contentID, ref)
}

// isThere tells whether a file is there, in its size unless that is -1. Without a read it cannot say more: that is what
// verify is for.
func (r *run) isThere(ctx context.Context, path string, size int64) bool {
	info, err := r.dst.Stat(ctx, path)
	return err == nil && (size == -1 || info.Size == size)
}

// itemID is how the ledger names an item, even one whose name is empty.
func itemID(contentID string, r streams.Ref) string {
	return contentID + "/" + r.Product + "/" + r.Version + "/" + r.Item
}

// isItemID tells whether id is [itemID] of an item, without making that.
func isItemID(id, contentID string, r streams.Ref) bool {
	for _, part := range [...]string{contentID, r.Product, r.Version} {
		rest, ok := strings.CutPrefix(id, part)
		if !ok || !strings.HasPrefix(rest, "/") {
			return false
		}
		id = rest[1:]
	}
	return id == r.Item
}
