package maintain

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Watch calls build once, and then each time that something has changed in the streams' directories and nothing has for
// as long as settle. It returns nil when ctx is done, after a build that is going on has ended, and the error of build
// if it returns one.
func Watch(ctx context.Context, root string, streams []string, settle time.Duration, build func(context.Context) error) (err error) {
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, notify.Close()) }()
	w := &watcher{notify: notify, root: root, streams: streams}
	if err := w.add(root); err != nil {
		return err
	}
	settled := time.NewTimer(0)
	defer settled.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case e := <-notify.Events:
			if !w.concerns(e.Name) {
				continue
			}
			if e.Has(fsnotify.Create) {
				if err := w.add(e.Name); err != nil {
					return err
				}
			}
			settled.Reset(settle)
		case err := <-notify.Errors:
			if !errors.Is(err, fsnotify.ErrEventOverflow) {
				return err
			}
			if err := w.add(root); err != nil {
				return err
			}
			settled.Reset(settle)
		case <-settled.C:
			if err := build(ctx); err != nil && ctx.Err() == nil {
				return err
			}
		}
	}
}

type watcher struct {
	notify  *fsnotify.Watcher
	root    string
	streams []string
}

// versionDepth is how deep below the root versions lie: stream, distro, release, arch, variant, version.
const versionDepth = 6

// parts returns the names that lead from the root to a path.
func (w *watcher) parts(name string) []string {
	below, err := filepath.Rel(w.root, name)
	if err != nil || below == "." {
		return nil
	}
	return strings.Split(filepath.ToSlash(below), "/")
}

// concerns tells whether a change at a path can change a stream: what is hidden cannot, and becomes visible by another.
func (w *watcher) concerns(name string) bool {
	parts := w.parts(name)
	if len(parts) == 0 || len(parts) > versionDepth+1 {
		return false
	}
	for _, stream := range w.streams {
		if parts[0] == filepath.Clean(stream) {
			last := parts[min(len(parts), versionDepth)-1]
			return !strings.HasPrefix(last, ".") && !strings.HasPrefix(parts[len(parts)-1], ".")
		}
	}
	return false
}

// add watches a directory and those below it, as far as versions. What is gone again by then is no fault.
func (w *watcher) add(top string) error {
	return filepath.WalkDir(top, func(at string, e fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist) && at != w.root:
			return nil
		case err != nil:
			return err
		case !e.IsDir():
			return nil
		case at != w.root && !w.concerns(at) || len(w.parts(at)) > versionDepth:
			return fs.SkipDir
		}
		if err := w.notify.Add(at); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	})
}
