// Package verify reads everything that a mirror lists and says what is wrong with it: documents that are not signed as
// they must be or cannot be read, files that are not there, and files that are not what is listed of them. It tells all
// of it, and can make good what another mirror still has.
package verify

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/seed-43fb3962/sstream/fetch"
	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/streams"
)

// Options say what is verified. The zero value: everything that clients find below streams/v1.
type Options struct {
	Paths  []string // documents to begin with; nil: index.sjson and index.json, those of them that are there
	Jobs   int      // files that are read at once; 0: one a processor
	Signed bool     // it is a problem if no document is signed

	// Want says whether the file at path is to be looked at, for a mirror that holds a part of what it lists. Nil: all are.
	Want func(path string) bool

	// Repair replaces files of the mirror that are wrong; nil: nothing is written. Documents are not replaced: they
	// belong together, and mirroring again replaces them together.
	Repair *Repair

	Log *slog.Logger // nil: nothing is logged
}

// Repair says where files are taken from and where they go.
type Repair struct {
	From *fetch.Mirror
	To   store.Store // what the mirror that is verified is read from
}

// Report is what was found.
type Report struct {
	Documents []Document `json:"documents"` // that could be read, in the order of reading
	Files     int        `json:"files"`     // listed, each path once
	Bytes     int64      `json:"bytes"`     // read of them
	Problems  []Problem  `json:"problems"`  // in the order of their paths
}

// Document is an index or a products file that is as it should be.
type Document struct {
	Path     string `json:"path"`
	SignedBy string `json:"signed_by,omitempty"` // whose key, and its fingerprint; "": its signature was not looked at
}

// Problem is one thing that is wrong.
type Problem struct {
	Path     string   `json:"path"`            // of the document or file; "" if it is about all of them
	Items    []string `json:"items,omitempty"` // that list the file so: CONTENT_ID/PRODUCT/VERSION/ITEM
	Text     string   `json:"problem"`
	Repaired bool     `json:"repaired,omitempty"` // the file was replaced and is right now
}

// Open returns how many problems are left.
func (r *Report) Open() int {
	n := 0
	for _, p := range r.Problems {
		if !p.Repaired {
			n++
		}
	}
	return n
}

// Run verifies m. What is wrong with the mirror is in the report; the error is about a run that could not be made: there
// is no document to begin with, or ctx is done.
func Run(ctx context.Context, m *fetch.Mirror, o Options) (*Report, error) {
	r := &run{Options: o, m: m, files: map[string]*file{}, seen: map[string]bool{}}
	if r.Jobs < 1 {
		r.Jobs = runtime.GOMAXPROCS(0)
	}
	if r.Log == nil {
		r.Log = slog.New(slog.DiscardHandler)
	}
	if err := r.documents(ctx); err != nil {
		return nil, err
	}
	if err := r.checkFiles(ctx); err != nil {
		return nil, err
	}
	r.report.Problems = merged(r.report.Problems)
	return &r.report, nil
}

// merged sorts problems by their paths, and makes one of those that are the same but for the items that they are about,
// each of which is named once: a signed document and its plain form list the same.
func merged(problems []Problem) []Problem {
	slices.SortStableFunc(problems, func(a, b Problem) int { return strings.Compare(a.Path, b.Path) })
	type kind struct {
		path, text string
		repaired   bool
	}
	places := make(map[kind]int)
	var list []Problem
	for _, p := range problems {
		k := kind{p.Path, p.Text, p.Repaired}
		if at, ok := places[k]; ok {
			list[at].Items = append(list[at].Items, p.Items...)
			continue
		}
		places[k] = len(list)
		list = append(list, p)
	}
	for i := range list {
		list[i].Items = slices.Compact(slices.Sorted(slices.Values(list[i].Items)))
	}
	return list
}

// run is one call of Run.
type run struct {
	Options
	m      *fetch.Mirror
	files  map[string]*file // by path
	seen   map[string]bool  // documents
	report Report
}

func (r *run) problem(path, format string, args ...any) {
	r.report.Problems = append(r.report.Problems, Problem{Path: path, Text: fmt.Sprintf(format, args...)})
}

// documents reads all documents and enters what they list.
func (r *run) documents(ctx context.Context) error {
	paths, optional := r.Paths, false
	if paths == nil {
		paths, optional = []string{"streams/v1/index.sjson", "streams/v1/index.json"}, true
	}
	var absent error
	for _, path := range paths {
		err := r.walk(ctx, path, optional)
		switch {
		case err == nil:
		case optional && errors.Is(err, fs.ErrNotExist):
			if absent == nil {
				absent = err
			}
		default:
			return err
		}
	}
	if len(r.seen) == 0 {
		return absent
	}
	signed := slices.ContainsFunc(r.report.Documents, func(d Document) bool { return d.SignedBy != "" })
	if r.Signed && !signed && len(r.report.Documents) > 0 {
		r.problem("", "no document is signed")
	}
	return nil
}

// walk reads a document and what it lists. Only that the first one is not there is an error.
func (r *run) walk(ctx context.Context, path string, optional bool) error {
	for d, err := range r.m.Walk(ctx, path, nil) {
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil && d.Path == path && errors.Is(err, fs.ErrNotExist) && (optional || len(r.seen) == 0):
			return err
		case r.seen[d.Path]:
			continue
		}
		r.seen[d.Path] = true
		if err != nil {
			r.problem(d.Path, "%s", r.without(d.Path, err))
			continue
		}
		r.report.Documents = append(r.report.Documents, Document{d.Path, signer(d)})
		if d.Products != nil {
			r.list(d)
		}
	}
	return nil
}

func signer(d *fetch.Document) string {
	switch {
	case d.Signature == nil:
		return ""
	case d.Signature.Identity == "":
		return d.Signature.Fingerprint
	}
	return d.Signature.Identity + " " + d.Signature.Fingerprint
}

// list enters the files of a products file.
func (r *run) list(d *fetch.Document) {
	if err := d.Products.ExpandAliases(); err != nil {
		r.problem(d.Path, "%v", err)
		return
	}
	id := d.Products.ContentID()
	if id == "" {
		r.problem(d.Path, "it has no content_id")
	}
	for e := range d.Products.All() {
		listed, ok := e.Item.Get("path").Str()
		if !ok || !r.wants(listed) {
			continue
		}
		ref := id + "/" + e.Ref.String()
		path, err := streams.CleanPath(listed)
		if err != nil {
			r.report.Problems = append(r.report.Problems, Problem{Path: listed, Items: []string{ref}, Text: err.Error()})
			continue
		}
		r.file(path).list(ref, &e)
		r.combined(ref, &e, path)
	}
}

func (r *run) wants(path string) bool { return r.Want == nil || r.Want(path) }

func (r *run) file(path string) *file {
	f := r.files[path]
	if f == nil {
		f = &file{path: path}
		r.files[path] = f
	}
	return f
}

// checkFiles reads all files, and then repairs if that is wanted.
func (r *run) checkFiles(ctx context.Context) error {
	files := make([]*file, 0, len(r.files))
	for _, path := range slices.Sorted(maps.Keys(r.files)) {
		files = append(files, r.files[path])
	}
	if err := fetch.Share(ctx, r.Jobs, files, func(f *file) bool { return f.item().Small() }, r.readSome); err != nil {
		return err
	}
	if r.Repair != nil {
		r.repair(ctx, files)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	r.report.Files = len(files)
	for _, f := range files {
		r.report.Bytes += f.found.read
		r.report.Problems = append(r.report.Problems, append(f.found.problems, f.wrongs...)...)
	}
	return nil
}

// each calls do with every file, several at once.
func (r *run) each(files []*file, do func(*file)) {
	var group errgroup.Group
	group.SetLimit(r.Jobs)
	for _, f := range files {
		group.Go(func() error {
			do(f)
			return nil
		})
	}
	group.Wait()
}
