package store

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// statFile looks at a regular file in few system calls, where os.Root takes three for every directory on the way: a run
// asks for every file that it holds or is to hold. Anything else, kernels before 5.6 as well, is left to os.Root.
func (d *Dir) statFile(name string) (info Info, err error) {
	found := false
	if d.alone.Load() {
		info, found, err = d.statNear(name)
	}
	if !found && err == nil {
		info, found, err = d.statBeneath(name)
	}
	if !found && err == nil {
		return d.statInRoot(name)
	}
	return info, err
}

// statNear takes one system call if the file asked for before is in the same directory, and none while we know that nothing
// is there. Of a directory that a stranger makes again meanwhile it knows the old one: what is in the new one is not there, so it
// is read once more. What is no regular file is not found.
func (d *Dir) statNear(name string) (info Info, found bool, err error) {
	parent, base := ".", name // of a checked path, as package path would have it
	if at := strings.LastIndexByte(name, '/'); at >= 0 {
		parent, base = name[:at], name[at+1:]
	}
	dir, err := d.folders.look(parent, d.openBeneath)
	if isAbsent(err) {
		return Info{}, false, fs.ErrNotExist
	}
	if err != nil {
		return Info{}, false, nil
	}
	defer d.folders.leave(dir)
	d.folders.keep(dir)
	if dir.empty.Load() {
		return Info{}, false, fs.ErrNotExist
	}
	var s unix.Stat_t
	if err := unix.Fstatat(int(dir.top.Fd()), base, &s, unix.AT_SYMLINK_NOFOLLOW); err == unix.ENOENT {
		return Info{}, false, fs.ErrNotExist
	} else if err != nil {
		return Info{}, false, nil
	}
	info, found = regular(&s)
	return info, found, nil
}

// openBeneath opens a directory that can only be looked into.
func (d *Dir) openBeneath(name string) (*os.File, error) {
	fd, err := d.locate(name, unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

// statBeneath takes three system calls, and one if nothing is there. What is no regular file is not found.
func (d *Dir) statBeneath(name string) (info Info, found bool, err error) {
	fd, err := d.locate(name, 0)
	if isAbsent(err) {
		return Info{}, false, fs.ErrNotExist
	}
	if err != nil {
		return Info{}, false, nil
	}
	defer unix.Close(fd)
	var s unix.Stat_t
	if unix.Fstat(fd, &s) != nil {
		return Info{}, false, nil
	}
	info, found = regular(&s)
	return info, found, nil
}

// locate finds what is at a path, through symbolic links that stay inside.
func (d *Dir) locate(name string, flags uint64) (fd int, err error) {
	conn, err := d.top.SyscallConn()
	if err != nil {
		return -1, err
	}
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC | flags, Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_MAGICLINKS}
	opening := conn.Control(func(top uintptr) { fd, err = unix.Openat2(int(top), name, &how) })
	return fd, errors.Join(opening, err)
}

// regular returns what a store tells of a file, and whether it is a regular one.
func regular(s *unix.Stat_t) (Info, bool) {
	return Info{Size: s.Size, Modified: time.Unix(s.Mtim.Unix())}, s.Mode&unix.S_IFMT == unix.S_IFREG
}
