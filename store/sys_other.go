//go:build !linux

package store

import (
	"errors"
	"io/fs"
	"os"
)

// What these do on Linux is an optimisation, or reported as missing.

func linkCount(fs.FileInfo) uint64            { return 1 }
func device(fs.FileInfo) uint64               { return 0 }
func syncFilesystem(*os.File) error           { return errors.ErrUnsupported }
func startWriteback(f *os.File, off, n int64) {}

func leaveMemory(f *os.File, off, n int64) error { return nil }

func cloneFile(dst, src *os.File) error                        { return errors.ErrUnsupported }
func linkFile(src, dir *os.File, name string) error            { return errors.ErrUnsupported }
func sameOwnerAndMode(a, b fs.FileInfo) bool                   { return false }
func exchangeNames(*os.File, string, *os.File, string) error   { return errors.ErrUnsupported }
func isExchangeUnsupported(err error) bool                     { return errors.Is(err, errors.ErrUnsupported) }
func copyAttributes(to, from *os.File, info fs.FileInfo) error { return to.Chmod(info.Mode()) }

func createUnnamed(*folder) (*os.File, error) { return nil, errors.ErrUnsupported }
func heedsUmask(*os.File) bool                { return false }
func syncsUnnamed(*os.File) bool              { return false }
func mostOpen() int                           { return 0 }

func (d *Dir) statFile(path string) (Info, error) { return d.statInRoot(path) }

func createFile(dir *folder, name string) (*os.File, error) {
	return dir.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
}

func renameFile(dir *folder, from, to string) error { return dir.Rename(from, to) }
