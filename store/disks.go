package store

import (
	"os"
	"sync"
)

// disks are the filesystems that a directory spreads over, each with a handle that was opened before anything was written to
// it. That a write has failed the kernel tells everybody once who had something open there at the time: through these handles
// nothing is missed, not even what it has told another program as well.
type disks struct {
	mu      sync.Mutex
	handles map[uint64]*os.File // by device
}

// note opens the handle of the filesystem that dir is on, unless there is one.
func (x *disks) note(dir *os.Root) error {
	info, err := dir.Stat(".")
	if err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.handles[device(info)] != nil {
		return nil
	}
	f, err := dir.Open(".")
	if err != nil {
		return err
	}
	if x.handles == nil {
		x.handles = make(map[uint64]*os.File)
	}
	x.handles[device(info)] = f
	return nil
}

// sync makes the whole filesystem of f durable, unless it is among those that are synced.
func (x *disks) sync(f *os.File, synced map[uint64]bool) error {
	info, err := f.Stat()
	if err != nil || synced[device(info)] {
		return err
	}
	x.mu.Lock()
	handle := x.handles[device(info)]
	x.mu.Unlock()
	if handle == nil { // nothing was written there by us, only removed
		handle = f
	}
	err = syncFilesystem(handle)
	synced[device(info)] = err == nil
	return err
}

func (x *disks) close() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, f := range x.handles {
		f.Close()
	}
	clear(x.handles)
}
