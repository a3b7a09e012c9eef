package web

import (
	"cmp"
	"slices"
	"strings"

	"github.com/seed-43fb3962/sstream/streams"
)

// product is one row of the page.
type product struct {
	ID       string // unique on the page: what a deep link names
	Stream   string // "" if the page shows only one
	OS       string
	Release  string
	Title    string // of the release, if that says more
	Arch     string
	Variant  string
	Kinds    string // what the newest version launches as
	Built    string // when the newest version was built, "" if its name does not tell
	Commands []string
	Aliases  string
	Requires string
	Listing  string // see listing

	clients clientSet // that launch the newest version
}

// newProduct lays out one product; e names it.
func newProduct(e streams.Entity, c Catalogue, cfg Config) product {
	id := e.Ref.Product
	p := product{
		ID:       id,
		OS:       cmp.Or(e.Get("os"), e.Get("distro")),
		Release:  cmp.Or(e.Get("release"), e.Get("version")),
		Arch:     e.Get("arch"),
		Variant:  cmp.Or(e.Get("variant"), e.Get("subarch")),
		Aliases:  strings.Join(aliasesOf(e), ", "),
		Requires: requirementsOf(e.Product),
	}
	if p.OS+p.Release == "" {
		p.OS = id
	}
	if title := e.Get("release_title"); !strings.EqualFold(title, p.Release) {
		p.Title = title
	}
	names := e.Product.Versions.Sorted()
	slices.Reverse(names)
	var list listing
	for i, name := range names {
		if i == cfg.Versions && i > 0 {
			break
		}
		e.Ref.Version = name
		e.Version, _ = e.Product.Versions.Get(name)
		images := imagesOf(e.Version)
		if i == 0 {
			p.Built = builtAt(name)
			p.Kinds, p.clients = kindsOf(images), clientsOf(images)
			for _, line := range commands(images, aliasesOf(e), cfg.Remote) {
				p.Commands = append(p.Commands, printable(line))
			}
		}
		var extra []File
		if c.Extra != nil {
			extra = c.Extra(e.Ref)
		}
		list.add(name, filesOf(e, images, p.clients, extra))
	}
	p.Listing = list.String()
	return p
}

// kindsOf tells what images launch as.
func kindsOf(images []image) string {
	var kinds []string
	for _, k := range []string{container, machine} {
		if slices.ContainsFunc(images, func(i image) bool { return i.kind == k }) {
			kinds = append(kinds, k)
		}
	}
	return strings.Join(kinds, ", ")
}

// commands returns what to type to launch images, by client. What an alias launches as either is followed by "[--vm]".
// Without an alias the fingerprint names each image.
func commands(images []image, aliases []string, remote string) []string {
	var list []string
	for c := range clients {
		launch := clients[c].Command + " launch " + remote + ":"
		var mine []image
		for _, i := range images {
			if i.client == c {
				mine = append(mine, i)
			}
		}
		switch {
		case len(mine) == 0:
		case len(aliases) > 0:
			list = append(list, launch+aliases[0]+options[kindsOf(mine)])
		default:
			for _, i := range mine {
				list = append(list, launch+i.short()+options[i.kind])
			}
		}
	}
	return list
}

// options are what follows the name of an image that launches as this.
var options = map[string]string{machine: " --vm", container + ", " + machine: " [--vm]"}

func aliasesOf(e streams.Entity) []string {
	var list []string
	for alias := range strings.SplitSeq(e.Get("aliases"), ",") {
		if alias = strings.TrimSpace(alias); alias != "" {
			list = append(list, alias)
		}
	}
	return list
}

// requirementsOf lists what a product asks of the machine: "secureboot=false".
func requirementsOf(p *streams.Product) string {
	var list []string
	fields := p.Get("requirements").Fields()
	for key, v := range fields.All() {
		if s, ok := v.Scalar(); ok {
			list = append(list, key+"="+s)
		}
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// compare orders products as people look for them.
func (p *product) compare(q *product) int {
	return cmp.Or(
		compareNatural(p.OS, q.OS),
		compareNatural(p.Release, q.Release),
		compareNatural(p.Arch, q.Arch),
		compareNatural(p.Variant, q.Variant),
		compareNatural(p.ID, q.ID),
		strings.Compare(p.ID, q.ID),
	)
}

// compareNatural compares without regard to case, and numbers by their value: 3.9 comes before 3.20.
func compareNatural(a, b string) int {
	for a != "" && b != "" {
		x, restA := chunk(a)
		y, restB := chunk(b)
		if x[0] <= '9' && x[0] >= '0' && y[0] <= '9' && y[0] >= '0' {
			x, y = strings.TrimLeft(x, "0"), strings.TrimLeft(y, "0")
			if c := cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(x, y)); c != 0 {
				return c
			}
		} else if c := strings.Compare(strings.ToLower(x), strings.ToLower(y)); c != 0 {
			return c
		}
		a, b = restA, restB
	}
	return cmp.Compare(len(a), len(b))
}

// chunk cuts the digits, or what is before the next digit, off the front of s.
func chunk(s string) (front, rest string) {
	digit := func(c byte) bool { return c >= '0' && c <= '9' }
	n := 1
	for n < len(s) && digit(s[n]) == digit(s[0]) {
		n++
	}
	return s[:n], s[n:]
}
