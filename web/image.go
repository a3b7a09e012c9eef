package web

import (
	"strings"

	"github.com/seed-43fb3962/sstream/streams"
)

// client is a program that launches images from a stream.
type client struct {
	Name    string // as people call it
	Command string // its command line program
	split   string // ftype of the metadata file that goes with a root file of its own
	unified string // ftype of a file that is metadata and root in one
}

var clients = [...]client{
	{"LXD", "lxc", "lxd.tar.xz", "lxd_combined.tar.gz"},
	{"Incus", "incus", "incus.tar.xz", "incus_combined.tar.gz"},
}

// clientSet has a bit for each of clients.
type clientSet uint

// String names the clients.
func (s clientSet) String() string {
	var names []string
	for i, c := range clients {
		if s&(1<<i) != 0 {
			names = append(names, c.Name)
		}
	}
	return strings.Join(names, ", ")
}

// clientsOf returns those that launch any of the images.
func clientsOf(images []image) clientSet {
	var s clientSet
	for _, i := range images {
		s |= 1 << i.client
	}
	return s
}

// Kinds of an image.
const (
	container = "Container"
	machine   = "VM"
)

// roots are the files that make an image together with a metadata file, those first that clients prefer. The metadata
// item lists the digest of both files in one of the fields combined: that is the image's fingerprint.
var roots = [...]struct {
	ftype    string
	kind     string
	combined []string
}{
	{"squashfs", container, []string{"combined_squashfs_sha256"}},
	{"root.tar.xz", container, []string{"combined_rootxz_sha256", "combined_sha256"}},
	{"disk-kvm.img", machine, []string{"combined_disk-kvm-img_sha256"}},
	{"disk1.img", machine, []string{"combined_disk1-img_sha256"}},
	{"uefi1.img", machine, []string{"combined_uefi1-img_sha256"}},
}

// image is what one client can launch from one version.
type image struct {
	client      int    // in clients
	kind        string // container or machine
	fingerprint string
	root        string // name of the item that holds the root
}

// short returns as much of the fingerprint as clients show and take for the whole.
func (i image) short() string { return i.fingerprint[:min(len(i.fingerprint), 12)] }

// imagesOf returns the images of a version, by client and then by how much clients prefer them.
func imagesOf(v *streams.Version) []image {
	var found []image
	names := v.Items.Sorted()
	for c := range clients {
		meta := itemOf(v, names, clients[c].split)
		for _, r := range roots {
			root := itemOf(v, names, r.ftype)
			if meta == "" || root == "" {
				continue
			}
			if fp := firstOf(v, meta, r.combined...); fp != "" {
				found = append(found, image{c, r.kind, fp, root})
			}
		}
		if one := itemOf(v, names, clients[c].unified); one != "" {
			found = append(found, image{c, unifiedKind(v, one), firstOf(v, one, "sha256"), one})
		}
	}
	return found
}

// unifiedKind tells containers from virtual machines among files that are metadata and root in one.
func unifiedKind(v *streams.Version, item string) string {
	if firstOf(v, item, "combined_type") == "virtual-machine" {
		return machine
	}
	return container
}

// itemOf returns the name of the item of that ftype, "" if there is none.
func itemOf(v *streams.Version, names []string, ftype string) string {
	for _, name := range names {
		if item, _ := v.Items.Get(name); item.Str("ftype") == ftype {
			return name
		}
	}
	return ""
}

// firstOf returns the first of an item's fields that is there.
func firstOf(v *streams.Version, item string, keys ...string) string {
	it, _ := v.Items.Get(item)
	for _, key := range keys {
		if s := it.Str(key); s != "" {
			return s
		}
	}
	return ""
}

// role says what a file that is no image is there for, "" if its name says enough.
func role(ftype string) string {
	if strings.HasSuffix(ftype, ".vcdiff") {
		return "Delta"
	}
	return ""
}
