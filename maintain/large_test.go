package maintain

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestLargeTree: 10,000 versions are built, built again, added to and pruned.
func TestLargeTree(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 30,000 files")
	}
	r := newTestRoot(t)
	const products, versions = 2000, 5
	dir := func(product, version int) string {
		return fmt.Sprintf("images/distro%02d/rel%02d/amd64/v%d/2024010%d", product%40, product/40, product%3, version+1)
	}
	names := []string{"lxd.tar.xz", "rootfs.squashfs"}
	for _, name := range names {
		r.put("model/"+name, name)
	}
	for p := range products {
		for v := range versions {
			at := filepath.Join(r.dir, dir(p, v))
			err := os.MkdirAll(at, 0o777)
			for _, name := range names {
				err = errors.Join(err, os.Link(filepath.Join(r.dir, "model", name), filepath.Join(at, name)))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	report := r.mustBuild(Options{})
	if s := report.Streams[0]; s.Versions != products*versions || s.Products.Products.Len() != products || len(report.Problems) > 0 {
		t.Fatalf("%d products, %d versions, problems %v", s.Products.Products.Len(), s.Versions, report.Problems)
	}
	if r.mustBuild(Options{}).Changed {
		t.Error("nothing has changed, and it published")
	}
	r.put(dir(7, 6)+"/lxd.tar.xz", "new")
	r.put(dir(7, 6)+"/rootfs.squashfs", "new")
	if err := os.RemoveAll(filepath.Join(r.dir, dir(8, 0))); err != nil {
		t.Fatal(err)
	}
	if s := r.mustBuild(Options{}).Streams[0]; len(s.Added) != 1 || len(s.Removed) != 1 || len(s.Altered) != 0 {
		t.Errorf("added %v, removed %v, changed %v", s.Added, s.Removed, s.Altered)
	}
	plans, err := r.prune(PruneOptions{Retention: Retention{Builds: 4}})
	if err != nil || len(plans[0].Delete) != products { // product 8 has 4 left, product 7 has 6
		t.Errorf("%d versions deleted, %v", len(plans[0].Delete), err)
	}
	r.check()
}
