//go:build darwin || dragonfly || freebsd || linux

package store

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// lockFile takes the lock of f for this descriptor, until it is closed. It does not wait: the error is errLocked.
func lockFile(f *os.File) error {
	conn, err := f.SyscallConn() // Fd would make two calls more, and this is done for every file that is written
	if err != nil {
		return err
	}
	locking := conn.Control(func(fd uintptr) { err = unix.Flock(int(fd), unix.LOCK_EX|unix.LOCK_NB) })
	if err == unix.EWOULDBLOCK {
		return errLocked
	}
	return errors.Join(locking, err)
}

// unlockFile gives the lock of f free, whoever else has it open.
func unlockFile(f *os.File) {
	if conn, err := f.SyscallConn(); err == nil {
		_ = conn.Control(func(fd uintptr) { _ = unix.Flock(int(fd), unix.LOCK_UN) })
	}
}

// freeBytes returns the space left for us on the filesystem of f.
func freeBytes(f *os.File) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &s); err != nil {
		return 0, err
	}
	return int64(s.Bavail) * int64(s.Bsize), nil // of 32 bits on some machines
}
