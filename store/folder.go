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
	*os.Root          // nil if it is only looked into
	top      *os.File // the same directory
	name     string
	users    int
	empty    atomic.Bool // nothing was in it when it was opened, and nothing was made in it since
	noDrafts atomic.Bool // likewise, but for files that were whole before they had a name
}

// createDraft makes a draft of that name.
func (f *folder) createDraft(name string) (*os.File, error) {
	f.empty.Store(false)
	f.noDrafts.Store(false)
	return createFile(f, name)
}

// link gives a file that is whole a name which nothing has.
func (f *folder) link(file *os.File, name string) error {
	f.empty.Store(false)
	return linkFile(file, f.top, name)
}

// folders are the directories that are open. Those who write into the same directory or look into it share it, and the last
// one stays open: the next file is most often a neighbour.
type folders struct {
	mu    sync.Mutex
	open  map[string]*folder
	kept  *folder // nil: none
	disks disks   // that they are on
}

// enter opens the directory named name for a writer, if it is there. Whoever enters it leaves it.
func (x *folders) enter(root *os.Root, name string) (*folder, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if f, ok := x.open[name]; ok && f.Root != nil {
		f.users++
		return f, nil
	}
	dir, err := root.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	if err := x.disks.note(dir); err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	top, err := dir.Open(".")
	if err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	f := &folder{Root: dir, top: top}
	_, err = top.Readdirnames(1)
	f.empty.Store(err == io.EOF)
	f.noDrafts.Store(err == io.EOF)
	return x.opened(name, f), nil
}

// look is enter for who does not write, with an own way to open the directory.
func (x *folders) look(name string, open func(name string) (*os.File, error)) (*folder, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if f, ok := x.open[name]; ok {
		f.users++
		return f, nil
	}
	top, err := open(name)
	if err != nil {
		return nil, err
	}
	return x.opened(name, &folder{top: top}), nil
}

// opened notes that f is the directory of that name, for who holds the lock and enters it.
func (x *folders) opened(name string, f *folder) *folder {
	if x.open == nil {
		x.open = make(map[string]*folder)
	}
	f.name, f.users = name, 1
	x.open[name] = f
	return f
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

// forgetAll is forget for every directory: some of them may be others now.
func (x *folders) forgetAll() { _ = x.exchange(func() error { return nil }) }

// exchange has some directories become others. Whoever enters one waits for that, and enters no old one afterwards.
func (x *folders) exchange(swap func() error) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	err := swap()
	clear(x.open)
	if f := x.kept; f != nil {
		x.kept = nil
		x.drop(f)
	}
	return err
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
	if f.Root != nil {
		f.Close()
	}
}
