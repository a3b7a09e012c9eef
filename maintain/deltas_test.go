package maintain

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed-43fb3962/sstream/vcdiff"
)

// wrongDiffer makes deltas that make the source instead of the target.
type wrongDiffer struct{ VCDIFF }

func (d *wrongDiffer) Encode(ctx context.Context, source, _, delta string) error {
	return d.VCDIFF.Encode(ctx, source, source, delta)
}

// TestWrongDelta: a delta is proven to make its target before it gets its name, and before it is listed.
func TestWrongDelta(t *testing.T) {
	r := newTestRoot(t)
	for _, v := range []string{"20240101", "20240102"} {
		r.put(product0+v+"/lxd.tar.xz", v)
		r.put(product0+v+"/rootfs.squashfs", strings.Repeat("0123456789abcdef", 500)+v)
	}
	report := r.mustBuild(Options{Differ: &wrongDiffer{}})
	if len(report.Problems) != 1 || !errors.Is(report.Problems[0].Err, vcdiff.ErrMismatch) {
		t.Errorf("problems: %+v", report.Problems)
	}
	left, err := os.ReadDir(filepath.Join(r.dir, product0+"20240102"))
	if err != nil || len(left) != 2 || strings.Contains(r.listing(), "vcdiff") {
		t.Errorf("a delta that makes something else is there: %v, %v, %s", left, err, r.listing())
	}
	if r.mustBuild(Options{Differ: &VCDIFF{}}); !strings.Contains(r.listing(), "vcdiff") {
		t.Error("the right one is not listed afterwards")
	}
}
