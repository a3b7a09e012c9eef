package main

import (
	"fmt"
	"log/slog"
	"strings"

	"github.com/seed-43fb3962/sstream/internal/python"
	"github.com/seed-43fb3962/sstream/mirror"
	"github.com/seed-43fb3962/sstream/plan"
	"github.com/seed-43fb3962/sstream/streams"
)

const mebibyte = 1 << 20

// showPlan says what will be done: as the old tool does on stderr, or as JSON on stdout.
func (m *mirrorFlags) showPlan(a *app, w *mirror.Work, log *slog.Logger) error {
	for _, part := range w.Parts {
		for _, s := range part.Plan.Steps {
			log.Info(fmt.Sprintf("%s/%s: to_add=%s to_remove=%s", part.ContentID, s.Name, python.List(plan.Names(s.Add)), python.List(plan.Names(s.Remove))))
		}
	}
	if m.plan != "" {
		return writePlan(a, w)
	}
	if m.old || m.dryRun {
		m.showLines(a, w)
	}
	return nil
}

// showLines writes a line an item, "+ PRODUCT VERSION ITEM PATH SIZE" for all that comes before those for what goes, and
// the sum. The old tool counts in Mb, and knows no items without a size.
func (m *mirrorFlags) showLines(a *app, w *mirror.Work) {
	var b strings.Builder
	var added, removed sum
	line := func(to *sum, sign string, e streams.Entity) {
		path, text := e.Item.Str("path"), "-"
		size, known := streams.String(e.Get("size")).Int()
		if path == "" || m.old && !known {
			return
		}
		if known {
			text = m.formatSize(size)
		}
		text = fmt.Sprintf("%s %s %s %s %s %s", sign, e.Ref.Product, e.Ref.Version, e.Ref.Item, path, text)
		if !m.old { // whose users see what the catalogue says, to the byte
			text = printable(text)
		}
		fmt.Fprintln(&b, text)
		to.items++
		to.bytes += size
	}
	for _, part := range w.Parts {
		for e := range part.Plan.Added() {
			line(&added, "+", e)
		}
	}
	for _, part := range w.Parts {
		for _, s := range part.Plan.Steps {
			one := plan.Plan{Source: part.Plan.Source, Have: part.Plan.Have, Steps: []*plan.Step{s}}
			for e := range one.Removed() {
				if !m.old || lists(s.Product, e.Ref) {
					line(&removed, "-", e)
				}
			}
		}
	}
	total := fmt.Sprintf("%s would come (%s), %d would go (%s)", count(added.items, "item", "items"), formatBytes(added.bytes), removed.items, formatBytes(removed.bytes))
	if m.old {
		total = fmt.Sprintf("%d Mb change", (added.bytes-removed.bytes)/mebibyte)
	}
	fmt.Fprintf(a.stderr, "%s%s\n", b.String(), total)
	if m.useDeltas && m.dryRun {
		files, bytes := w.Savings()
		fmt.Fprintf(a.stderr, "deltas would save %s (%d bytes) on %s\n", formatBytes(bytes), bytes, count(files, "file", "files"))
	}
}

// sum is how much of something there is.
type sum struct {
	items int
	bytes int64
}

func (m *mirrorFlags) formatSize(n int64) string {
	if m.old {
		return fmt.Sprintf("%d Mb", n/mebibyte)
	}
	return formatBytes(n)
}

// lists tells whether the source lists an item, and filters want it: of others the old tool does not show that they go,
// and scripts read its lines.
func lists(product *streams.Product, r streams.Ref) bool {
	v, ok := product.Versions.Get(r.Version)
	if !ok {
		return false
	}
	_, ok = v.Items.Get(r.Item)
	return ok
}

// planChange is one item of a plan as --plan=json writes it.
type planChange struct {
	Change    string `json:"change"` // "add" or "remove"
	ContentID string `json:"content_id"`
	Product   string `json:"product"`
	Version   string `json:"version"`
	Item      string `json:"item"`
	Path      string `json:"path,omitempty"`
	Size      *int64 `json:"size,omitempty"`
	Digest    string `json:"digest,omitempty"`
	Delta     *delta `json:"delta,omitempty"` // with --use-deltas: what the file is made of
}

// delta is how a file comes without being read whole.
type delta struct {
	Path  string `json:"path"`
	Size  int64  `json:"size"`
	Base  string `json:"base"`  // a version of the product
	Saves int64  `json:"saves"` // bytes
}

func writePlan(a *app, w *mirror.Work) error {
	changes := []planChange{}
	enter := func(change, id string, e streams.Entity) {
		c := planChange{Change: change, ContentID: id, Product: e.Ref.Product, Version: e.Ref.Version, Item: e.Ref.Item,
			Path: e.Item.Str("path"), Digest: streams.DigestOf(e.Get).String()}
		if size, ok := streams.String(e.Get("size")).Int(); ok {
			c.Size = &size
		}
		if d, ok := w.Delta(&e); ok && change == "add" {
			c.Delta = &delta{d.Path, d.Size, d.Base, d.Saves}
		}
		changes = append(changes, c)
	}
	for _, part := range w.Parts {
		for e := range part.Plan.Added() {
			enter("add", part.ContentID, e)
		}
		for e := range part.Plan.Removed() {
			enter("remove", part.ContentID, e)
		}
	}
	return a.tellJSON(changes)
}

// showReport says under the new name what was done, and under both what a reader may not expect.
func (m *mirrorFlags) showReport(a *app, r mirror.Report) {
	if m.useDeltas {
		fmt.Fprintf(a.stderr, "deltas saved %s (%d bytes) on %s\n", formatBytes(r.Saved), r.Saved, count(r.Made, "file", "files"))
	}
	if m.old {
		return
	}
	fmt.Fprintf(a.stderr, "%s new (%s", count(r.Items, "file", "files"), formatBytes(r.Bytes))
	if r.Adopted > 0 {
		fmt.Fprintf(a.stderr, ", %s here already", count(r.Adopted, "of them was", "of them were"))
	}
	fmt.Fprintf(a.stderr, "), %d removed", r.Removed)
	if r.Waiting > 0 {
		fmt.Fprintf(a.stderr, ", %d to be removed after the grace period", r.Waiting)
	}
	fmt.Fprintln(a.stderr)
	if r.NotHeld > 0 {
		fmt.Fprintf(a.stderr, "the documents list %s not held here; --metadata=trimmed publishes what is held only\n",
			count(r.NotHeld, "item that is", "items that are"))
	}
}

// formatBytes writes a number of bytes for people.
func formatBytes(n int64) string {
	const units = "KMGTPE"
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	x, i := float64(n)/1024, 0
	for x >= 1024 && i < len(units)-1 {
		x, i = x/1024, i+1
	}
	return fmt.Sprintf("%.1f %ciB", x, units[i])
}
