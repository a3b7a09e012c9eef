package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/seed-43fb3962/sstream/maintain"
	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/streams"
	"github.com/seed-43fb3962/sstream/web"
)

// pageFlags ask for a page beside the documents.
type pageFlags struct {
	wanted bool
	config string
}

func (p *pageFlags) add(f *pflag.FlagSet) {
	f.BoolVar(&p.wanted, "build-webpage", false, "write ROOT/index.html, a page of the images for people")
	f.StringVar(&p.config, "webpage-config", "", "YAML `file` with the page's title, text, footer, links, logo, remote, url, stale, versions")
}

// read returns the configuration. A file that cannot be read is better known before the build than after it.
func (p *pageFlags) read() (web.Config, error) {
	if p.config == "" {
		return web.Config{}, nil
	}
	if !p.wanted {
		return web.Config{}, usageError("--webpage-config needs --build-webpage")
	}
	return web.ReadConfig(p.config)
}

// writePage writes the page of what was built to root/index.html, and to index.html.gz if packed.
func writePage(ctx context.Context, root string, report *maintain.Report, cfg web.Config, packed bool) error {
	var catalogues []web.Catalogue
	for _, s := range report.Streams {
		catalogues = append(catalogues, web.Catalogue{Name: s.Name, Products: s.Products, Extra: beside(os.DirFS(root), s)})
	}
	var page, z bytes.Buffer
	if err := web.Page(&page, catalogues, cfg); err != nil {
		return err
	}
	files := map[string][]byte{"index.html": page.Bytes()}
	if packed {
		w, err := gzip.NewWriterLevel(&z, gzip.BestCompression)
		if err != nil {
			return err
		}
		_, err = w.Write(page.Bytes())
		if err := errors.Join(err, w.Close()); err != nil {
			return err
		}
		files["index.html.gz"] = z.Bytes()
	}
	if err := putChanged(ctx, root, files); err != nil {
		return fmt.Errorf("cannot write the page: %w", err)
	}
	return nil
}

// putChanged writes files below root, each as one, but for those that are there as they should be.
func putChanged(ctx context.Context, root string, files map[string][]byte) (err error) {
	dir, err := store.OpenDir(root, store.DirOptions{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		was, err := store.ReadAll(ctx, dir, name, int64(len(files[name])))
		if err == nil && bytes.Equal(was, files[name]) {
			continue
		}
		if err := dir.Put(ctx, name, store.Bytes(files[name])); err != nil {
			return err
		}
	}
	return nil
}

// beside returns what finds the files of a version that its catalogue does not list.
func beside(tree fs.FS, s maintain.StreamReport) func(streams.Ref) []web.File {
	return func(r streams.Ref) []web.File {
		e, ok := s.Products.Find(r)
		if !ok {
			return nil
		}
		dir := path.Join(s.Name, strings.ReplaceAll(r.Product, ":", "/"), r.Version)
		entries, err := fs.ReadDir(tree, dir)
		if err != nil {
			return nil // the catalogue is right, whatever else there was
		}
		listed := map[string]bool{}
		for _, item := range e.Version.Items.All() {
			listed[item.Str("path")] = true
		}
		var found []web.File
		for _, f := range entries {
			name := path.Join(dir, f.Name())
			if listed[name] || !f.Type().IsRegular() || strings.HasPrefix(f.Name(), ".") {
				continue
			}
			if info, err := f.Info(); err == nil {
				found = append(found, web.File{Path: name, Size: info.Size()})
			}
		}
		return found
	}
}
