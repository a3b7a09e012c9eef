package store

import (
	"io/fs"
	"time"

	"golang.org/x/sys/unix"
)

// statFile looks at a regular file in three system calls, and in one if nothing is there, where os.Root takes three for
// every directory on the way: a run asks for every file that it holds or is to hold. Anything else, kernels before 5.6 as
// well, is left to os.Root.
func (d *Dir) statFile(path string) (info Info, err error) {
	conn, err := d.top.SyscallConn()
	if err != nil {
		return Info{}, err
	}
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_MAGICLINKS}
	found := false
	var opening error
	err = conn.Control(func(top uintptr) {
		var file int
		if file, opening = unix.Openat2(int(top), path, &how); opening != nil {
			return
		}
		defer unix.Close(file)
		var s unix.Stat_t
		if unix.Fstat(file, &s) == nil && s.Mode&unix.S_IFMT == unix.S_IFREG {
			info, found = Info{Size: s.Size, Modified: time.Unix(s.Mtim.Unix())}, true
		}
	})
	switch {
	case found:
		return info, nil
	case err != nil:
		return Info{}, err
	case opening == unix.ENOENT, opening == unix.ENOTDIR:
		return Info{}, fs.ErrNotExist
	}
	return d.statInRoot(path)
}
