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

// entries returns the entries of a directory in the order that the paths below them have.
func (d *Dir) entries(dir string) ([]fs.DirEntry, error) {
	entries, err := walk(d, func() (entries []fs.DirEntry, err error) {
		for current, tries := false, 0; !current && err == nil && tries < 3; tries++ {
			entries, current, err = d.readDir(dir)
		}
		return entries, err
	})
	if isAbsent(err) { // or it is a file
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

// readDir reads a directory, and tells whether it is still the one of that name: one that was exchanged for another may have
// lost entries while it was read.
func (d *Dir) readDir(dir string) (entries []fs.DirEntry, current bool, err error) {
	f, err := d.root.Open(dir)
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	if entries, err = f.ReadDir(-1); err != nil {
		return nil, false, err
	}
	read, err := f.Stat()
	if err != nil {
		return nil, false, err
	}
	there, err := d.root.Stat(dir)
	return entries, err == nil && os.SameFile(read, there), err
}

// isFile tells whether an entry is a file or a link to one.
func (d *Dir) isFile(name string, e fs.DirEntry) bool {
	if e.Type()&os.ModeSymlink == 0 {
		return e.Type().IsRegular()
	}
	info, err := walk(d, func() (fs.FileInfo, error) { return d.root.Stat(name) })
	return err == nil && info.Mode().IsRegular()
}
