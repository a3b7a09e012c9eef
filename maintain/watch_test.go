package maintain

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestWatch(t *testing.T) {
	r := newTestRoot(t)
	ctx, cancel := context.WithCancel(t.Context())
	builds, ended := make(chan string), make(chan error)
	go func() {
		ended <- Watch(ctx, r.dir, []string{"images"}, 20*time.Millisecond, func(ctx context.Context) error {
			if _, err := Build(ctx, r.dir, Options{Publish: r.publish}); err != nil {
				builds <- "nothing"
			} else {
				builds <- r.listing()
			}
			return nil
		})
	}()
	// wait drains builds until one lists what it should: events of one change may come in more than one portion.
	wait := func(want string) {
		t.Helper()
		limit := time.After(2 * time.Minute)
		for {
			select {
			case got := <-builds:
				if got == want {
					return
				}
			case <-limit:
				t.Fatalf("nobody built %q", want)
			}
		}
	}
	const items = ": incus.tar.xz lxd.tar.xz rootfs.squashfs"
	wait("nothing")
	r.version(product0+".20240101", "lxd.tar.xz", "rootfs.squashfs")
	if err := os.Rename(filepath.Join(r.dir, product0+".20240101"), filepath.Join(r.dir, product0+"20240101")); err != nil {
		t.Fatal(err)
	}
	wait("ubuntu:noble:amd64:cloud 20240101" + items)
	r.version("images/debian/sid/amd64/default/20240102", "lxd.tar.xz", "rootfs.squashfs")
	wait("debian:sid:amd64:default 20240102" + items + "\nubuntu:noble:amd64:cloud 20240101" + items)
	if err := os.RemoveAll(filepath.Join(r.dir, product0+"20240101")); err != nil {
		t.Fatal(err)
	}
	wait("debian:sid:amd64:default 20240102" + items)
	go func() {
		for range builds { // a build that is going on ends
		}
	}()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestWatchEndsWithTheBuild(t *testing.T) {
	failed := errors.New("no")
	err := Watch(t.Context(), t.TempDir(), []string{"images"}, time.Hour, func(context.Context) error { return failed })
	if !errors.Is(err, failed) {
		t.Errorf("got %v", err)
	}
	if err := Watch(t.Context(), "/nowhere", nil, 0, nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestWatchConcerns(t *testing.T) {
	w := &watcher{root: "/r", streams: []string{"images/", "daily"}}
	for path, want := range map[string]bool{
		"/r": false, "/r/images": true, "/r/other/x": false, "/r/streams/v1/images.json": false, "/r/.sstream/lock": false,
		"/r/daily/a/b/c/d/1/lxd.tar.xz": true, "/r/images/a/b/c/d/.1": false, "/r/images/a/b/c/d/.1/x": false,
		"/r/images/a/b/c/d/1/.x.vcdiff.1.tmp": false, "/r/images/a/b/c/d/1/x/y": false, "/r/images/.hid/b/c/d/1": true,
	} {
		if got := w.concerns(path); got != want {
			t.Errorf("%s: %v", path, got)
		}
	}
}
