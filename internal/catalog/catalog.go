// Package catalog makes big catalogues out of nothing, for benchmarks and tests. The same size gives the same bytes.
package catalog

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/seed-43fb3962/sstream/streams"
)

// Size says how much is listed. The zero value is a catalogue of 1000 products, 20 versions each, 8 items each: 55 MB.
type Size struct {
	Products int  // 0: 1000
	Versions int  // of each product; 0: 20
	Items    int  // of each version; 0: 8
	Images   bool // image ids in clouds, short by _aliases; false: files
}

var (
	releases = []string{"arctic", "boreal", "coastal", "desert", "estuary", "fjord", "glacier"}
	arches   = []string{"amd64", "arm64", "armhf", "i386", "ppc64el", "riscv64", "s390x"}
	kinds    = []string{"disk1.img", "lxd.tar.xz", "manifest", "ova", "root.tar.xz", "squashfs", "squashfs.manifest", "tar.gz", "uefi1.img", "vmdk"}
	regions  = []string{"ap-east-1", "ap-south-1", "ca-central-1", "eu-central-1", "eu-west-1", "eu-west-2", "sa-east-1", "us-east-1", "us-east-2", "us-west-1"}
)

const updated = "Mon, 01 Jan 2024 00:00:00 +0000"

// ContentID is the name of the products file.
const ContentID = "com.example.bench:released:download"

// Products makes a products file.
func Products(s Size) *streams.Products {
	s.Products, s.Versions, s.Items = orElse(s.Products, 1000), orElse(s.Versions, 20), orElse(s.Items, 8)
	doc := &streams.Products{Products: streams.MakeNodes[*streams.Product]()}
	set(&doc.Attrs, "content_id", ContentID, "datatype", "image-downloads", "format", streams.ProductsFormat, "license", "https://example.com/license", "updated", updated)
	if s.Images {
		doc.Set("_aliases", aliases())
	}
	for p := range s.Products {
		release, arch := releases[p%7], arches[p/7%7]
		name := fmt.Sprintf("com.example.bench:server-%d:%s:%s", p/49, release, arch)
		product := &streams.Product{Versions: streams.MakeNodes[*streams.Version]()}
		set(&product.Attrs, "aliases", release[:1]+",lts", "arch", arch, "os", "bench", "release", release, "release_title", "The "+release+" release", "support_eol", "2030-04-17")
		product.Set("supported", boolean(p%3 > 0))
		for v := range s.Versions {
			version := fmt.Sprintf("20%02d%02d%02d", 20+v/12, v%12+1, p%28+1)
			product.Versions.Set(version, s.version(p, v, version))
		}
		doc.Products.Set(name, product)
	}
	return doc
}

func (s Size) version(p, v int, version string) *streams.Version {
	release, arch := releases[p%7], arches[p/7%7]
	node := &streams.Version{Items: streams.MakeNodes[*streams.Item]()}
	set(&node.Attrs, "label", "release", "pubname", fmt.Sprintf("bench-%s-%s-server-%s", release, arch, version))
	for i := range s.Items {
		sum := sha256.Sum256(fmt.Appendf(nil, "%d/%d/%d", p, v, i))
		digest, item := hex.EncodeToString(sum[:]), &streams.Item{}
		if s.Images {
			region := regions[i%len(regions)]
			set(&item.Attrs, "crsn", region, "id", "ami-"+digest[:17], "root_store", "ssd", "virt", "hvm")
			node.Items.Set(fmt.Sprintf("%s-%d", region, i/len(regions)), item)
			continue
		}
		kind := kinds[i%len(kinds)]
		set(&item.Attrs, "ftype", kind, "md5", digest[:32], "path", fmt.Sprintf("server/releases/%s/release-%s/bench-%s-server-cloudimg-%s-%d.%s", release, version, release, arch, p/49, kind), "sha256", digest)
		item.Set("size", streams.Int(int64(sum[0])<<20|int64(sum[1])<<8+1000))
		node.Items.Set(kind, item)
	}
	return node
}

// Index makes the index that leads to doc at path.
func Index(doc *streams.Products, path string) *streams.Index {
	x := &streams.Index{Entries: streams.MakeNodes[*streams.Entry]()}
	set(&x.Attrs, "format", streams.IndexFormat, "updated", updated)
	entry := &streams.Entry{}
	set(&entry.Attrs, "datatype", doc.Str("datatype"), "format", streams.ProductsFormat, "path", path, "updated", updated)
	entry.Set("products", streams.Strings(doc.Products.Sorted()))
	x.Entries.Set(doc.ContentID(), entry)
	return x
}

// Style is how the documents are laid out.
var Style = streams.Style{Indent: 1}

// Items makes n items as `query --json` prints them: a list of flat objects.
func Items(n int) []byte {
	b := []byte("[")
	for k := range n {
		p, v, i := k%200, k/200%50, k/10000
		sum := sha256.Sum256(fmt.Appendf(nil, "%d", k))
		digest, version, path := hex.EncodeToString(sum[:]), fmt.Sprintf("2024%04d", v+101), fmt.Sprintf("files/%d/%d/item%d.img", p, v, i)
		var a streams.Attrs
		set(&a, "arch", "amd64", "content_id", fmt.Sprintf("com.example:released:download%d", p%4), "ftype", fmt.Sprintf("item%d.img", i), "item_name", fmt.Sprintf("item%d.img", i),
			"item_url", "http://127.0.0.1/"+path, "label", "release", "md5", digest[:32], "os", "bench", "path", path, "product_name", fmt.Sprintf("com.example:server:%d:amd64", p),
			"pubname", fmt.Sprintf("bench-%d-%s", p, version), "release", fmt.Sprintf("r%d", p), "sha256", digest, "size", fmt.Sprint(1000+k), "version_name", version)
		if k > 0 {
			b = append(b, ',')
		}
		b = streams.Append(append(b, '\n'), &a, streams.Style{Indent: 2})
	}
	return append(b, "\n]\n"...)
}

func aliases() streams.Value {
	var byRegion streams.Attrs
	for _, r := range slices.Sorted(slices.Values(regions)) {
		var means streams.Attrs
		set(&means, "endpoint", "https://ec2."+r+".example.com", "region", r)
		byRegion.Set(r, streams.Map(&means))
	}
	var a streams.Attrs
	a.Set("crsn", streams.Map(&byRegion))
	return streams.Map(&a)
}

func set(a *streams.Attrs, pairs ...string) {
	for i := 0; i < len(pairs); i += 2 {
		a.Set(pairs[i], streams.String(pairs[i+1]))
	}
}

func boolean(b bool) streams.Value {
	v, _ := streams.Raw(fmt.Sprint(b)) // true and false are JSON
	return v
}

func orElse(n, zero int) int {
	if n == 0 {
		return zero
	}
	return n
}
