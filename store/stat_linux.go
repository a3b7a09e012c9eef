package store

import (
	"io/fs"
	"path"
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

// statNear takes one system call if the file asked for before is in the same directory. Below a directory that has been
// made again since then nothing is found, nor is what is no regular file.
func (d *Dir) statNear(name string) (info Info, found bool, err error) {
	dir, err := d.folders.enter(d.root, path.Dir(name))
	if isAbsent(err) {
		return Info{}, false, fs.ErrNotExist
	}
	if err != nil {
		return Info{}, false, nil
	}
	defer d.folders.leave(dir)
	d.folders.keep(dir)
	var s unix.Stat_t
	if unix.Fstatat(int(dir.top.Fd()), path.Base(name), &s, unix.AT_SYMLINK_NOFOLLOW) != nil {
		return Info{}, false, nil
	}
	info, found = regular(&s)
	return info, found, nil
}

// statBeneath takes three system calls, and one if nothing is there. What is no regular file is not found.
func (d *Dir) statBeneath(name string) (info Info, found bool, err error) {
	conn, err := d.top.SyscallConn()
	if err != nil {
		return Info{}, false, err
	}
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_MAGICLINKS}
	var opening error
	err = conn.Control(func(top uintptr) {
		var file int
		if file, opening = unix.Openat2(int(top), name, &how); opening != nil {
			return
		}
		defer unix.Close(file)
		var s unix.Stat_t
		if unix.Fstat(file, &s) == nil {
			info, found = regular(&s)
		}
	})
	if err == nil && (opening == unix.ENOENT || opening == unix.ENOTDIR) {
		err = fs.ErrNotExist
	}
	return info, found, err
}

// regular returns what a store tells of a file, and whether it is a regular one.
func regular(s *unix.Stat_t) (Info, bool) {
	return Info{Size: s.Size, Modified: time.Unix(s.Mtim.Unix())}, s.Mode&unix.S_IFMT == unix.S_IFREG
}
