package glance

import (
	"maps"
	"slices"
	"strings"

	"github.com/seed-43fb3962/sstream/streams"
)

// architectures are OpenStack's names for what Ubuntu calls otherwise.
var architectures = map[string]string{
	"amd64": "x86_64", "i386": "i686", "ppc64el": "ppc64le", "powerpc": "ppc", "armhf": "armv7l", "arm64": "aarch64",
}

func architecture(arch string) string {
	arch = strings.ToLower(arch)
	if name, ok := architectures[arch]; ok {
		return name
	}
	return arch
}

// kind is what a file type means to a cloud.
type kind struct{ diskFormat, hypervisor, virt string }

var (
	qemu = kind{"qcow2", "qemu", "kvm"}
	lxc  = kind{"root-tar", "lxc", "lxd"}

	kinds = map[string]kind{
		"disk.img": qemu, "disk1.img": qemu,
		"root.tar.gz": lxc, "root.tar.xz": lxc, "squashfs": {"squashfs", "lxc", "lxd"},
	}
)

// kindOf returns the zero kind for a file type that clouds do not know.
func kindOf(ftype string) kind { return kinds[strings.ToLower(ftype)] }

func diskFormat(ftype string) string {
	if format := kindOf(ftype).diskFormat; format != "" {
		return format
	}
	return qemu.diskFormat
}

// virtOf is what a stream calls a hypervisor type; "" if it has no word for it.
func virtOf(hypervisor string) string {
	for _, k := range []kind{qemu, lxc} {
		if k.hypervisor == strings.ToLower(hypervisor) {
			return k.virt
		}
	}
	return ""
}

// imageName is what the image is called: the prefix, the published name, and the item's name unless it ends so already.
func imageName(prefix string, ref streams.Ref, flat *streams.Flat) string {
	name, ok := flat.Get("pubname")
	if !ok {
		name, ok = flat.Get("name")
	}
	if !ok {
		name = ref.Product + "-" + ref.Version
	}
	name = prefix + name
	if !strings.HasSuffix(name, ref.Item) {
		name += "-" + ref.Item
	}
	return name
}

// Properties that tie an image to the stream that it came from and the one that it is published in.
const (
	propContentID = "content_id"
	propSourceID  = "source_content_id"
	propProduct   = "product_name"
	propVersion   = "version_name"
	propItem      = "item_name"
	propMetadata  = "simplestreams_metadata"
	propLatest    = "latest"
	propArch      = "architecture"
	propDistro    = "os_distro"
	propOS        = "os_version"
	propHyper     = "hypervisor_type"
)

// place are the fields that say where an item is in a stream: they are properties of their own.
var place = []string{propProduct, propVersion, propItem, "path"}

// metadata is what the property simplestreams_metadata keeps: all fields of the item but its place.
func metadata(flat *streams.Flat) string {
	var a streams.Attrs
	for key, value := range flat.All() {
		if !slices.Contains(place, key) {
			a.Set(key, streams.String(value))
		}
	}
	return string(streams.Append(nil, &a, streams.Style{Spaced: true}))
}

// properties are the fields of the image that is to be created.
func (o *Options) properties(contentID, sourceID string, ref streams.Ref, flat *streams.Flat) map[string]string {
	ftype, _ := flat.Get("ftype")
	fields := map[string]string{
		"name":             imageName(o.NamePrefix, ref, flat),
		"container_format": "bare",
		"disk_format":      diskFormat(ftype),
		"visibility":       o.visibility(),
		propContentID:      contentID,
		propSourceID:       sourceID,
		propProduct:        ref.Product,
		propVersion:        ref.Version,
		propItem:           ref.Item,
		propMetadata:       metadata(flat),
	}
	for key, property := range map[string]string{"os": propDistro, "version": propOS} {
		if value, ok := flat.Get(key); ok {
			fields[property] = value
		}
	}
	if arch, ok := flat.Get("arch"); ok {
		fields[propArch] = architecture(arch)
	}
	if hypervisor := kindOf(ftype).hypervisor; o.HypervisorMapping && hypervisor != "" {
		fields[propHyper] = hypervisor
	}
	maps.Copy(fields, o.CustomProperties)
	return fields
}
