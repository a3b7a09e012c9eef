package maintain

import (
	"io/fs"
	"os"
	"path/filepath"
)

// disk is what is below a directory. A scan wants the size and the time of nearly every file that it finds; ReadDir asks
// for them while it has the directory open, which is a good deal cheaper than by path.
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

// ReadDir implements [fs.ReadDirFS]. What could not be asked about says so when it is.
func (d disk) ReadDir(name string) ([]fs.DirEntry, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrInvalid}
	}
	return readDir(filepath.Join(d.root, filepath.FromSlash(name)))
}
