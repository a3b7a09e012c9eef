// Package lint says what each program that reads Simple Streams makes of a tree: what it refuses, what it does not show
// and does not say so, what it shows and cannot fetch.
//
// The rules were found by giving real clients trees with a single fault each.
package lint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/streams"
)

// Client is a program, or a family of them, that reads trees.
type Client string

// The clients that are known.
const (
	LXD       Client = "lxd"
	Incus     Client = "incus"
	MAAS      Client = "maas"
	Juju      Client = "juju"
	Multipass Client = "multipass"
	Python    Client = "python" // sstream-query, sstream-mirror and what uses their library
)

// Clients are all that are known.
func Clients() []Client { return []Client{LXD, Incus, MAAS, Juju, Multipass, Python} }

// ParseClients reads a list as the option --for has it.
func ParseClients(names []string) ([]Client, error) {
	var clients []Client
	for _, name := range names {
		c := Client(strings.ToLower(strings.TrimSpace(name)))
		if !slices.Contains(Clients(), c) {
			return nil, fmt.Errorf("unknown client %q: lxd, incus, maas, juju, multipass and python are known", name)
		}
		clients = append(clients, c)
	}
	return clients, nil
}

// Level is how bad a finding is.
type Level string

// Levels, the worst first.
const (
	Refused Level = "refused" // the client reads nothing of the tree, or of the document
	Hidden  Level = "hidden"  // the client does not show it, and does not say so
	Broken  Level = "broken"  // the client shows it and cannot use it
	Note    Level = "note"    // nothing is lost
)

// Finding is what one client makes of one thing.
type Finding struct {
	Client Client `json:"client"`
	Level  Level  `json:"level"`
	Path   string `json:"path"`            // of the document
	Place  string `json:"place,omitempty"` // in it: product/version/item, or the name of an entry
	Text   string `json:"text"`
}

// String returns the finding in a line.
func (f Finding) String() string {
	at := f.Path
	if f.Place != "" {
		at += ": " + f.Place
	}
	return fmt.Sprintf("%s: %s: %s: %s", f.Client, f.Level, at, f.Text)
}

// Options are how [Check] works. The zero value asks for every client, and whether the files are there.
type Options struct {
	Clients []Client // none: all
	Index   string   // the path of the index; "": streams/v1/index.json
	NoFiles bool     // do not look whether what is listed is there; false: look, where the source can tell
}

// Check reads the index of a tree and all that it leads to. The error is for a source that cannot be read.
func Check(ctx context.Context, src store.Source, o Options) ([]Finding, error) {
	if len(o.Clients) == 0 {
		o.Clients = Clients()
	}
	if o.Index == "" {
		o.Index = "streams/v1/index.json"
	}
	c := &checker{Options: o, src: src}
	body, err := c.read(ctx, o.Index)
	if errors.Is(err, fs.ErrNotExist) {
		c.all(Refused, o.Index, "", "there is no index")
		return c.findings, nil
	}
	if err != nil {
		return nil, err
	}
	if err := c.index(ctx, body); err != nil {
		return nil, err
	}
	return c.findings, nil
}

type checker struct {
	Options
	src      store.Source
	findings []Finding
}

func (c *checker) wants(client Client) bool { return slices.Contains(c.Clients, client) }

func (c *checker) add(client Client, level Level, at, place, format string, args ...any) {
	if c.wants(client) {
		c.findings = append(c.findings, Finding{client, level, at, place, fmt.Sprintf(format, args...)})
	}
}

// all adds a finding that is the same for every client.
func (c *checker) all(level Level, at, place, format string, args ...any) {
	for _, client := range c.Clients {
		c.add(client, level, at, place, format, args...)
	}
}

// some adds a finding for those of the clients named that are asked for.
func (c *checker) some(clients []Client, level Level, at, place, format string, args ...any) {
	for _, client := range clients {
		c.add(client, level, at, place, format, args...)
	}
}

func (c *checker) read(ctx context.Context, name string) ([]byte, error) {
	r, err := c.src.Open(ctx, name, 0)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	body, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", name, err)
	}
	return body, nil
}

// index checks the index and goes on to what it leads to.
func (c *checker) index(ctx context.Context, body []byte) error {
	if bytes.HasPrefix(body, []byte("\xef\xbb\xbf")) {
		c.all(Refused, c.Index, "", "a byte order mark stands before the document")
		body = body[3:]
	}
	x, err := streams.ParseIndex(body)
	if err != nil {
		c.all(Refused, c.Index, "", "it is not a document: %v", err)
		return nil
	}
	strict := []Client{Python, Juju}
	if x.Str("format") != streams.IndexFormat {
		c.some(strict, Refused, c.Index, "", "format is %q: it has to be %q", x.Str("format"), streams.IndexFormat)
	}
	c.updated(&x.Attrs, c.Index, "")
	c.signed(ctx, c.Index)
	bases := make(map[string]string)
	for name, e := range x.Entries.All() {
		base := path.Base(e.Str("path"))
		if other, twice := bases[base]; twice {
			c.some([]Client{LXD, Incus}, Broken, c.Index, name, "its file is called %s as that of %s: daemons keep both under one name", base, other)
		}
		bases[base] = name
		if err := c.entry(ctx, name, e); err != nil {
			return err
		}
	}
	return nil
}

// signed says who asks for a signature that is not there.
func (c *checker) signed(ctx context.Context, name string) {
	signed := strings.TrimSuffix(name, ".json") + ".sjson"
	r, err := c.src.Open(ctx, signed, 0)
	if err == nil {
		r.Close()
		return
	}
	c.add(MAAS, Refused, name, "", "there is no %s, which is what MAAS reads unless it is told another path", path.Base(signed))
	c.add(Juju, Note, name, "", "there is no %s: Juju takes unsigned documents only where it is told to", path.Base(signed))
	c.add(Python, Note, name, "", "there is no %s, which is what sstream-mirror reads unless it is told another path", path.Base(signed))
}

// entry checks one entry of the index and the product file that it leads to.
func (c *checker) entry(ctx context.Context, name string, e *streams.Entry) error {
	file := e.Str("path")
	if file == "" {
		c.all(Refused, c.Index, name, "it has no path")
		return nil
	}
	if e.Str("format") != streams.ProductsFormat {
		c.some([]Client{Python, Juju}, Hidden, c.Index, name, "format is %q: it has to be %q", e.Str("format"), streams.ProductsFormat)
	}
	c.updated(&e.Attrs, c.Index, name)
	products := e.Get("products")
	listed := products.StringList()
	if products.Kind() != streams.Array {
		c.add(MAAS, Refused, c.Index, name, "it has no list of products")
	}
	images := e.Str("datatype") == "image-downloads"
	if images && len(listed) == 0 {
		c.some([]Client{LXD, Incus}, Hidden, c.Index, name, "it lists no products, so that its file is not read")
	}
	if !images && e.Str("datatype") != "" {
		c.some([]Client{LXD, Incus}, Note, c.Index, name, "datatype is %q, which is not for this client", e.Str("datatype"))
	}
	if e.Str("datatype") == "" {
		c.some([]Client{LXD, Incus, Juju}, Hidden, c.Index, name, "it has no datatype")
	}
	at, err := streams.CleanPath(strings.TrimPrefix(file, "/"))
	if err != nil {
		c.without(name, images, err.Error())
		return nil
	}
	body, err := c.read(ctx, at)
	if errors.Is(err, fs.ErrNotExist) {
		c.without(name, images, file+" is not there")
		return nil
	}
	if err != nil {
		return err
	}
	p, err := streams.ParseProducts(body)
	if err != nil {
		c.all(Refused, file, "", "it is not a document: %v", err)
		return nil
	}
	return c.products(ctx, &catalogue{path: file, listed: listed, images: images, doc: p})
}

// without says what follows from why an entry leads to no product file.
func (c *checker) without(name string, images bool, why string) {
	if images {
		c.some([]Client{LXD, Incus}, Refused, c.Index, name, "%s: no image of the whole tree is shown", why)
	}
	c.some([]Client{MAAS, Juju, Multipass, Python}, Refused, c.Index, name, "%s", why)
}

// catalogue is a product file that is checked.
type catalogue struct {
	path   string
	listed []string // the products that the index says it has
	images bool     // the index says that LXD and Incus may read it
	doc    *streams.Products
}

func (c *checker) products(ctx context.Context, cat *catalogue) error {
	if cat.doc.Str("format") != streams.ProductsFormat {
		c.some([]Client{Python, Juju}, Refused, cat.path, "", "format is %q: it has to be %q", cat.doc.Str("format"), streams.ProductsFormat)
	}
	if cat.doc.ContentID() == "" {
		c.some([]Client{Python, MAAS}, Refused, cat.path, "", "it has no content_id")
	}
	if cat.images {
		c.imageServer(LXD, cat)
		c.imageServer(Incus, cat)
	}
	c.python(cat)
	c.maas(cat)
	c.juju(cat)
	c.multipass(cat)
	if c.NoFiles {
		return nil
	}
	return c.files(ctx, cat)
}

// stater is a source that can tell of a file without reading it.
type stater interface {
	Stat(ctx context.Context, path string) (store.Info, error)
}

// files looks whether what is listed is there and as long as it should be.
func (c *checker) files(ctx context.Context, cat *catalogue) error {
	s, ok := c.src.(stater)
	if !ok {
		return nil
	}
	for e := range cat.doc.All() {
		name, err := streams.CleanPath(strings.TrimPrefix(e.Item.Str("path"), "/"))
		if err != nil {
			continue
		}
		info, err := s.Stat(ctx, name)
		size, sized := e.Item.Get("size").Int()
		switch {
		case errors.Is(err, fs.ErrNotExist):
			c.all(Broken, cat.path, e.Ref.String(), "%s is not there", name)
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil: // of this file: its name is too long, or its directory cannot be entered
			c.all(Broken, cat.path, e.Ref.String(), "%s cannot be looked at: %v", name, err)
		case sized && size != info.Size:
			c.all(Broken, cat.path, e.Ref.String(), "%s has %d bytes, it is listed with %d", name, info.Size, size)
		}
	}
	return nil
}
