// Command generate makes the example streams of this repository anew: go run ./examples/generate
//
// Everything is derived from names and fixed dates, so that the same files come out every time.
package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/seed-43fb3962/sstream/publish"
	"github.com/seed-43fb3962/sstream/sign"
	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/streams"
)

func main() {
	ctx := context.Background()
	for _, s := range []struct {
		dir  string
		make func(*tree)
	}{{"examples/foocloud", foocloud}, {"examples/cirros", cirros}} {
		if err := write(ctx, s.dir, s.make); err != nil {
			log.Fatalf("%s: %v", s.dir, err)
		}
	}
}

// tree is a stream that is being made.
type tree struct {
	files map[string][]byte
	index *streams.Index
	lists map[string]*streams.Products // by content id
}

const updated = "Sun, 22 Nov 2026 04:02:00 +0000"

func write(ctx context.Context, dir string, fill func(*tree)) error {
	t := &tree{files: map[string][]byte{}, index: &streams.Index{Entries: streams.MakeNodes[*streams.Entry]()}, lists: map[string]*streams.Products{}}
	t.index.Set("format", streams.String(streams.IndexFormat))
	t.index.Set("updated", streams.String(updated))
	fill(t)
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	for path, data := range t.files {
		full := filepath.Join(dir, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(full, data, 0o644); err != nil {
			return err
		}
	}
	return t.publish(ctx, dir)
}

// publish writes the documents, signed with the example key.
func (t *tree) publish(ctx context.Context, dir string) error {
	key, err := os.ReadFile("examples/keys/example.sec")
	if err != nil {
		return err
	}
	signer, err := sign.ParseSecretKey(key, sign.SecretKeyOptions{Now: func() time.Time { return date(updated) }})
	if err != nil {
		return err
	}
	dst, err := store.OpenDir(dir, store.DirOptions{})
	if err != nil {
		return err
	}
	defer dst.Close()
	var docs []publish.Document
	style := streams.Style{Indent: 1, Newline: true}
	for id, p := range t.lists {
		docs = append(docs, publish.Document{Path: documentPath(id), Data: streams.Append(nil, p, style), Companions: true})
	}
	docs = append(docs, publish.Document{Path: "streams/v1/index.json", Data: streams.Append(nil, t.index, style), Companions: true, Index: true})
	p := publish.Publisher{Store: dst, Signer: signer}
	return p.Publish(ctx, docs, nil)
}

func date(text string) time.Time {
	d, err := time.Parse(time.RFC1123Z, text)
	if err != nil {
		panic(err) // a constant of this program
	}
	return d
}

func documentPath(id string) string { return "streams/v1/" + id + ".json" }

// list begins a products file and enters it in the index.
func (t *tree) list(id, datatype string, products []string) *streams.Products {
	p := &streams.Products{Products: streams.MakeNodes[*streams.Product]()}
	set(&p.Attrs, "content_id", id, "datatype", datatype, "format", streams.ProductsFormat, "updated", updated)
	t.lists[id] = p
	e := &streams.Entry{}
	set(&e.Attrs, "datatype", datatype, "format", streams.ProductsFormat, "path", documentPath(id), "updated", updated)
	e.Set("products", streams.Strings(products))
	t.index.Entries.Set(id, e)
	return p
}

// set gives fields string values: key, value, key, value …
func set(a *streams.Attrs, pairs ...string) {
	for i := 0; i < len(pairs); i += 2 {
		a.Set(pairs[i], streams.String(pairs[i+1]))
	}
}

// file puts a file of n bytes at path and returns its item.
func (t *tree) file(path, ftype string, n int) *streams.Item {
	data := content(path, n)
	t.files[path] = data
	it := &streams.Item{}
	set(&it.Attrs, "ftype", ftype, "path", path)
	it.Set("size", streams.Int(int64(len(data))))
	md, sha := md5.Sum(data), sha256.Sum256(data)
	set(&it.Attrs, "md5", hex.EncodeToString(md[:]), "sha256", hex.EncodeToString(sha[:]))
	return it
}

// content is what a file of that name holds: a small tar archive, or noise.
func content(path string, n int) []byte {
	seed := sha256.Sum256([]byte(path))
	rng := rand.New(rand.NewPCG(binary.LittleEndian.Uint64(seed[:]), binary.LittleEndian.Uint64(seed[8:])))
	noise := make([]byte, n)
	for i := range noise {
		noise[i] = byte(rng.Uint32())
	}
	if !strings.HasSuffix(path, ".tar.gz") {
		return noise
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	h := &tar.Header{Name: "image", Mode: 0o644, Size: int64(n), ModTime: date(updated)}
	for _, err := range []error{w.WriteHeader(h), second(w.Write(noise)), w.Close(), z.Close()} {
		if err != nil {
			panic(err) // writing to memory does not fail
		}
	}
	return b.Bytes()
}

func second(_ int, err error) error { return err }

// foocloud is a vendor with images to download and images in a cloud.
func foocloud(t *tree) {
	arches := []string{"amd64", "arm64"}
	releases := []struct{ name, version string }{{"pinky", "6.1"}, {"brain", "7.0"}}
	versions := []struct{ name, label string }{{"20240315", "beta"}, {"20240424", "release"}, {"20240515.1", "release"}}
	var ids []string
	for _, r := range releases {
		for _, arch := range arches {
			ids = append(ids, fmt.Sprintf("com.example.foovendor:%s:server:%s", r.name, arch))
		}
	}
	download := t.list("com.example.foovendor:released:download", "image-downloads", ids)
	cloud := t.list("com.example.foovendor:released:foocloud", "image-ids", ids)
	set(&cloud.Attrs, "endpoint", "https://compute.example.com/v2", "region", "region-1")
	for i, id := range ids {
		r, arch := releases[i/len(arches)], arches[i%len(arches)]
		files := &streams.Product{Versions: streams.MakeNodes[*streams.Version]()}
		images := &streams.Product{Versions: streams.MakeNodes[*streams.Version]()}
		for _, p := range []*streams.Product{files, images} {
			set(&p.Attrs, "arch", arch, "build", "server", "os", "foovendor", "release", r.name, "stream", "released", "version", r.version)
		}
		for _, v := range versions {
			dir := fmt.Sprintf("files/%s/%s/", r.name, v.name)
			base := fmt.Sprintf("foovendor-%s-server-cloudimg-%s", r.version, arch)
			fv := &streams.Version{Items: streams.MakeNodes[*streams.Item]()}
			set(&fv.Attrs, "label", v.label, "pubname", fmt.Sprintf("foovendor-%s-%s-%s-server-%s", r.name, r.version, arch, v.name))
			fv.Items.Set("disk1.img", t.file(dir+base+"-disk1.img", "disk1.img", 4096))
			fv.Items.Set("root.tar.gz", t.file(dir+base+"-root.tar.gz", "root.tar.gz", 2048))
			fv.Items.Set("manifest", t.file(dir+base+".manifest", "manifest", 100))
			files.Versions.Set(v.name, fv)

			iv := &streams.Version{Items: streams.MakeNodes[*streams.Item]()}
			set(&iv.Attrs, "label", v.label)
			it := &streams.Item{}
			sum := sha256.Sum256([]byte(id + v.name))
			set(&it.Attrs, "id", "img-"+hex.EncodeToString(sum[:4]), "name", "foovendor-"+r.name+"-"+v.name+"-"+arch, "root_store", "ssd")
			iv.Items.Set("region-1", it)
			images.Versions.Set(v.name, iv)
		}
		download.Products.Set(id, files)
		cloud.Products.Set(id, images)
	}
}

// cirros is a very small distribution, in the shape of the real one's stream.
func cirros(t *tree) {
	arches := []string{"arm", "i386", "x86_64"}
	for _, s := range []struct {
		id       string
		versions []string
	}{{"net.cirros-cloud:released:download", []string{"0.5.2", "0.6.2"}}, {"net.cirros-cloud:devel:download", []string{"d240501", "d240515"}}} {
		var ids []string
		for _, arch := range arches {
			ids = append(ids, "net.cirros-cloud:standard:"+strings.Split(s.id, ":")[1]+":"+arch)
		}
		list := t.list(s.id, "image-downloads", ids)
		for i, arch := range arches {
			p := &streams.Product{Versions: streams.MakeNodes[*streams.Version]()}
			set(&p.Attrs, "arch", arch, "os", "cirros", "stream", strings.Split(s.id, ":")[1])
			for n, v := range s.versions {
				base := fmt.Sprintf("%s/cirros-%s-%s", v, v, arch)
				version := &streams.Version{Items: streams.MakeNodes[*streams.Item]()}
				set(&version.Attrs, "pubname", fmt.Sprintf("cirros-%s-%s", v, arch), "version", v)
				version.Items.Set("disk.img", t.file(base+"-disk.img", "disk.img", 8192))
				version.Items.Set("lxc.tar.gz", t.file(base+"-lxc.tar.gz", "lxc.tar.gz", 1024))
				version.Items.Set("uec.tar.gz", t.file(base+"-uec.tar.gz", "uec.tar.gz", 3072))
				p.Versions.Set([]string{"20240501", "20240515"}[n], version)
			}
			list.Products.Set(ids[i], p)
		}
	}
}
