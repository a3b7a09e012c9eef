package maintain

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Names of files that say something about their version.
const (
	sumsName       = "SHA256SUMS"
	configName     = "image.yaml"  // what image builders write
	configNameDocs = "images.yaml" // what the documentation of the layout calls it
)

// Tree is one stream as it lies on disk.
type Tree struct {
	Stream   string
	Products []*Product // in byte order of their paths
	Problems []Problem  // directories that could not be read
}

// Product is one image in all its versions: a directory <distro>/<release>/<arch>/<variant>.
type Product struct {
	Distro, Release, Arch, Variant string

	Path     string     // below the root, with the stream
	Linked   bool       // Path is a link to the directory
	Versions []*Version // in byte order of their names: the last is the newest

	id string // "" until it is known
}

// ID is the product's name in the documents.
func (p *Product) ID() string {
	if p.id != "" {
		return p.id
	}
	return p.Distro + ":" + p.Release + ":" + p.Arch + ":" + p.Variant
}

// Version is one build of a product. Nothing is known of what its files hold.
type Version struct {
	Name     string
	Path     string    // below the root
	Real     string    // the same without a link in it, "" if it lies outside of the stream
	Modified time.Time // see [Tree.Date]
	Files    []File    // what clients may be told of, in byte order of their names
	Sums     bool      // whether there is a SHA256SUMS
	Config   File      // what describes the image; it has no name if there is none
	Leftover []string  // unfinished files of an earlier run, by path
	Err      error     // why it cannot be published although it is there
}

// File is a file of a version, links followed.
type File struct {
	Name     string
	Size     int64
	Modified time.Time
}

// Missing says what keeps the version from being complete, "" if nothing does: it is hidden, or it lacks the metadata
// (of any client in clients) or a root file system.
func (v *Version) Missing(clients []Client) string {
	if strings.HasPrefix(v.Name, ".") {
		return "it is hidden"
	}
	meta, root := false, false
	for _, f := range v.Files {
		ftype := ftypeOf(f.Name)
		root = root || ftype == ftypeSquashfs || ftype == ftypeDisk
		for _, c := range clients {
			meta = meta || f.Name == c.metadata()
			if f.Name == c.whole() {
				return ""
			}
		}
	}
	switch {
	case !meta:
		return "it has no metadata file"
	case !root:
		return "it has no root file system"
	}
	return ""
}

// Scan reads the tree of a stream, a directory of fsys. It opens no file. What cannot be read is a Problem of the tree
// or the Err of a version; the error is about the stream's directory itself.
func Scan(ctx context.Context, fsys fs.FS, stream string) (*Tree, error) {
	s := &scanner{ctx: ctx, fsys: fsys, tree: &Tree{Stream: stream}}
	return s.scan()
}

// scanVersions is [Scan] without looking into the versions.
func scanVersions(ctx context.Context, fsys fs.FS, stream string) (*Tree, error) {
	s := &scanner{ctx: ctx, fsys: fsys, tree: &Tree{Stream: stream}, shallow: true}
	return s.scan()
}

func (s *scanner) scan() (*Tree, error) {
	stream := s.tree.Stream
	info, err := fs.Stat(s.fsys, stream)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		s.enter(top{s.fsys}, stream, stream, func(f folder) { s.level(f, stream, nil) })
	}
	s.dropTwins()
	return s.tree, s.ctx.Err()
}

// Date finds out when the directory of each version was last modified, which Scan does not ask for. Of one that cannot be
// asked it stays zero.
func (t *Tree) Date(fsys fs.FS) {
	for _, p := range t.Products {
		for _, v := range p.Versions {
			if info, err := fs.Stat(fsys, v.Path); err == nil {
				v.Modified = info.ModTime()
			}
		}
	}
}

type scanner struct {
	ctx  context.Context // lives as long as one call of Scan
	fsys fs.FS
	tree *Tree

	shallow bool // nothing is asked of versions but their names
}

func (s *scanner) problem(dir string, err error) {
	s.tree.Problems = append(s.tree.Problems, Problem{Stream: s.tree.Stream, Path: dir, Err: err})
}

// enter opens the directory dir, which in calls name, for as long as work takes.
func (s *scanner) enter(in opener, dir, name string, work func(folder)) {
	if s.ctx.Err() != nil {
		return
	}
	f, err := in.open(name)
	if err != nil {
		s.problem(dir, bare(err))
		return
	}
	defer f.close()
	work(f)
}

// list reads a folder. Entries whose names no document can hold are problems.
func (s *scanner) list(f folder, dir string) []fs.DirEntry {
	entries, err := f.list()
	if err != nil {
		s.problem(dir, bare(err))
		return nil
	}
	return slices.DeleteFunc(entries, func(e fs.DirEntry) bool {
		if utf8.ValidString(e.Name()) {
			return false
		}
		s.problem(fmt.Sprintf("%s/%q", dir, e.Name()), fmt.Errorf("%w: it is not UTF-8, so that no document can hold it", errName))
		return true
	})
}

// level walks down distro, release, arch and variant; names are those so far.
func (s *scanner) level(f folder, dir string, names []string) {
	for _, e := range s.list(f, dir) {
		at := dir + "/" + e.Name()
		below := append(slices.Clip(names), e.Name())
		switch {
		case len(below) < 4 && e.IsDir():
			s.enter(f, at, e.Name(), func(f folder) { s.level(f, at, below) })
		case len(below) == 4 && s.isDir(at, e):
			s.enter(f, at, e.Name(), func(f folder) { s.product(f, at, below, e.Type()&fs.ModeSymlink != 0) })
		}
	}
}

// isDir tells whether e is a directory or a link to one: variants may be links.
func (s *scanner) isDir(at string, e fs.DirEntry) bool {
	if e.Type()&fs.ModeSymlink == 0 {
		return e.IsDir()
	}
	info, err := fs.Stat(s.fsys, at)
	return err == nil && info.IsDir()
}

func (s *scanner) product(f folder, dir string, names []string, linked bool) {
	p := &Product{Distro: names[0], Release: names[1], Arch: names[2], Variant: names[3], Path: dir, Linked: linked}
	p.id = p.ID()
	real := dir
	if linked {
		real = s.target(dir)
	}
	for _, e := range s.list(f, dir) {
		if e.IsDir() {
			v := s.version(f, dir+"/"+e.Name(), e.Name())
			if real != "" {
				v.Real = path.Join(real, e.Name())
			}
			p.Versions = append(p.Versions, v)
		}
	}
	if len(p.Versions) > 0 {
		s.tree.Products = append(s.tree.Products, p)
	}
}

// target returns where a link leads to, "" if that is out of the stream.
func (s *scanner) target(link string) string {
	if d, ok := s.fsys.(disk); ok {
		return d.follow(link, s.tree.Stream)
	}
	to, err := fs.ReadLink(s.fsys, link)
	if to = path.Join(path.Dir(link), to); err != nil || !fs.ValidPath(to) {
		return ""
	}
	return to
}

func (s *scanner) version(in folder, dir, name string) *Version {
	v := &Version{Name: name, Path: dir}
	if !s.shallow {
		s.enter(in, dir, name, func(f folder) { s.files(v, s.list(f, dir)) })
	}
	return v
}

// files takes what lies in the directory of a version.
func (s *scanner) files(v *Version, entries []fs.DirEntry) {
	v.Files = make([]File, 0, len(entries))
	for _, e := range entries {
		name := e.Name()
		switch {
		case e.IsDir():
		case name == sumsName:
			v.Sums = true
		case name == configName, name == configNameDocs && v.Config.Name == "":
			v.Config, _ = s.file(v.Path, e) // whoever reads it will see what is wrong
		case isLeftover(name):
			v.Leftover = append(v.Leftover, v.Path+"/"+name)
		case ftypeOf(name) != "":
			f, err := s.file(v.Path, e)
			if err != nil && v.Err == nil {
				v.Err = fmt.Errorf("%s: %w", name, bare(err))
			}
			v.Files = append(v.Files, f)
		}
	}
}

func (s *scanner) file(dir string, e fs.DirEntry) (File, error) {
	f := File{Name: e.Name()}
	info, err := e.Info()
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		info, err = fs.Stat(s.fsys, path.Join(dir, e.Name()))
	}
	if err == nil && !info.Mode().IsRegular() {
		err = errIrregular
	}
	if err != nil {
		return f, err
	}
	f.Size, f.Modified = info.Size(), info.ModTime()
	return f, nil
}

// dropTwins takes out directories whose product id another has: "a:b/c" and "a/b:c".
func (s *scanner) dropTwins() {
	seen := make(map[string]string)
	s.tree.Products = slices.DeleteFunc(s.tree.Products, func(p *Product) bool {
		first, twice := seen[p.ID()]
		if twice {
			s.problem(p.Path, fmt.Errorf("%w: its product id %s is that of %s", errName, p.ID(), first))
		} else {
			seen[p.ID()] = p.Path
		}
		return twice
	})
}

// errName is the error for what can be read but not be listed.
var errName = errors.New("the name cannot be used")

// bare is err without the path that a Problem tells by itself.
func bare(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
