package store

import (
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"
)

// folder is a directory that is open. Opening it takes a system call for each directory on the way.
type folder struct {
	*os.Root
	top   *os.File // the same directory
	name  string
	users int
	fresh atomic.Bool // nothing was in it when it was opened, and no drafts were made in it since
}

// folders are the directories that are open. Who writes into the same directory or looks at it shares it, and the last
// one stays open: the next file is most often a neighbour.
type folders struct {
	mu   sync.Mutex
	open map[string]*folder
	kept *folder // nil: none
}

// enter opens the directory named name, if it is there. Whoever enters it leaves it.
func (x *folders) enter(root *os.Root, name string) (*folder, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.kept != nil && x.kept.name == name {
		x.kept.users++
		return x.kept, nil
	}
	if f, ok := x.open[name]; ok {
		f.users++
		return f, nil
	}
	dir, err := root.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	top, err := dir.Open(".")
	if err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	if x.open == nil {
		x.open = make(map[string]*folder)
	}
	f := &folder{Root: dir, top: top, name: name, users: 1}
	_, err = top.Readdirnames(1)
	f.fresh.Store(err == io.EOF)
	x.open[name] = f
	return f, nil
}

func (x *folders) leave(f *folder) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.drop(f)
}

// keep leaves f open for who comes next, and the one that was kept before no longer. Without f none is kept, and one that
// has been forgotten is not.
func (x *folders) keep(f *folder) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if f == x.kept || f != nil && x.open[f.name] != f {
		return
	}
	if f != nil {
		f.users++
	}
	if x.kept != nil {
		x.drop(x.kept)
	}
	x.kept = f
}

// forget has the next to enter open the directory anew: f has been removed.
func (x *folders) forget(f *folder) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.open[f.name] == f {
		delete(x.open, f.name)
	}
	if x.kept == f {
		x.kept = nil
		x.drop(f)
	}
}

// forgetAll is forget for every directory: some of them are others now.
func (x *folders) forgetAll() {
	x.mu.Lock()
	defer x.mu.Unlock()
	clear(x.open)
	if f := x.kept; f != nil {
		x.kept = nil
		x.drop(f)
	}
}

// drop is leave, for who holds the lock.
func (x *folders) drop(f *folder) {
	if f.users--; f.users > 0 {
		return
	}
	if x.open[f.name] == f {
		delete(x.open, f.name)
	}
	f.top.Close()
	f.Close()
}
