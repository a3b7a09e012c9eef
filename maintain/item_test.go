package maintain

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/seed-43fb3962/sstream/streams"
)

// TestCombinedFields: each kind of root has its fingerprint on the metadata that it makes an image with.
func TestCombinedFields(t *testing.T) {
	roots := map[string]string{
		"combined_squashfs_sha256": "rootfs.squashfs", "combined_disk-kvm-img_sha256": "disk.qcow2", "combined_rootxz_sha256": "root.tar.xz",
		"combined_disk1-img_sha256": "disk1.img", "combined_uefi1-img_sha256": "uefi1.img",
	}
	r := newTestRoot(t)
	const dir = product0 + "20240101"
	names := []string{"lxd.tar.xz", "incus.tar.xz"}
	for _, name := range roots {
		names = append(names, name)
	}
	r.version(dir, names...)
	r.mustBuild(Options{})
	text, err := os.ReadFile(filepath.Join(r.dir, "streams/v1/images.json"))
	if err != nil {
		t.Fatal(err)
	}
	products, err := streams.ParseProducts(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, metadata := range names[:2] {
		e, ok := products.Find(streams.Ref{Product: "ubuntu:noble:amd64:cloud", Version: "20240101", Item: metadata})
		if !ok {
			t.Fatalf("%s is not listed", metadata)
		}
		for field, root := range roots {
			want(t, metadata+" "+field, e.Item.Str(field), sumOf(body(metadata, dir)+body(root, dir)))
		}
	}
}
