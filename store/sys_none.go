//go:build !(darwin || dragonfly || freebsd || linux)

package store

import (
	"errors"
	"os"
)

func lockFile(*os.File) error           { return errors.ErrUnsupported }
func unlockFile(*os.File)               {}
func freeBytes(*os.File) (int64, error) { return 0, errors.ErrUnsupported }
