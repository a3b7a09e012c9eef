package maintain

import (
	"encoding/binary"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

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

var direntBuffers = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// readDir reads a directory in byte order.
func readDir(path string) ([]fs.DirEntry, error) {
	fail := func(op string, err error) ([]fs.DirEntry, error) {
		return nil, &os.PathError{Op: op, Path: path, Err: err}
	}
	dir, err := retry(func() (int, error) { return unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0) })
	if err != nil {
		return fail("open", err)
	}
	defer unix.Close(dir)
	buf := direntBuffers.Get().(*[32 << 10]byte)
	defer direntBuffers.Put(buf)
	var list []diskEntry
	for {
		n, err := retry(func() (int, error) { return unix.Getdents(dir, buf[:]) })
		if err != nil {
			return fail("readdirent", err)
		}
		if n <= 0 {
			break
		}
		list = appendEntries(list, dir, buf[:n])
	}
	slices.SortFunc(list, func(a, b diskEntry) int { return strings.Compare(a.name, b.name) })
	entries := make([]fs.DirEntry, len(list))
	for i := range list {
		entries[i] = &list[i]
	}
	return entries, nil
}

// appendEntries adds what one call of getdents has told of dir: records of which each has its length at 16, its type at
// 18 and its name, ended by a zero, at 19.
func appendEntries(list []diskEntry, dir int, buf []byte) []diskEntry {
	const lengthAt, typeAt, nameAt = 16, 18, 19
	for len(buf) > nameAt {
		record := buf[:binary.NativeEndian.Uint16(buf[lengthAt:])]
		buf = buf[len(record):]
		name := unix.ByteSliceToString(record[nameAt:])
		if name == "." || name == ".." {
			continue
		}
		e := diskEntry{name: name, kind: fs.ModeDir}
		if record[typeAt] != unix.DT_DIR {
			e.stat(dir)
		}
		list = append(list, e)
	}
	return list
}

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
