package maintain

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/streams"
)

// Listed is one image of a catalogue, as clients see it: a metadata file together with one root, or a file that is both.
type Listed struct {
	Fingerprint string   `json:"fingerprint" yaml:"fingerprint"` // SHA-256 of all its bytes
	Product     string   `json:"product" yaml:"product"`
	Version     string   `json:"version" yaml:"version"`
	Type        string   `json:"type" yaml:"type"` // "container" or "virtual-machine"
	Arch        string   `json:"arch" yaml:"arch"`
	Size        int64    `json:"size" yaml:"size"` // of all its files, in bytes
	Aliases     []string `json:"aliases" yaml:"aliases"`
	Clients     []Client `json:"clients" yaml:"clients"` // who is told of it
	Paths       []string `json:"paths" yaml:"paths"`     // of its files: the metadata and the root
}

// Images returns the images of a catalogue in its order, those of a version by their roots.
func Images(c *streams.Products) []Listed {
	var list []Listed
	for id, p := range c.Products.All() {
		for version, v := range p.Versions.All() {
			of := Listed{Product: id, Version: version, Arch: p.Str("arch"), Aliases: []string{}}
			if text := p.Str("aliases"); text != "" {
				of.Aliases = strings.Split(text, ",")
			}
			list = append(list, imagesOf(of, v)...)
		}
	}
	return list
}

// imagesOf returns the images of a version: one that two clients are told of comes once.
func imagesOf(of Listed, v *streams.Version) []Listed {
	var list []Listed
	add := func(client Client, fingerprint, kind string, items ...*streams.Item) {
		if fingerprint == "" {
			return
		}
		for i := range list {
			if list[i].Fingerprint == fingerprint {
				list[i].Clients = append(list[i].Clients, client)
				return
			}
		}
		image := of
		image.Fingerprint, image.Type, image.Clients = fingerprint, kind, []Client{client}
		for _, item := range items {
			size, _ := item.Get("size").Int()
			image.Size += size
			image.Paths = append(image.Paths, item.Str("path"))
		}
		list = append(list, image)
	}
	for _, client := range []Client{LXD, Incus} {
		for _, item := range v.Items.All() {
			switch item.Str("ftype") {
			case client.whole():
				add(client, item.Str("sha256"), wholeType(item), item)
			case client.metadata():
				for _, root := range v.Items.All() {
					if field := combinedField(root.Str("ftype")); field != "" {
						add(client, item.Str(field), rootType(root), item, root)
					}
				}
			}
		}
	}
	return list
}

func wholeType(item *streams.Item) string {
	if t := item.Str("combined_type"); t != "" {
		return t
	}
	return "container"
}

func rootType(root *streams.Item) string {
	switch root.Str("ftype") {
	case ftypeSquashfs, ftypeRootTar:
		return "container"
	}
	return "virtual-machine"
}

// ReadImages returns the images of every catalogue that an index leads to.
func ReadImages(ctx context.Context, src store.Source, index string) ([]Listed, error) {
	body, err := readAll(ctx, src, index)
	if err != nil {
		return nil, err
	}
	x, err := streams.ParseIndex(body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", index, err)
	}
	var list []Listed
	for _, e := range x.Entries.All() {
		if e.Str("datatype") != datatype {
			continue
		}
		body, err := readAll(ctx, src, e.Str("path"))
		if err != nil {
			return nil, err
		}
		c, err := streams.ParseProducts(body)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.Str("path"), err)
		}
		list = append(list, Images(c)...)
	}
	return list, nil
}

func readAll(ctx context.Context, src store.Source, path string) ([]byte, error) {
	r, err := src.Open(ctx, path, 0)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}
