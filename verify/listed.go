package verify

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"hash"
	"slices"
	"strings"

	"github.com/seed-43fb3962/sstream/fetch"
	"github.com/seed-43fb3962/sstream/streams"
)

// file is a path, and all that is listed of it.
type file struct {
	path   string
	refs   []string  // items that list it
	sizes  []int64   // each once
	sums   []sum     // each once
	wrongs []Problem // that no content can make good
	found  finding
	failed error // of the repair
}

// sum is a checksum that is listed.
type sum struct {
	name   string // of the field: "sha256", "combined_squashfs_sha256"
	new    func() hash.Hash
	hex    string   // as it is listed
	before string   // path of the file whose content comes first in the sum; "": none
	refs   []string // items that list it
}

// digests are the fields of an item that are checksums of its file, strongest first.
var digests = []struct {
	name string
	new  func() hash.Hash
}{{"sha512", sha512.New}, {"sha384", sha512.New384}, {"sha256", sha256.New}, {"sha224", sha256.New224}, {"sha1", sha1.New}, {"md5", md5.New}}

// list enters what an item lists of its file.
func (f *file) list(ref string, e *streams.Entity) {
	f.refs = append(f.refs, ref)
	text := e.Get("size")
	size, ok := streams.String(text).Int()
	switch {
	case text == "":
		f.wrong(ref, "no size is listed")
	case !ok || size < 0:
		f.wrong(ref, "its size "+text+" is not a number of bytes")
	case !slices.Contains(f.sizes, size):
		f.sizes = append(f.sizes, size)
	}
	for _, d := range digests {
		if hex := e.Get(d.name); hex != "" {
			f.add(sum{d.name, d.new, hex, "", []string{ref}})
		}
	}
	if streams.DigestOf(e.Get).Algorithm == "" {
		f.wrong(ref, "no md5, sha256 or sha512 is listed")
	}
}

func (f *file) wrong(ref, text string) {
	f.wrongs = append(f.wrongs, Problem{Path: f.path, Items: []string{ref}, Text: text})
}

func (f *file) add(s sum) {
	same := func(o sum) bool { return o.name == s.name && o.hex == s.hex && o.before == s.before }
	if i := slices.IndexFunc(f.sums, same); i >= 0 {
		f.sums[i].refs = append(f.sums[i].refs, s.refs...)
		return
	}
	f.sums = append(f.sums, s)
}

// combined are the fields of a metadata archive (lxd.tar.xz, incus.tar.xz) that are fingerprints of images: of the
// archive and, right behind it, the root file system of that ftype. LXD and Incus know an image by it.
var combined = []struct{ field, ftype string }{
	{"combined_squashfs_sha256", "squashfs"},
	{"combined_disk-kvm-img_sha256", "disk-kvm.img"},
	{"combined_disk1-img_sha256", "disk1.img"},
	{"combined_uefi1-img_sha256", "uefi1.img"},
	{"combined_rootxz_sha256", "root.tar.xz"},
	{"combined_sha256", "root.tar.xz"},
}

// combined enters the fingerprints that a metadata archive lists, for the files that they end with. Those for files that
// the version does not have mean nothing to anybody.
func (r *run) combined(ref string, e *streams.Entity, path string) {
	for _, c := range combined {
		hex := e.Item.Str(c.field)
		if hex == "" {
			continue
		}
		for name, item := range e.Version.Items.All() {
			root := streams.Entity{Ref: e.Ref, Products: e.Products, Product: e.Product, Version: e.Version, Item: item}
			root.Ref.Item = name
			rootPath, err := streams.CleanPath(item.Str("path"))
			if root.Get("ftype") == c.ftype && err == nil && rootPath != path && r.wants(rootPath) {
				r.file(rootPath).add(sum{c.field, sha256.New, hex, path, []string{ref}})
			}
		}
	}
}

// item is what all items agree on, for reading the file.
func (f *file) item() fetch.Item {
	it := fetch.Item{Path: f.path, Size: -1, Digest: f.digest()}
	if len(f.sizes) == 1 {
		it.Size = f.sizes[0]
	}
	return it
}

// digest is the strongest checksum that all items agree on. The zero value if there is none.
func (f *file) digest() streams.Digest {
	for _, name := range streams.Algorithms {
		var list []string
		for _, s := range f.sums {
			if s.name == name {
				list = append(list, s.hex)
			}
		}
		if len(list) == 1 && list[0] == strings.ToLower(list[0]) {
			return streams.Digest{Algorithm: name, Hex: list[0]}
		}
	}
	return streams.Digest{}
}
