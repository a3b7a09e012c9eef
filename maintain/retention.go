package maintain

import (
	"fmt"
	"maps"
	"math"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/seed-43fb3962/sstream/streams"
)

// Retention says which versions stay.
type Retention struct {
	Builds   int           // how many of the newest versions of a product; 0: all
	Days     int           // how old a version may become, but for the newest of a product; 0 or less: any age
	Dangling bool          // whether versions that are not listed are removed once nothing in them has changed for 6 hours
	Grace    time.Duration // how long a version stays on disk after it was unlisted
	Pins     []Pin         // what stays in any case
	Orphans  bool          // whether deltas stay listed whose base leaves
}

// danglingAge is how long an unlisted version is left alone: it may be an upload.
const danglingAge = 6 * time.Hour

// ageOf returns so many days, or the longest time there is: 292 years.
func ageOf(days int) time.Duration {
	const day = 24 * time.Hour
	return min(time.Duration(days), math.MaxInt64/day) * day
}

// Pin names a version that is never removed.
type Pin struct {
	Product string
	Version string // "": every version of the product
}

// ParsePin reads "product" or "product@version".
func ParsePin(text string) (Pin, error) {
	product, version, named := strings.Cut(strings.TrimSpace(text), "@")
	if strings.Count(product, ":") < 3 || named && version == "" {
		return Pin{}, fmt.Errorf("unclear pin %q: distro:release:arch:variant or distro:release:arch:variant@version is needed", text)
	}
	return Pin{product, version}, nil
}

func (r *Retention) pinned(product, version string) bool {
	return slices.ContainsFunc(r.Pins, func(p Pin) bool {
		return p.Product == product && (p.Version == "" || p.Version == version)
	})
}

// Reason is why a version goes.
type Reason string

// Reasons.
const (
	TooMany Reason = "more than --retain-builds newer versions"
	TooOld  Reason = "older than --retain-days"
	Stale   Reason = "gone from the disk"
	Unknown Reason = "not listed"
	Retired Reason = "unlisted by an earlier run"
	Remains Reason = "what a deletion that was cut short has left"
)

// Removal is one version that goes.
type Removal struct {
	Stream  string `json:"stream"`
	Product string `json:"product"`
	Version string `json:"version"`
	Path    string `json:"path"` // of its directory, below the root
	Reason  Reason `json:"reason"`
}

// PrunePlan is what a prune is going to do with a stream.
type PrunePlan struct {
	Stream string    `json:"stream"`
	Unlist []Removal `json:"unlist"` // versions that leave the catalogue
	Delete []Removal `json:"delete"` // directories that are deleted now
	Retire []Removal `json:"retire"` // directories that are deleted by a run after the grace period
	Done   bool      `json:"done"`   // whether this was carried out, but for Failed
	Failed []Problem `json:"-"`      // what could not be deleted
	Empty  bool      `json:"-"`      // the catalogue lists nothing, so that nothing can be told to dangle

	after   *streams.Products
	changed bool     // after is not what is listed now
	pinned  []string // unlisted versions that are to stay, by path
}

// Holdings are what is known of a stream before it is pruned.
type Holdings struct {
	Tree      *Tree
	Catalogue *streams.Products    // not nil
	Touched   map[string]time.Time // when anything in an unlisted version was last changed, by its path
	Retired   map[string]time.Time // when versions, and files of versions, were unlisted that are still on disk, by path
}

// Plan decides what goes. It looks at nothing but its arguments.
func (r Retention) Plan(have Holdings, now time.Time) *PrunePlan {
	p := &planner{Retention: r, Holdings: have, now: now, plan: &PrunePlan{Stream: have.Tree.Stream, Unlist: []Removal{}, Delete: []Removal{}, Retire: []Removal{}}, going: make(map[string]bool)}
	p.plan.Empty = have.Catalogue.Products.Len() == 0
	p.after()
	for _, product := range have.Tree.Products {
		if !product.Linked {
			p.retain(product)
		}
	}
	for _, product := range have.Tree.Products {
		if !product.Linked {
			p.unlisted(product)
		}
	}
	if len(have.Retired) > 0 {
		p.files()
	}
	p.stale()
	if !r.Orphans {
		p.dropOrphans()
	}
	return p.plan
}

type planner struct {
	Retention
	Holdings
	now   time.Time
	plan  *PrunePlan
	going map[string]bool // directories that will not be there, by path
}

// after makes a catalogue to take versions out of.
func (p *planner) after() {
	a := &streams.Products{Attrs: p.Catalogue.Attrs.Clone(), Products: streams.MakeNodes[*streams.Product]()}
	for id, product := range p.Catalogue.Products.All() {
		node := &streams.Product{Attrs: product.Attrs.Clone(), Versions: streams.MakeNodes[*streams.Version]()}
		for name, v := range product.Versions.All() {
			node.Versions.Set(name, v)
		}
		a.Products.Set(id, node)
	}
	p.plan.after = a
}

func (p *planner) removal(product, version, at string, reason Reason) Removal {
	return Removal{p.plan.Stream, product, version, at, reason}
}

// unlist takes a version out of the catalogue, and the product with its last version.
func (p *planner) unlist(r Removal) {
	p.plan.Unlist = append(p.plan.Unlist, r)
	p.plan.changed = true
	if product, ok := p.plan.after.Products.Get(r.Product); ok {
		product.Versions.Delete(r.Version)
	}
}

// retain applies --retain-builds and --retain-days to the listed versions that are on disk. Those that are gone do not
// count.
func (p *planner) retain(product *Product) {
	listed, ok := p.plan.after.Products.Get(product.ID())
	if !ok {
		return
	}
	var seen int
	var gone []Removal // the newest first
	for _, v := range slices.Backward(product.Versions) {
		if _, ok := listed.Versions.Get(v.Name); !ok {
			continue
		}
		var reason Reason
		switch {
		case p.pinned(product.ID(), v.Name):
		case p.Builds > 0 && seen >= p.Builds:
			reason = TooMany
		case p.Days > 0 && p.now.Sub(v.Modified) > ageOf(p.Days):
			reason = TooOld
		}
		seen++
		if reason != "" {
			gone = append(gone, p.removal(product.ID(), v.Name, v.Path, reason))
		}
	}
	if seen > 0 && len(gone) == seen { // an image is never pruned away altogether
		gone = gone[1:]
	}
	for _, r := range gone {
		p.unlist(r)
		if p.Grace > 0 {
			p.plan.Retire = append(p.plan.Retire, r)
		} else {
			p.remove(r)
		}
	}
}

func (p *planner) remove(r Removal) {
	p.plan.Delete = append(p.plan.Delete, r)
	p.going[r.Path] = true
}

// unlisted deletes what is left of deleted versions, versions that an earlier run unlisted long enough ago and, if asked
// for, those that never were listed.
func (p *planner) unlisted(product *Product) {
	listed, known := p.Catalogue.Products.Get(product.ID())
	for _, v := range product.Versions {
		if known {
			if _, ok := listed.Versions.Get(v.Name); ok {
				continue
			}
		}
		since, retired := p.Retired[v.Path]
		switch {
		case isPruned(v.Name):
			p.remove(p.removal(product.ID(), v.Name, v.Path, Remains))
		case p.pinned(product.ID(), v.Name):
			p.plan.pinned = append(p.plan.pinned, v.Path)
		case retired && p.now.Sub(since) >= p.Grace:
			p.remove(p.removal(product.ID(), v.Name, v.Path, Retired))
		case retired || !p.Dangling || p.plan.Empty:
		case p.now.Sub(p.Touched[v.Path]) > danglingAge:
			p.remove(p.removal(product.ID(), v.Name, v.Path, Unknown))
		}
	}
}

// files deletes single files that an earlier run unlisted long enough ago, of versions that stay.
func (p *planner) files() {
	owners := make(map[string]streams.Ref) // by path
	for _, product := range p.Tree.Products {
		for _, v := range product.Versions {
			if !product.Linked && !p.going[v.Path] {
				owners[v.Path] = streams.Ref{Product: product.ID(), Version: v.Name}
			}
		}
	}
	for _, at := range slices.Sorted(maps.Keys(p.Retired)) {
		if of, ok := owners[path.Dir(at)]; ok && p.now.Sub(p.Retired[at]) >= p.Grace {
			p.plan.Delete = append(p.plan.Delete, p.removal(of.Product, of.Version, at, Retired))
		}
	}
}

// stale takes out of the catalogue what is not on disk, and products without a version.
func (p *planner) stale() {
	there := make(map[string]map[string]bool)
	for _, product := range p.Tree.Products {
		versions := make(map[string]bool)
		for _, v := range product.Versions {
			versions[v.Name] = !p.going[v.Real]
		}
		there[product.ID()] = versions
	}
	for _, id := range p.plan.after.Products.Names() {
		product, _ := p.plan.after.Products.Get(id)
		for _, name := range product.Versions.Names() {
			if !there[id][name] {
				p.unlist(p.removal(id, name, p.plan.Stream+"/"+strings.ReplaceAll(id, ":", "/")+"/"+name, Stale))
			}
		}
		if product.Versions.Len() == 0 {
			p.plan.after.Products.Delete(id)
			p.plan.changed = true
		}
	}
}

// dropOrphans takes deltas out of the catalogue that are based on a version that it does not list any more.
func (p *planner) dropOrphans() {
	for _, product := range p.plan.after.Products.All() {
		for name, v := range product.Versions.All() {
			kept := streams.MakeNodes[*streams.Item]()
			for item, node := range v.Items.All() {
				base := node.Str("delta_base")
				if _, listed := product.Versions.Get(base); base == "" || listed {
					kept.Set(item, node)
				}
			}
			if kept.Len() < v.Items.Len() {
				product.Versions.Set(name, &streams.Version{Attrs: v.Attrs.Clone(), Items: kept})
				p.plan.changed = true
			}
		}
	}
}
