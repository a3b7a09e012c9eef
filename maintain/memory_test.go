package maintain

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestTouchedFile: a file that only looks new is read again, and no change.
func TestTouchedFile(t *testing.T) {
	r := newTestRoot(t)
	r.version(product0 + "20240101")
	r.mustBuild(Options{})
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(filepath.Join(r.dir, product0+"20240101/rootfs.squashfs"), later, later); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if report := r.mustBuild(Options{}); report.Changed || len(report.Streams[0].Altered) > 0 {
			t.Errorf("got %+v", report.Streams[0])
		}
	}
}

// TestFileFromThePast: other content of the same size that is older than the catalogue, as cp -p leaves it, is noticed.
func TestFileFromThePast(t *testing.T) {
	r := newTestRoot(t)
	r.version(product0 + "20240101")
	r.mustBuild(Options{})
	at := filepath.Join(r.dir, product0+"20240101/rootfs.squashfs")
	info, err := os.Stat(at)
	if err != nil {
		t.Fatal(err)
	}
	r.put(product0+"20240101/rootfs.squashfs", strings.Repeat("x", int(info.Size())))
	r.age(product0+"20240101/rootfs.squashfs", time.Hour)
	if report := r.mustBuild(Options{}); !report.Changed || len(report.Streams[0].Altered) != 1 {
		t.Errorf("got %+v", report.Streams[0])
	}
	r.check()
}

// TestEditedCatalogue: what the catalogue says of a file is believed only as long as it says what the build has written.
func TestEditedCatalogue(t *testing.T) {
	r := newTestRoot(t)
	r.version(product0 + "20240101")
	r.mustBuild(Options{})
	const catalogue = "streams/v1/images.json"
	text, err := os.ReadFile(filepath.Join(r.dir, catalogue))
	if err != nil {
		t.Fatal(err)
	}
	right := sumOf(body("rootfs.squashfs", product0+"20240101"))
	r.put(catalogue, strings.ReplaceAll(string(text), right, sumOf("wrong")))
	r.mustBuild(Options{})
	r.check()
}

// countingDiffer counts the deltas that it makes.
type countingDiffer struct {
	VCDIFF
	made int
}

func (d *countingDiffer) Encode(ctx context.Context, source, target, delta string) error {
	d.made++
	return d.VCDIFF.Encode(ctx, source, target, delta)
}

// TestUselessDelta: a delta that does not pay is not made again and again.
func TestUselessDelta(t *testing.T) {
	r := newTestRoot(t)
	for _, v := range []string{"20240101", "20240102"} {
		r.put(product0+v+"/lxd.tar.xz", v)
		r.put(product0+v+"/rootfs.squashfs", sumOf(v))
	}
	var d countingDiffer
	for range 3 {
		r.mustBuild(Options{Differ: &d})
		r.check()
	}
	if d.made != 1 || strings.Contains(r.listing(), "vcdiff") {
		t.Errorf("%d deltas were made: %s", d.made, r.listing())
	}
}

// TestMemoryIsSmall: what the catalogue tells is not written down a second time.
func TestMemoryIsSmall(t *testing.T) {
	r := newTestRoot(t)
	r.version(product0 + "20240101")
	r.put(product0+"20240101/image.yaml", "simplestream: {distro_name: Ubuntu}")
	r.mustBuild(Options{})
	text, err := os.ReadFile(filepath.Join(r.dir, memoryPath))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), "file "); n != 1 || !strings.Contains(string(text), "image.yaml") {
		t.Errorf("it holds\n%s", text)
	}
}
