package maintain

import (
	"encoding/binary"
	"io/fs"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// folder opens a directory. What could not be asked about its entries says so when it is.
func (d disk) folder(name string) (folder, error) {
	w := &walk{names: make(map[string]string)}
	return w.open(unix.AT_FDCWD, filepath.Join(d.root, filepath.FromSlash(name)))
}

// walk is what the folders of one scan share, of which only one is read at a time.
type walk struct {
	buf    [32 << 10]byte
	names  map[string]string // those met so far: most come again and again
	closed []*diskFolder     // to be used again
}

func (w *walk) open(parent int, name string) (folder, error) {
	fd, err := retry(func() (int, error) {
		return unix.Openat(parent, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	})
	if err != nil {
		return nil, err
	}
	f := &diskFolder{walk: w}
	if last := len(w.closed) - 1; last >= 0 {
		f, w.closed = w.closed[last], w.closed[:last]
	}
	f.fd = fd
	return f, nil
}

// name returns a name as a string.
func (w *walk) name(b []byte) string {
	name, met := w.names[string(b)]
	if !met {
		name = string(b)
		w.names[name] = name
	}
	return name
}

// diskFolder is an open directory on disk.
type diskFolder struct {
	walk    *walk
	fd      int
	found   []diskEntry
	entries []fs.DirEntry
}

func (f *diskFolder) open(name string) (folder, error) { return f.walk.open(f.fd, name) }

func (f *diskFolder) close() {
	_ = unix.Close(f.fd) // nothing was written
	f.walk.closed = append(f.walk.closed, f)
}

func (f *diskFolder) list() ([]fs.DirEntry, error) {
	f.found, f.entries = f.found[:0], f.entries[:0]
	for more := true; more; {
		n, err := retry(func() (int, error) { return unix.Getdents(f.fd, f.walk.buf[:]) })
		if err != nil {
			return nil, err
		}
		more = f.add(f.walk.buf[:max(n, 0)])
	}
	slices.SortFunc(f.found, func(a, b diskEntry) int { return strings.Compare(a.name, b.name) })
	for i := range f.found {
		f.entries = append(f.entries, &f.found[i])
	}
	return f.entries, nil
}

// add takes what one call of getdents has told: records of which each has at 8 where the next one is, its length at 16,
// its type at 18 and its name, ended by a zero, at 19. It tells whether there may be more; most file systems say of the
// last one that nothing can come after it, which saves asking.
func (f *diskFolder) add(buf []byte) (more bool) {
	const nextAt, lengthAt, typeAt, nameAt = 8, 16, 18, 19
	for len(buf) > nameAt {
		more = binary.NativeEndian.Uint64(buf[nextAt:]) != math.MaxInt64
		record := buf[:binary.NativeEndian.Uint16(buf[lengthAt:])]
		buf = buf[len(record):]
		name := record[nameAt:]
		if end := slices.Index(name, 0); end >= 0 {
			name = name[:end]
		}
		if string(name) == "." || string(name) == ".." {
			continue
		}
		e := diskEntry{name: f.walk.name(name), kind: fs.ModeDir}
		if record[typeAt] != unix.DT_DIR {
			e.stat(f.fd)
		}
		f.found = append(f.found, e)
	}
	return more
}

// diskEntry is an entry of a directory; of one that is no directory it is known what [fs.FileInfo] tells, but for the
// permissions.
type diskEntry struct {
	name string
	kind fs.FileMode // type bits
	size int64
	time time.Time
	err  error
}

func (e *diskEntry) Name() string               { return e.name }
func (e *diskEntry) IsDir() bool                { return e.kind.IsDir() }
func (e *diskEntry) Type() fs.FileMode          { return e.kind }
func (e *diskEntry) Info() (fs.FileInfo, error) { return e, e.err }
func (e *diskEntry) Mode() fs.FileMode          { return e.kind }
func (e *diskEntry) Size() int64                { return e.size }
func (e *diskEntry) ModTime() time.Time         { return e.time }
func (e *diskEntry) Sys() any                   { return nil }

// stat asks for what is known of the entry itself, not of what it may lead to.
func (e *diskEntry) stat(dir int) {
	var s unix.Stat_t
	_, err := retry(func() (int, error) { return 0, unix.Fstatat(dir, e.name, &s, unix.AT_SYMLINK_NOFOLLOW) })
	if err != nil {
		e.kind, e.err = fs.ModeIrregular, err
		return
	}
	e.size, e.time = s.Size, time.Unix(s.Mtim.Unix())
	switch s.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		e.kind = 0
	case unix.S_IFDIR:
		e.kind = fs.ModeDir
	case unix.S_IFLNK:
		e.kind = fs.ModeSymlink
	default:
		e.kind = fs.ModeIrregular
	}
}

// retry calls again what a signal has interrupted.
func retry(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if err != unix.EINTR {
			return n, err
		}
	}
}
