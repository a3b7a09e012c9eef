package maintain

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

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

// TestDeltaOfLinkedProduct: a delta of a product that another one is a link to is made once, and both list it as it is.
func TestDeltaOfLinkedProduct(t *testing.T) {
	const delta, sums = product0 + "20240102/rootfs.20240101.vcdiff", product0 + "20240102/SHA256SUMS"
	for _, there := range []string{"", "no delta"} {
		r := newTestRoot(t)
		for _, v := range []string{"20240101", "20240102"} {
			r.put(product0+v+"/lxd.tar.xz", v)
			r.put(product0+v+"/rootfs.squashfs", strings.Repeat("0123456789abcdef", 500)+v)
		}
		if there != "" {
			r.put(delta, there)
		}
		r.put(sums, sumOf("20240102")+"  lxd.tar.xz\n"+sumOf(strings.Repeat("0123456789abcdef", 500)+"20240102")+"  rootfs.squashfs\n")
		for link, to := range map[string]string{"link": "cloud", "linked": "link"} {
			if err := os.Symlink(to, filepath.Join(r.dir, "images/ubuntu/noble/amd64", link)); err != nil {
				t.Fatal(err)
			}
		}
		report := r.mustBuild(Options{Differ: &VCDIFF{}, Workers: 1})
		if len(report.Problems) != 0 || report.Streams[0].Deltas != 1 {
			t.Errorf("problems: %+v, deltas made: %d", report.Problems, report.Streams[0].Deltas)
		}
		r.check()
		if n := strings.Count(r.listing(), "vcdiff"); n != 3 {
			t.Errorf("%d products list the delta: %s", n, r.listing())
		}
		if text, err := os.ReadFile(filepath.Join(r.dir, sums)); err != nil || strings.Count(string(text), "vcdiff") != 1 {
			t.Errorf("SHA256SUMS: %v, %s", err, text)
		}
		if r.mustBuild(Options{Differ: &VCDIFF{}}).Changed {
			t.Error("the next build publishes")
		}
	}
}

// TestDeltaWithLongName: the file that is to become a delta may have a name that is as long as names can be.
func TestDeltaWithLongName(t *testing.T) {
	root := strings.Repeat("é", 100) + ".squashfs"
	first := strings.Repeat("1", longestName-len(deltaName(root, "")))
	r := newTestRoot(t)
	for _, v := range []string{first, "2"} {
		r.put(product0+v+"/lxd.tar.xz", v)
		r.put(product0+v+"/"+root, strings.Repeat("0123456789abcdef", 500)+v)
	}
	if report := r.mustBuild(Options{Differ: &VCDIFF{}}); len(report.Problems) != 0 || report.Streams[0].Deltas != 1 {
		t.Errorf("problems: %+v, deltas made: %d", report.Problems, report.Streams[0].Deltas)
	}
	r.check()
	for _, name := range []string{deltaName(root, first), "disk.20240101.qcow2.vcdiff"} {
		if temp := tempName(name, 12345); len(temp) > longestName || !isLeftover(temp) || !utf8.ValidString(temp) {
			t.Errorf("%d bytes, is a leftover: %v: %s", len(temp), isLeftover(temp), temp)
		}
	}
}
