// Package web shows a tree of images to people and serves it to programs: [Page] writes a catalogue as one HTML file,
// [Handler] is a file server that knows what lies in a mirror.
package web

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"slices"
	"time"

	"github.com/seed-43fb3962/sstream/streams"
)

// Catalogue is one products file of the page.
type Catalogue struct {
	Name     string // of the stream; the content id if empty
	Products *streams.Products

	// Extra returns the files that lie beside a version's items and are in no catalogue: build logs, checksums.
	// Nil means none.
	Extra func(version streams.Ref) []File
}

// File is a file below the directory of the page.
type File struct {
	Path string // relative to the page, with slashes
	Size int64  // in bytes
}

var (
	//go:embed page/page.html
	pageHTML string
	//go:embed page/page.css
	pageCSS string
	//go:embed page/page.js
	pageJS string
	//go:embed page/icon.svg
	pageIcon []byte
)

// Page writes the catalogues as one HTML file that needs nothing beside it and no other host. Its links lead to the
// images from the directory that the tree has its root in, wherever that is served. The same input gives the same page.
//
// It can be read without JavaScript; the script adds search, filters, sorting, copying and ages.
func Page(w io.Writer, catalogues []Catalogue, cfg Config) error {
	t, err := template.New("page").Parse(pageHTML)
	if err != nil {
		return err
	}
	b := bufio.NewWriterSize(w, 64<<10)
	if err := t.Execute(b, newView(catalogues, cfg.withDefaults())); err != nil {
		return fmt.Errorf("cannot write the page: %w", err)
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("cannot write the page: %w", err)
	}
	return nil
}

// view is what the template is filled in with.
type view struct {
	Config
	CSS      template.CSS
	JS       template.JS
	Policy   string // the content security policy
	Icon     template.URL
	Picture  template.URL
	Intro    []string // paragraphs of the text
	Closing  []string // of the footer
	Filters  []string // what to narrow the list by
	Updated  string   // when the newest catalogue says that it was made
	Clients  []client
	Products []product
}

func newView(catalogues []Catalogue, cfg Config) *view {
	v := &view{
		Config:  cfg,
		CSS:     template.CSS(pageCSS),
		JS:      template.JS(pageJS),
		Policy:  policy(),
		Icon:    template.URL(dataURL(pageIcon)),
		Picture: template.URL(dataURL(cfg.Logo)), // safe: a picture by its first bytes, in base64
		Intro:   paragraphs(cfg.Text),
		Closing: paragraphs(cfg.Footer),
		Filters: []string{"Distribution", "Release", "Architecture", "Variant", "Type"},
	}
	if len(catalogues) > 1 {
		v.Filters = append([]string{"Stream"}, v.Filters...)
	}
	taken := map[string]bool{"use": true, "images": true, "find": true, "q": true, "count": true, "none": true, "said": true} // by elements of page.html
	var updated time.Time
	for _, c := range catalogues {
		stream := cmp.Or(c.Name, c.Products.ContentID())
		if t := parseTime(c.Products.Str("updated")); t.After(updated) {
			updated = t
			v.Updated = t.UTC().Format("2006-01-02 15:04Z")
		}
		for id, pr := range c.Products.Products.All() {
			p := newProduct(streams.Entity{Ref: streams.Ref{Product: id}, Products: c.Products, Product: pr}, c, cfg)
			if len(catalogues) > 1 {
				p.Stream = stream
			}
			for taken[p.ID] {
				p.ID = stream + "/" + p.ID
			}
			taken[p.ID] = true
			v.Products = append(v.Products, p)
		}
	}
	slices.SortFunc(v.Products, func(a, b product) int { return a.compare(&b) })
	for i, c := range clients {
		if slices.ContainsFunc(v.Products, func(p product) bool { return p.clients&(1<<i) != 0 }) {
			v.Clients = append(v.Clients, c)
		}
	}
	return v
}

// parseTime reads a document's time in either of the two forms in use, else returns the zero time.
func parseTime(text string) time.Time {
	for _, layout := range []string{time.RFC1123Z, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t
		}
	}
	return time.Time{}
}

// policy allows the page its own style and script and nothing else.
func policy() string {
	return "default-src 'none'; style-src " + hashOf(pageCSS) + "; script-src " + hashOf(pageJS) +
		"; img-src data:; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"
}

func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
