package maintain

import (
	"io/fs"
	"os"
	"path"
)

// disk is what is below a directory.
type disk struct {
	dirFS
	root string
}

type dirFS interface {
	fs.StatFS
	fs.ReadFileFS
	fs.ReadLinkFS
}

func openDisk(root string) disk { return disk{os.DirFS(root).(dirFS), root} }

// opener opens a directory that is in it.
type opener interface {
	open(name string) (folder, error)
}

// folder is a directory that a scan has open. What it lists holds until it is closed.
type folder interface {
	opener
	list() ([]fs.DirEntry, error) // in byte order
	close()
}

// top opens the directories at the top of a file system. On disk a scan wants the size and the time of nearly every file
// that it finds, and asks from the directory that it has open: that is a good deal cheaper than by path.
type top struct{ fsys fs.FS }

func (t top) open(name string) (folder, error) {
	if d, ok := t.fsys.(disk); ok {
		return d.folder(name)
	}
	return pathFolder{t.fsys, name}, nil
}

// pathFolder is a directory of any file system.
type pathFolder struct {
	fsys fs.FS
	path string
}

func (f pathFolder) list() ([]fs.DirEntry, error) { return fs.ReadDir(f.fsys, f.path) }
func (f pathFolder) open(name string) (folder, error) {
	return pathFolder{f.fsys, path.Join(f.path, name)}, nil
}
func (f pathFolder) close() {}
