package store

import (
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// createFile makes the file of that name, which is not a path, in dir. [os.Root] would make five calls more to find out
// whether it can be polled, and this is done for every file that is written.
func createFile(dir *folder, name string) (*os.File, error) {
	return openIn(dir, name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC)
}

// renameFile renames a file in dir. [os.Root] would look first whether a directory is in the way, which the kernel does.
func renameFile(dir *folder, from, to string) error {
	conn, err := dir.top.SyscallConn()
	if err != nil {
		return err
	}
	renaming := conn.Control(func(top uintptr) {
		for err = unix.EINTR; err == unix.EINTR; {
			err = unix.Renameat(int(top), from, int(top), to)
		}
	})
	return errors.Join(renaming, err)
}

// createUnnamed makes a file without a name in dir. The error wraps [errors.ErrUnsupported] if the filesystem or the
// kernel know no such files.
func createUnnamed(dir *folder) (*os.File, error) {
	f, err := openIn(dir, ".", unix.O_RDWR|unix.O_TMPFILE|unix.O_CLOEXEC)
	if errors.Is(err, unix.EISDIR) || errors.Is(err, unix.EINVAL) {
		err = errors.ErrUnsupported
	}
	return f, err
}

func openIn(dir *folder, name string, flags int) (f *os.File, err error) {
	conn, err := dir.top.SyscallConn()
	if err != nil {
		return nil, err
	}
	opening := conn.Control(func(top uintptr) {
		fd := -1
		for err = unix.EINTR; err == unix.EINTR; {
			fd, err = unix.Openat(int(top), name, flags, 0o666)
		}
		if err == nil {
			f = os.NewFile(uintptr(fd), name)
		}
	})
	return f, errors.Join(opening, err)
}

// linkCount returns how many names a file has.
func linkCount(info fs.FileInfo) uint64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(s.Nlink)
	}
	return 1
}

// device identifies the filesystem that a file is on.
func device(info fs.FileInfo) uint64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(s.Dev)
	}
	return 0
}

// syncFilesystem makes the whole filesystem of f durable.
func syncFilesystem(f *os.File) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	syncing := conn.Control(func(fd uintptr) { err = unix.Syncfs(int(fd)) })
	return errors.Join(syncing, err)
}

// startWriteback has the kernel write a part of f to the disk, and does not wait.
func startWriteback(f *os.File, off, n int64) {
	_ = unix.SyncFileRange(int(f.Fd()), off, n, unix.SYNC_FILE_RANGE_WRITE) // a hint
}

// leaveMemory waits until a part of f is on the disk, and then lets go of the memory that it takes. An error is one of the disk,
// and may not be told again.
func leaveMemory(f *os.File, off, n int64) error {
	fd := int(f.Fd())
	var s unix.Statfs_t
	err := unix.Fstatfs(fd, &s)
	switch {
	case err != nil:
	case s.Type == unix.OVERLAYFS_SUPER_MAGIC: // where a range is nothing: what is written belongs to a file below
		err = unix.Fdatasync(fd)
	default:
		err = unix.SyncFileRange(fd, off, n, unix.SYNC_FILE_RANGE_WAIT_BEFORE|unix.SYNC_FILE_RANGE_WRITE|unix.SYNC_FILE_RANGE_WAIT_AFTER)
	}
	switch err {
	case nil:
		_ = unix.Fadvise(fd, off, n, unix.FADV_DONTNEED) // a hint
	case unix.ENOSYS, unix.EINVAL, unix.EOPNOTSUPP, unix.EINTR: // later, then
		return nil
	}
	return err
}

// cloneFile makes dst share the blocks of src.
func cloneFile(dst, src *os.File) error { return unix.IoctlFileClone(int(dst.Fd()), int(src.Fd())) }

// linkFile gives src a name, or one more, in dir. Kernels before 6.10 ask for a capability to do so without /proc.
func linkFile(src, dir *os.File, name string) error {
	fd, to := int(src.Fd()), int(dir.Fd())
	err := unix.Linkat(fd, "", to, name, unix.AT_EMPTY_PATH)
	if err == unix.ENOENT {
		err = unix.Linkat(unix.AT_FDCWD, "/proc/self/fd/"+strconv.Itoa(fd), to, name, unix.AT_SYMLINK_FOLLOW)
	}
	return err
}

// mostOpen returns how many files this process may have open.
func mostOpen() int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	return int(min(limit.Cur, 1<<20))
}

// syncsUnnamed tells whether what is in a file without a name can be made durable before it is named, and named without
// a sync for each: on btrfs it is not durable by fsync alone, and ZFS writes a transaction for each name.
func syncsUnnamed(f *os.File) bool {
	const zfs = 0x2fc12fc1
	var s unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &s); err != nil {
		return false
	}
	return uint32(s.Type) != unix.BTRFS_SUPER_MAGIC && uint32(s.Type) != zfs
}

// heedsUmask tells whether a new file has none of the permissions that this process takes from new files.
func heedsUmask(f *os.File) bool {
	info, err := f.Stat()
	if err != nil {
		return false
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return false
	}
	_, text, _ := strings.Cut(string(status), "\nUmask:")
	text, _, _ = strings.Cut(text, "\n")
	mask, err := strconv.ParseUint(strings.TrimSpace(text), 8, 32)
	return err == nil && uint64(info.Mode().Perm())&mask == 0
}

// sameOwnerAndMode tells whether two files are read by the same people.
func sameOwnerAndMode(a, b fs.FileInfo) bool {
	x, ok := a.Sys().(*syscall.Stat_t)
	y, ok2 := b.Sys().(*syscall.Stat_t)
	return ok && ok2 && x.Uid == y.Uid && x.Gid == y.Gid && x.Mode == y.Mode
}

// exchangeNames exchanges what two names stand for, in one step.
func exchangeNames(dirA *os.File, a string, dirB *os.File, b string) error {
	return unix.Renameat2(int(dirA.Fd()), a, int(dirB.Fd()), b, unix.RENAME_EXCHANGE)
}

// isExchangeUnsupported tells whether a directory could not be rebuilt and exchanged because of where it is: on a
// filesystem without hard links or exchange, on several filesystems, or among files that we may not link to or directories
// that we may not make alike.
func isExchangeUnsupported(err error) bool {
	for _, e := range []error{errors.ErrUnsupported, unix.EXDEV, unix.EINVAL, unix.EPERM, unix.EACCES, unix.EMLINK, unix.EBUSY} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// copyAttributes gives the directory to the owner, extended attributes (access lists, labels) and mode of from.
func copyAttributes(to, from *os.File, info fs.FileInfo) error {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		made, err := to.Stat()
		if err != nil {
			return err
		}
		if !sameOwnerAndMode(made, info) {
			if err := to.Chown(int(s.Uid), int(s.Gid)); err != nil {
				return err
			}
		}
	}
	if err := to.Chmod(info.Mode()); err != nil {
		return err
	}
	return copyXattrs(int(to.Fd()), int(from.Fd()))
}

func copyXattrs(to, from int) error {
	names := make([]byte, 64<<10) // the kernel's limit, as below
	n, err := unix.Flistxattr(from, names)
	if err == unix.EOPNOTSUPP || n == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	value := make([]byte, 64<<10)
	for name := range strings.SplitSeq(strings.TrimSuffix(string(names[:n]), "\x00"), "\x00") {
		size, err := unix.Fgetxattr(from, name, value)
		if err != nil {
			return err
		}
		if err := unix.Fsetxattr(to, name, value[:size], 0); err != nil {
			return err
		}
	}
	return nil
}
