package lint

import (
	"slices"
	"strings"
	"time"

	"github.com/seed-43fb3962/sstream/streams"
)

// roots are the ftypes of root file systems, and where the fingerprint stands that one makes with the metadata.
var roots = []struct{ ftype, combined string }{
	{"squashfs", "combined_squashfs_sha256"},
	{"root.tar.xz", "combined_rootxz_sha256"},
	{"disk-kvm.img", "combined_disk-kvm-img_sha256"},
	{"disk1.img", "combined_disk1-img_sha256"},
	{"uefi1.img", "combined_uefi1-img_sha256"},
}

// architectures are the names that LXD and Incus both know.
var architectures = strings.Fields(`x86_64 amd64 generic_64 i686 i386 i586 386 x86 generic_32 aarch64 arm64 generic_arm64 armv6l armel arm
	armv7l armhf armhfp armv7a_hardfp armv7 armv7a_vfpv3_hardfp armv8l ppc powerpc ppc64 powerpc64 ppc64le ppc64el s390x mips mipsel
	mips64 mips64el mipsle64 riscv32 riscv64 loongarch64 loong64`)

// KnownArch tells whether a client knows an architecture by that name. It does not show images of others.
func KnownArch(client Client, arch string) bool {
	switch client {
	case LXD:
		return arch == "amd64v3" || slices.Contains(architectures, arch)
	case Incus:
		return slices.Contains([]string{"x86_64_v1", "x86_64_v2", "x86_64_v3", "x86_64_v4"}, arch) || slices.Contains(architectures, arch)
	}
	return true
}

// VersionFault says why LXD and Incus do not show a version of that name, "" if they do.
func VersionFault(name string) string {
	if len(name) < 8 {
		return "its name is shorter than 8 characters"
	}
	if _, err := time.Parse("20060102", name[:8]); err != nil {
		return "its name does not begin with a date YYYYMMDD"
	}
	return ""
}

// imageServer checks a product file as LXD or Incus reads it.
func (c *checker) imageServer(client Client, cat *catalogue) {
	if !c.wants(client) {
		return
	}
	c.shape(client, cat)
	aliases := make(map[string]string)
	for id, p := range cat.doc.Products.All() {
		if arch := p.Str("arch"); !KnownArch(client, arch) {
			c.add(client, Hidden, cat.path, id, "%s does not know the architecture %q", client, arch)
			continue
		}
		c.aliases(client, cat, id, p, aliases)
		for name, v := range p.Versions.All() {
			ref := streams.Ref{Product: id, Version: name}
			if fault := VersionFault(name); fault != "" {
				c.add(client, Hidden, cat.path, ref.String(), "%s", fault)
				continue
			}
			c.images(client, cat, ref, v)
			c.deltas(client, cat, ref, p, v)
		}
	}
}

// aliases checks the names under which a product is found.
func (c *checker) aliases(client Client, cat *catalogue, id string, p *streams.Product, taken map[string]string) {
	text := p.Str("aliases")
	if text == "" {
		return
	}
	for alias := range strings.SplitSeq(text, ",") {
		if alias != strings.TrimSpace(alias) {
			c.add(client, Broken, cat.path, id, "the alias %q has blanks around it, which are part of it", alias)
		}
		place := alias + "/" + p.Str("arch")
		if other, twice := taken[place]; twice {
			c.add(client, Note, cat.path, id, "the alias %q is also that of %s: the first by os, release and variant has it", alias, other)
			continue
		}
		taken[place] = id
	}
}

// images checks that a version makes at least one image.
func (c *checker) images(client Client, cat *catalogue, ref streams.Ref, v *streams.Version) {
	found := false
	for name, item := range v.Items.All() {
		at := ref
		at.Item = name
		switch item.Str("ftype") {
		case string(client) + "_combined.tar.gz":
			c.image(client, cat, at, item)
			found = true
		case string(client) + ".tar.xz":
			c.image(client, cat, at, item)
			found = c.rootsOf(client, cat, at, item, v) || found
		}
	}
	if !found {
		c.add(client, Hidden, cat.path, ref.String(), "it has no %s.tar.xz with a root file system, nor a %s_combined.tar.gz", client, client)
	}
}

// rootsOf checks every root of a version, and tells whether one makes an image with the metadata.
func (c *checker) rootsOf(client Client, cat *catalogue, at streams.Ref, metadata *streams.Item, v *streams.Version) bool {
	found := false
	for name, item := range v.Items.All() {
		for _, r := range roots {
			if item.Str("ftype") != r.ftype {
				continue
			}
			ref := streams.Ref{Product: at.Product, Version: at.Version, Item: name}
			digest := metadata.Str(r.combined)
			if r.ftype == "root.tar.xz" && digest == "" {
				digest = metadata.Str("combined_sha256")
			}
			switch {
			case digest == "":
				c.add(client, Hidden, cat.path, at.String(), "it has no %s, so that %s is not shown", r.combined, name)
			case !isSHA256(digest):
				c.add(client, Broken, cat.path, at.String(), "%s is not a SHA-256 in lower case", r.combined)
				found = true
			default:
				c.image(client, cat, ref, item)
				found = true
			}
		}
	}
	return found
}

// image checks what every file that is fetched has to have.
func (c *checker) image(client Client, cat *catalogue, ref streams.Ref, item *streams.Item) {
	switch {
	case item.Str("path") == "":
		c.add(client, Broken, cat.path, ref.String(), "it has no path")
	case client == Incus && strings.Contains(item.Str("path"), "%"):
		c.add(client, Broken, cat.path, ref.String(), "its path has a %%, which Incus takes for an escape")
	case !isSHA256(item.Str("sha256")):
		c.add(client, Broken, cat.path, ref.String(), "sha256 is %q: it has to be 64 lower-case hexadecimal digits", item.Str("sha256"))
	case item.Get("size").Kind() == streams.Absent:
		c.add(client, Broken, cat.path, ref.String(), "it has no size, without which nothing is read")
	}
}

// deltas checks what a client that holds older versions would use.
func (c *checker) deltas(client Client, cat *catalogue, ref streams.Ref, p *streams.Product, v *streams.Version) {
	count := make(map[string]int)
	for name, item := range v.Items.All() {
		ftype := item.Str("ftype")
		if !strings.HasSuffix(ftype, ".vcdiff") {
			continue
		}
		at := ref
		at.Item = name
		if _, ok := p.Versions.Get(item.Str("delta_base")); !ok {
			c.add(client, Note, cat.path, at.String(), "its base %q is not listed: nobody uses it", item.Str("delta_base"))
			continue
		}
		c.image(client, cat, at, item)
		if count[ftype]++; client != Incus {
			continue
		}
		if count[ftype] == 2 {
			c.add(client, Broken, cat.path, at.String(), "there is more than one %s: whoever holds both bases cannot fetch the image", ftype)
		}
		if ftype == "disk-kvm.img.vcdiff" {
			c.add(client, Broken, cat.path, at.String(), "Incus applies it to the container of the base version: whoever holds that cannot fetch the machine")
		}
	}
}

func isSHA256(text string) bool {
	return len(text) == 64 && strings.Trim(text, "0123456789abcdef") == ""
}
