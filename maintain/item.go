package maintain

import "strings"

// ftypes of the files that clients look for.
const (
	ftypeSquashfs      = "squashfs"
	ftypeDisk          = "disk-kvm.img"
	ftypeRootTar       = "root.tar.xz"
	ftypeSquashfsDelta = "squashfs.vcdiff"
	ftypeDiskDelta     = "disk-kvm.img.vcdiff"
)

// combinedField is the field of the metadata item that holds the fingerprint of metadata and root together, by the
// root's ftype, in the order in which the fields are written.
var combinedFields = []struct{ ftype, field string }{
	{ftypeDisk, "combined_disk-kvm-img_sha256"},
	{ftypeSquashfs, "combined_squashfs_sha256"},
	{ftypeRootTar, "combined_rootxz_sha256"},
	{"disk1.img", "combined_disk1-img_sha256"},
	{"uefi1.img", "combined_uefi1-img_sha256"},
}

// ftypeOf tells what a file is to clients, "" if it is nothing to them.
func ftypeOf(name string) string {
	switch {
	case strings.HasSuffix(name, ".qcow2.vcdiff"):
		return ftypeDiskDelta
	case strings.HasSuffix(name, ".vcdiff"):
		return ftypeSquashfsDelta
	case strings.HasSuffix(name, ".squashfs"):
		return ftypeSquashfs
	case strings.HasSuffix(name, ".qcow2"):
		return ftypeDisk
	case strings.HasSuffix(name, ".tar.xz"), isWhole(name), name == "disk1.img", name == "uefi1.img":
		return name
	}
	return ""
}

// inSeed tells whether simplestream-maintainer lists such a file.
func inSeed(name string) bool {
	return ftypeOf(name) != name || strings.HasSuffix(name, ".tar.xz")
}

func isMetadata(name string) bool { return name == LXD.metadata() || name == Incus.metadata() }

func isWhole(name string) bool { return name == LXD.whole() || name == Incus.whole() }

func isDelta(ftype string) bool { return ftype == ftypeSquashfsDelta || ftype == ftypeDiskDelta }

// isRoot tells whether metadata and a file of that ftype make an image.
func isRoot(ftype string) bool { return combinedField(ftype) != "" }

func combinedField(ftype string) string {
	for _, c := range combinedFields {
		if c.ftype == ftype {
			return c.field
		}
	}
	return ""
}

// deltaName is the name of the delta that makes the file called name out of the one in version base.
func deltaName(name, base string) string {
	if stem, ok := strings.CutSuffix(name, ".qcow2"); ok {
		return stem + "." + base + ".qcow2.vcdiff"
	}
	return strings.TrimSuffix(name, ".squashfs") + "." + base + ".vcdiff"
}

// deltaOf is the reverse of [deltaName]: which of the versions a delta is based on, and the file that it makes.
// It returns the longest fitting version, since versions may hold dots; if none fits, what stands before the suffix
// and no file.
func deltaOf(name string, versions []string) (base, target string) {
	suffix := ".squashfs"
	stem, disk := strings.CutSuffix(name, ".qcow2.vcdiff")
	if disk {
		suffix = ".qcow2"
	} else {
		stem = strings.TrimSuffix(name, ".vcdiff")
	}
	for _, v := range versions {
		if rest, ok := strings.CutSuffix(stem, "."+v); ok && rest != "" && len(v) > len(base) {
			base, target = v, rest+suffix
		}
	}
	if base == "" {
		base = stem[strings.LastIndexByte(stem, '.')+1:]
	}
	return base, target
}

// isUsualRoot tells which of several roots of one ftype clients are told of, as they know one only; else it is the first.
func isUsualRoot(name string) bool { return name == "rootfs.squashfs" || name == "disk.qcow2" }
