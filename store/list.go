package store

import (
	"context"
	"io/fs"
	"iter"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/seed-43fb3962/sstream/streams"
)

// List implements [Lister]. Drafts and what the directory keeps for itself are not listed; symbolic links to
// directories are not followed.
func (d *Dir) List(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		dir := "."
		if at := strings.LastIndexByte(prefix, '/'); at >= 0 {
			dir = prefix[:at]
			if streams.CheckPath(dir) != nil {
				return // no path begins like that
			}
		}
		d.list(ctx, dir, prefix, yield)
	}
}

// list yields the files below dir whose path begins with prefix. It returns false if there shall be no more.
func (d *Dir) list(ctx context.Context, dir, prefix string, yield func(string, error) bool) bool {
	if err := ctx.Err(); err != nil {
		yield("", err)
		return false
	}
	entries, err := d.entries(dir)
	if err != nil {
		yield("", err)
		return false
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		switch {
		case e.IsDir():
			below := name + "/"
			if (strings.HasPrefix(below, prefix) || strings.HasPrefix(prefix, below)) && name != asidePath &&
				!d.list(ctx, name, prefix, yield) {
				return false
			}
		case strings.HasPrefix(name, prefix) && checkOurs(name) == nil && d.isFile(name, e):
			if !yield(name, nil) {
				return false
			}
		}
	}
	return true
}

// entries returns the entries of a directory in the order that the paths below them have. If an exchange of directories came
// between, they may be those that are left of the old one: then they are read again.
func (d *Dir) entries(dir string) ([]fs.DirEntry, error) {
	for {
		before := d.exchanges.Load()
		entries, err := d.readDir(dir)
		if d.exchanges.Load() == before {
			return entries, err
		}
	}
}

func (d *Dir) readDir(dir string) ([]fs.DirEntry, error) {
	f, err := d.root.Open(dir)
	if isAbsent(err) {
		return nil, nil
	}
	if err != nil {
		return nil, d.failed("list", dir, err)
	}
	defer f.Close()
	entries, err := f.ReadDir(-1)
	if isAbsent(err) { // it is a file
		return nil, nil
	}
	if err != nil {
		return nil, d.failed("list", dir, err)
	}
	key := func(e fs.DirEntry) string {
		if e.IsDir() {
			return e.Name() + "/" // as it stands in a path: "a.b" comes before "a/b"
		}
		return e.Name()
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(key(a), key(b)) })
	return entries, nil
}

// isFile tells whether an entry is a file or a link to one.
func (d *Dir) isFile(name string, e fs.DirEntry) bool {
	if e.Type()&os.ModeSymlink == 0 {
		return e.Type().IsRegular()
	}
	info, err := walk(d, func() (fs.FileInfo, error) { return d.root.Stat(name) })
	return err == nil && info.Mode().IsRegular()
}
