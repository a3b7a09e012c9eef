package maintain

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"syscall"
)

// disk is what is below a directory.
type disk struct {
	dirFS
	root string
}

type dirFS interface {
	fs.StatFS
	fs.ReadLinkFS
}

func openDisk(root string) disk { return disk{os.DirFS(root).(dirFS), root} }

var errIrregular = errors.New("it is not a regular file")

// Open refuses what [openPath] refuses.
func (d disk) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	f, err := openPath(filepath.Join(d.root, filepath.FromSlash(name)))
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: bare(err)}
	}
	return f, nil
}

// openPath opens a file or a directory. It refuses all else: a fifo would keep it waiting, a device never end.
func openPath(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.IsDir() && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: path, Err: errIrregular}
	}
	if err != nil {
		_ = f.Close() // nothing was read
		return nil, err
	}
	return f, nil
}

// readPath returns what is in the file of that path.
func readPath(path string) ([]byte, error) {
	f, err := openPath(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// follow returns where a path leads to through all links, as a path below dir; "" if that is elsewhere.
func (d disk) follow(name, dir string) string {
	var real [2]string
	for i, at := range []string{name, dir} {
		at, err := filepath.Abs(filepath.Join(d.root, filepath.FromSlash(at)))
		if err == nil {
			real[i], err = filepath.EvalSymlinks(at)
		}
		if err != nil {
			return ""
		}
	}
	below, err := filepath.Rel(real[1], real[0])
	if err != nil || !filepath.IsLocal(below) {
		return ""
	}
	return path.Join(dir, filepath.ToSlash(below))
}

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
