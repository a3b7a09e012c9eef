package lint

import (
	"strings"

	"github.com/seed-43fb3962/sstream/streams"
)

// Fields that LXD and Incus read with a fixed type: one of another type makes the whole product file unreadable. Fields
// that are not named here may hold anything.
var (
	topText     = strings.Fields("content_id datatype format license updated")
	productText = strings.Fields("aliases arch os release release_codename release_title support_eol variant version")
	versionText = strings.Fields("label pubname")
	itemText    = strings.Fields(`ftype path md5 sha256 sha512 delta_base combined_type combined_sha256 combined_rootxz_sha256
		combined_squashfs_sha256 combined_disk-kvm-img_sha256 combined_disk1-img_sha256 combined_uefi1-img_sha256`)
)

// shape checks the types of the fields that a client reads.
func (c *checker) shape(client Client, cat *catalogue) {
	c.text(client, cat, &cat.doc.Attrs, "", topText)
	requirements := []string{"requirements"}
	if client == LXD {
		requirements = append(requirements, "lxd_requirements")
	}
	for id, p := range cat.doc.Products.All() {
		c.text(client, cat, &p.Attrs, id, productText)
		c.kind(client, cat, p.Get("supported"), id, "supported", streams.Bool, "true or false")
		for _, field := range requirements {
			c.kind(client, cat, p.Get(field), id, field, streams.Object, "an object")
			needs := p.Get(field).Fields()
			for key, value := range needs.All() {
				c.kind(client, cat, value, id, field+"."+key, streams.Text, "a string")
			}
		}
		for name, v := range p.Versions.All() {
			c.text(client, cat, &v.Attrs, id+"/"+name, versionText)
			for item, it := range v.Items.All() {
				c.item(client, cat, it, id+"/"+name+"/"+item)
			}
		}
	}
}

func (c *checker) item(client Client, cat *catalogue, it *streams.Item, place string) {
	c.text(client, cat, &it.Attrs, place, itemText)
	size := it.Get("size")
	c.kind(client, cat, size, place, "size", streams.Number, "a whole number")
	if size.Kind() == streams.Number && strings.ContainsAny(size.Raw(), ".eE") {
		c.add(client, Refused, cat.path, place, "size is %s: it has to be a whole number", size.Raw())
	}
}

func (c *checker) text(client Client, cat *catalogue, a *streams.Attrs, place string, fields []string) {
	for _, field := range fields {
		c.kind(client, cat, a.Get(field), place, field, streams.Text, "a string")
	}
}

func (c *checker) kind(client Client, cat *catalogue, v streams.Value, place, field string, want streams.Kind, words string) {
	if k := v.Kind(); k != want && k != streams.Absent && k != streams.Null {
		c.add(client, Refused, cat.path, place, "%s is %s: it has to be %s, or nothing of the file is read", field, v.Raw(), words)
	}
}
