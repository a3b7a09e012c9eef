//go:build unix

package store_test

import (
	"fmt"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/store/storetest"
)

// TestSyncBesidePuts: what was promised before Sync is there after it, even if somebody puts something else in its place.
func TestSyncBesidePuts(t *testing.T) {
	openBoth(t, func(t *testing.T, d *store.Dir) {
		for i := range 50 {
			path := fmt.Sprintf("%d/path", i)
			soon(t, d, path, "promised")
			var others errgroup.Group
			others.Go(func() error { return d.Put(t.Context(), path, storetest.Content([]byte("another"))) })
			others.Go(func() error { return d.PutSoon(t.Context(), path, storetest.Content([]byte(image))) })
			wantSync(t, d)
			if _, there := storetest.Get(t, d, path); !there {
				t.Errorf("%s is not there", path)
			}
			if err := others.Wait(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestSyncBesideDeletes: what goes meanwhile, and its directory with it, is no obstacle.
func TestSyncBesideDeletes(t *testing.T) {
	openBoth(t, func(t *testing.T, d *store.Dir) {
		for i := range 50 {
			path := fmt.Sprintf("%d/path", i)
			soon(t, d, path, "small")
			var others errgroup.Group
			others.Go(func() error { return d.Delete(t.Context(), path) })
			wantSync(t, d)
			if err := others.Wait(); err != nil {
				t.Fatal(err)
			}
			if _, there := storetest.Get(t, d, path); there {
				t.Errorf("%s is there still", path)
			}
		}
		wantSync(t, d)
		wantFiles(t, d)
	})
}
