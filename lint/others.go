package lint

import (
	"slices"
	"strings"
	"time"

	"github.com/seed-43fb3962/sstream/streams"
)

// updated checks the time that MAAS asks for everywhere.
func (c *checker) updated(a *streams.Attrs, at, place string) {
	text := a.Str("updated")
	if text == "" {
		c.add(MAAS, Refused, at, place, "it has no updated")
		return
	}
	for _, layout := range []string{time.RFC1123Z, "Mon, _2 Jan 2006 15:04:05 -0700", time.RFC3339, "2006-01-02T15:04:05", "2006-01-02"} {
		if _, err := time.Parse(layout, text); err == nil {
			return
		}
	}
	c.add(MAAS, Refused, at, place, "updated is %q: a time as %q is needed", text, time.RFC1123Z)
}

// python checks a product file as the Python library reads it.
func (c *checker) python(cat *catalogue) {
	for e := range cat.doc.All() {
		place := e.Ref.String()
		name := e.Item.Str("path")
		if name == "" {
			continue
		}
		size := e.Item.Get("size")
		_, whole := size.Int()
		digest := streams.DigestOf(e.Item.Str)
		switch {
		case streams.CheckPath(strings.TrimPrefix(name, "./")) != nil:
			c.add(Python, Refused, cat.path, place, "%v", streams.CheckPath(name))
		case size.Kind() != streams.Number || !whole:
			c.add(Python, Refused, cat.path, place, "size is %q: it has to be a whole number", size.Raw())
		case digest.Algorithm == "":
			c.add(Python, Refused, cat.path, place, "it has none of sha512, sha256 and md5")
		case digest.Hex != strings.ToLower(digest.Hex):
			c.add(Python, Broken, cat.path, place, "%s is not in lower case", digest.Algorithm)
		}
	}
}

// Files of a version that MAAS knows, by ftype.
var (
	bootloaders = []string{"grub2-signed", "shim-signed", "grub2", "syslinux"}
	rootFiles   = []string{"squashfs", "root-image.gz"}
)

// maas checks a product file as MAAS reads it: whatever is not one of its three kinds of product makes it refuse all.
func (c *checker) maas(cat *catalogue) {
	if !c.wants(MAAS) {
		return
	}
	c.updated(&cat.doc.Attrs, cat.path, "")
	if d := cat.doc.Str("datatype"); d != "image-ids" && d != "image-downloads" {
		c.add(MAAS, Refused, cat.path, "", "datatype is %q: it has to be image-ids or image-downloads", d)
	}
	for id, p := range cat.doc.Products.All() {
		need := strings.Fields("arch label os release release_title subarch subarches version")
		boot := p.Str("bootloader-type") != ""
		if boot {
			need = strings.Fields("arch arches label os bootloader-type")
		}
		for _, field := range need {
			if p.Str(field) == "" {
				c.add(MAAS, Refused, cat.path, id, "it has no %s", field)
			}
		}
		for name, v := range p.Versions.All() {
			if fault := maasVersion(v, boot); fault != "" {
				c.add(MAAS, Refused, cat.path, id+"/"+name, "%s", fault)
			}
		}
	}
}

// maasVersion says why a version is none that MAAS knows, "" if it is one.
func maasVersion(v *streams.Version, boot bool) string {
	have := make(map[string]*streams.Item)
	for _, item := range v.Items.All() {
		have[item.Str("ftype")] = item
	}
	has := func(ftypes ...string) bool {
		return slices.ContainsFunc(ftypes, func(f string) bool { return have[f] != nil })
	}
	switch {
	case boot && !has(bootloaders...):
		return "it has no bootloader: one of " + strings.Join(bootloaders, ", ")
	case boot:
		for _, f := range bootloaders {
			for _, field := range strings.Fields("src_package src_release src_version") {
				if have[f] != nil && have[f].Str(field) == "" {
					return f + " has no " + field
				}
			}
		}
		return ""
	case !has("manifest"):
		return "it has no manifest"
	case has("root-tgz"):
		return ""
	case !has("boot-kernel"), !has("boot-initrd"):
		return "it has no boot-kernel and boot-initrd"
	case !has(rootFiles...):
		return "it has no root file system: one of " + strings.Join(rootFiles, ", ")
	}
	return ""
}

// juju checks a product file as Juju reads it.
func (c *checker) juju(cat *catalogue) {
	if !c.wants(Juju) {
		return
	}
	for id, p := range cat.doc.Products.All() {
		if !slices.Contains(cat.listed, id) {
			c.add(Juju, Hidden, cat.path, id, "the index does not list the product")
		}
		for _, field := range strings.Fields("arch release version region endpoint") {
			if k := p.Get(field).Kind(); k != streams.Text && k != streams.Absent {
				c.add(Juju, Refused, cat.path, id, "%s is %s: it has to be a string", field, p.Get(field).Raw())
			}
		}
	}
}

// multipass checks that there is something which Multipass can start. It also asks that each version is what the
// official stream says, to the letter, which only a comparison with that can tell.
func (c *checker) multipass(cat *catalogue) {
	if !c.wants(Multipass) {
		return
	}
	disks := []string{"disk1.img", "uefi1.img", "img.xz"}
	for id, p := range cat.doc.Products.All() {
		usable := false
		for _, v := range p.Versions.All() {
			for _, item := range v.Items.All() {
				usable = usable || slices.Contains(disks, item.Str("ftype"))
			}
		}
		if !usable {
			c.add(Multipass, Hidden, cat.path, id, "no version has one of %s", strings.Join(disks, ", "))
		}
	}
}
