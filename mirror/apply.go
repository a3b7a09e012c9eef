package mirror

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/streams"
)

// Apply carries the work out. If it fails or is interrupted, the target publishes what it published before, unless
// the error says otherwise, and the next run goes on from where this one stopped.
func (w *Work) Apply(ctx context.Context) (Report, error) {
	r := w.run
	var report Report
	if err := w.Check(ctx); err != nil {
		return report, err
	}
	if err := r.announce(ctx); err != nil {
		return report, fmt.Errorf("target: cannot write %s: %w", statePath, err)
	}
	if err := r.makeWay(ctx); err != nil {
		return report, err
	}
	for i := range r.parts {
		r.parts[i].after = r.parts[i].Plan.After()
	}
	if err := r.transfer(ctx, &report); err != nil {
		return report, err
	}
	r.ledger.grow(len(r.files))
	r.files, r.patcher = nil, nil // what comes now takes memory itself
	gone := r.updateLedger()
	if err := r.publish(ctx); err != nil {
		return report, fmt.Errorf("target: cannot publish: %w", err)
	}
	if err := r.record(ctx, gone); err != nil {
		return report, fmt.Errorf("target: everything is published, but the record of it cannot be written: %w", err)
	}
	if err := r.sweep(ctx, &report); err != nil {
		return report, fmt.Errorf("target: everything is published, but old files cannot be removed: %w", err)
	}
	report.NotHeld = r.notHeld()
	if err := r.settle(ctx, report.NotHeld); err != nil {
		return report, fmt.Errorf("target: everything is published, but %s cannot be written: %w", settledPath, err)
	}
	return report, nil
}

// announce writes down which files may come to exist, so that none is forgotten if the run ends early.
func (r *run) announce(ctx context.Context) error {
	coming := slices.Grow(r.state.Coming, len(r.files))
	for _, f := range r.files {
		if !f.known {
			coming = append(coming, f.path)
		}
	}
	slices.Sort(coming)
	coming = slices.Compact(coming)
	if slices.Equal(coming, r.state.Coming) {
		return nil
	}
	r.state.Coming = coming
	return r.state.save(ctx, r.dst)
}

// updateLedger enters what was written, takes out what is removed, and returns the files that nothing needs any more.
func (r *run) updateLedger() (gone []string) {
	for id, e := range r.added() {
		if path := e.Item.Str("path"); path != "" && !r.NoItems {
			r.ledger.add(path, itemID(id, e.Ref))
		}
	}
	for _, part := range r.parts {
		for e := range part.Plan.Displaced() {
			path := e.Item.Str("path")
			if path != "" && r.ledger.remove(path, itemID(part.ContentID, e.Ref)) {
				gone = append(gone, path)
			}
		}
	}
	for _, path := range r.state.Coming { // of an earlier run that did not end
		if len(r.ledger.ids(path)) == 0 {
			gone = append(gone, path)
		}
	}
	return gone
}

// record writes what the target holds now. The order matters: what is to be removed is known before the ledger forgets
// why it was there, and what came is known to the ledger before the state forgets that it was to come.
func (r *run) record(ctx context.Context, gone []string) error {
	now := r.Now().UTC()
	for _, path := range gone {
		if _, waits := r.state.Going[path]; !waits {
			r.state.Going[path] = now
		}
	}
	for path := range r.state.Going {
		if len(r.ledger.ids(path)) > 0 { // it is listed again
			delete(r.state.Going, path)
		}
	}
	maps.Copy(r.state.Updated, r.updated)
	for _, doc := range r.docs {
		maps.Copy(r.state.Stamps, doc.Stamps)
	}
	if err := r.state.save(ctx, r.dst); err != nil {
		return err
	}
	if r.ledger.changed {
		if err := write(ctx, r.dst, ledgerPath, store.Rendered(r.ledger.render)); err != nil {
			return err
		}
	}
	for _, part := range r.parts {
		if part.Document.Unchanged && part.Plan.Empty() {
			continue
		}
		if err := write(ctx, r.dst, recordDir+part.ContentID, recordOf(part.after)); err != nil {
			return err
		}
	}
	return nil
}

// sweep removes what has waited long enough, and ends the run's state.
func (r *run) sweep(ctx context.Context, report *Report) error {
	documents := r.documentPaths()
	for _, path := range slices.Sorted(maps.Keys(r.state.Going)) {
		if !r.isDue(path) {
			report.Waiting++
			continue
		}
		if streams.CheckPath(path) == nil && !reserved(path) && !documents[path] {
			if err := r.dst.Delete(ctx, path); err != nil {
				return err
			}
			report.Removed++
		}
		delete(r.state.Going, path)
	}
	if s, ok := r.dst.(store.Syncer); ok && report.Removed > 0 { // before it is forgotten that they are to go
		if err := s.Sync(ctx); err != nil {
			return err
		}
	}
	r.state.Coming = nil
	return r.state.save(ctx, r.dst)
}
