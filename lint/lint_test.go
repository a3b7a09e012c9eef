package lint

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/seed-43fb3962/sstream/store"
)

// memory is a tree of files by path.
type memory map[string]string

func (m memory) Open(_ context.Context, path string, off int64) (io.ReadCloser, error) {
	text, ok := m[path]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	return io.NopCloser(strings.NewReader(text[off:])), nil
}

func (m memory) Stat(_ context.Context, path string) (store.Info, error) {
	text, ok := m[path]
	if !ok {
		return store.Info{}, &fs.PathError{Op: "stat", Path: path, Err: fs.ErrNotExist}
	}
	return store.Info{Size: int64(len(text))}, nil
}

const (
	at      = "images/ubuntu/noble/amd64/default/20240105_0732/"
	digest0 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

// good is a tree that LXD, Incus and the Python tools read without a complaint.
func good() memory {
	item := func(name, ftype, more string) string {
		return fmt.Sprintf(`"%s":{"ftype":"%s","path":"%s","size":4,"sha256":"%s"%s}`, name, ftype, at+name, digest0, more)
	}
	combined := fmt.Sprintf(`,"combined_squashfs_sha256":"%s","combined_disk-kvm-img_sha256":"%s"`, digest0, digest0)
	items := strings.Join([]string{item("disk.qcow2", "disk-kvm.img", ""), item("incus.tar.xz", "incus.tar.xz", combined), item("lxd.tar.xz", "lxd.tar.xz", combined),
		item("rootfs.20240103_0731.vcdiff", "squashfs.vcdiff", `,"delta_base":"20240103_0731"`), item("rootfs.squashfs", "squashfs", "")}, ",")
	old := strings.Join([]string{item("incus.tar.xz", "incus.tar.xz", combined), item("lxd.tar.xz", "lxd.tar.xz", combined), item("rootfs.squashfs", "squashfs", ""), item("disk.qcow2", "disk-kvm.img", "")}, ",")
	updated := `"updated":"Mon, 01 Jan 2024 00:00:00 +0000"`
	m := memory{
		"streams/v1/index.json": `{"format":"index:1.0",` + updated + `,"index":{"images":{"datatype":"image-downloads","path":"streams/v1/images.json","format":"products:1.0",` +
			updated + `,"products":["ubuntu:noble:amd64:default"]}}}`,
		"streams/v1/index.sjson": "signed",
		"streams/v1/images.json": `{"content_id":"images","format":"products:1.0","datatype":"image-downloads",` + updated + `,"products":{"ubuntu:noble:amd64:default":{` +
			`"aliases":"ubuntu/noble/default,ubuntu/noble","arch":"amd64","distro":"ubuntu","os":"Ubuntu","release":"noble","release_title":"noble","variant":"default",` +
			`"versions":{"20240103_0731":{"items":{` + old + `}},"20240105_0732":{"items":{` + items + `}}},"requirements":{}}}}`,
	}
	for _, name := range []string{"disk.qcow2", "incus.tar.xz", "lxd.tar.xz", "rootfs.20240103_0731.vcdiff", "rootfs.squashfs"} {
		m[at+name] = "body"
	}
	return m
}

// TestMutations gives every client the good tree with one fault: the findings are what real clients were seen to do.
func TestMutations(t *testing.T) {
	const index, images = "streams/v1/index.json", "streams/v1/images.json"
	both := "incus hidden,lxd hidden"
	for _, c := range []struct {
		name, file, old, new string
		want                 string // of LXD, Incus and Python
	}{
		{"as it is", images, "", "", ""},
		{"version named v3", images, `"20240105_0732":{`, `"v3":{`, both},
		{"version is a date", images, `"20240105_0732":{`, `"20240105":{`, ""},
		{"version with dashes", images, `"20240105_0732":{`, `"2024-01-05":{`, both},
		{"version of month 13", images, `"20240105_0732":{`, `"20241305_0732":{`, both},
		{"version with a suffix", images, `"20240105_0732":{`, `"20240105.1":{`, ""},
		{"unknown architecture", images, `"arch":"amd64"`, `"arch":"foo"`, both},
		{"kernel's name of it", images, `"arch":"amd64"`, `"arch":"x86_64"`, ""},
		{"amd64v3", images, `"arch":"amd64"`, `"arch":"amd64v3"`, "incus hidden"},
		{"no architecture", images, `"arch":"amd64",`, ``, both},
		{"size is a string", images, `"size":4`, `"size":"4"`, "incus refused,lxd refused,python refused"},
		{"size is a float", images, `"size":4`, `"size":4.0`, "incus refused,lxd refused,python refused"},
		{"no size", images, `"size":4,`, ``, "incus broken,lxd broken,python refused"},
		{"requirement is a boolean", images, `"requirements":{}`, `"requirements":{"secureboot":false}`, "incus refused,lxd refused"},
		{"unknown requirement", images, `"requirements":{}`, `"requirements":{"nesting":"true"}`, ""},
		{"no requirements", images, `,"requirements":{}`, ``, ""},
		{"aliases are a list", images, `"aliases":"ubuntu/noble/default,ubuntu/noble"`, `"aliases":["a"]`, "incus refused,lxd refused"},
		{"blank in aliases", images, `default,ubuntu`, `default, ubuntu`, "incus broken,lxd broken"},
		{"no aliases", images, `"aliases":"ubuntu/noble/default,ubuntu/noble",`, ``, ""},
		{"supported is a string", images, `"os":`, `"supported":"true","os":`, "incus refused,lxd refused"},
		{"no fingerprint", images, `,"combined_squashfs_sha256":"` + digest0 + `"`, ``, both},
		{"fingerprint in upper case", images, `"combined_squashfs_sha256":"e3`, `"combined_squashfs_sha256":"E3`, "incus broken,lxd broken"},
		{"digest in upper case", images, `"sha256":"e3`, `"sha256":"E3`, "incus broken,lxd broken,python broken"},
		{"no digest", images, `,"sha256":"` + digest0 + `"`, ``, "incus broken,lxd broken,python refused"},
		{"md5 only", images, `"sha256":"` + digest0, `"md5":"` + digest0[:32], "incus broken,lxd broken"},
		{"index lists no products", index, `["ubuntu:noble:amd64:default"]`, `[]`, both},
		{"index has no list of products", index, `,"products":["ubuntu:noble:amd64:default"]`, ``, both},
		{"index lists another product", index, `["ubuntu:noble:amd64:default"]`, `["x"]`, ""},
		{"no datatype", index, `"datatype":"image-downloads",`, ``, both},
		{"index has no format", index, `"format":"index:1.0",`, ``, "python refused"},
		{"entry has no format", index, `"format":"products:1.0",`, ``, "python hidden"},
		{"catalogue has no format", images, `"format":"products:1.0",`, ``, "python refused"},
		{"no content_id", images, `"content_id":"images",`, ``, "python refused"},
		{"another content_id", images, `"content_id":"images"`, `"content_id":"other"`, ""},
		{"absolute path", images, `"path":"images/`, `"path":"/images/`, "python refused"},
		{"per cent in a path", images, "", "", ""},
		{"no metadata for Incus", images, `"ftype":"incus.tar.xz"`, `"ftype":"x.tar.xz"`, "incus hidden"},
		{"base is gone", images, `"delta_base":"20240103_0731"`, `"delta_base":"20230101"`, "incus note,lxd note"},
		{"two deltas", images, `"rootfs.squashfs":{`, `"rootfs.x.vcdiff":{"ftype":"squashfs.vcdiff","path":"` + at + `rootfs.squashfs","size":4,"sha256":"` + digest0 +
			`","delta_base":"20240103_0731"},"rootfs.squashfs":{`, "incus broken"},
		{"delta of a machine", images, `"squashfs.vcdiff"`, `"disk-kvm.img.vcdiff"`, "incus broken"},
		{"unknown fields", images, `"os":`, `"x":[1,{"y":2}],"os":`, ""},
		{"updated is a number", images, `"updated":"Mon, 01 Jan 2024 00:00:00 +0000"`, `"updated":1`, "incus refused,lxd refused"},
		{"no versions", images, `"versions":{`, `"versions":{},"x":{`, ""},
		{"byte order mark", index, `{"format"`, "\ufeff" + `{"format"`, "incus refused,lxd refused,python refused"},
		{"no catalogue", index, `streams/v1/images.json`, `streams/v1/none.json`, "incus refused,lxd refused,python refused"},
		{"catalogue outside of the tree", index, `streams/v1/images.json`, `../images.json`, "incus refused,lxd refused,python refused"},
		{"catalogue with a dot in its path", index, `streams/v1/images.json`, `./streams//v1/images.json`, ""},
		{"cut off", images, `,"requirements":{}}}}`, ``, "incus refused,lxd refused,python refused"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := good()
			if c.old != "" && !strings.Contains(m[c.file], c.old) {
				t.Fatalf("there is no %s in %s", c.old, c.file)
			}
			if c.old != "" {
				m[c.file] = strings.ReplaceAll(m[c.file], c.old, c.new)
			}
			want(t, m, c.want)
		})
	}
}

// want checks the kinds of findings, each once.
func want(t *testing.T, m memory, want string) {
	t.Helper()
	findings, err := Check(t.Context(), m, Options{Clients: []Client{LXD, Incus, Python}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range findings {
		if kind := string(f.Client) + " " + string(f.Level); !slices.Contains(got, kind) {
			got = append(got, kind)
		}
	}
	slices.Sort(got)
	if g := strings.Join(got, ","); g != want {
		t.Errorf("got %q, want %q: %v", g, want, findings)
	}
}

func TestFiles(t *testing.T) {
	m := good()
	delete(m, at+"rootfs.squashfs")
	want(t, m, "incus broken,lxd broken,python broken")
	m[at+"rootfs.squashfs"] = "longer"
	want(t, m, "incus broken,lxd broken,python broken")
	findings, err := Check(t.Context(), m, Options{NoFiles: true, Clients: []Client{LXD}})
	if err != nil || len(findings) > 0 {
		t.Errorf("got %v, %v", findings, err)
	}
}

// locked is a tree of which a file cannot be looked at.
type locked struct{ memory }

func (l locked) Stat(ctx context.Context, path string) (store.Info, error) {
	if path == at+"rootfs.squashfs" {
		return store.Info{}, &fs.PathError{Op: "stat", Path: path, Err: fs.ErrPermission}
	}
	return l.memory.Stat(ctx, path)
}

// TestLockedFile: a file that cannot be looked at is told, and so is all else.
func TestLockedFile(t *testing.T) {
	m := good()
	delete(m, at+"disk.qcow2")
	findings, err := Check(t.Context(), locked{m}, Options{Clients: []Client{LXD}})
	text := fmt.Sprint(findings)
	if err != nil || !strings.Contains(text, "rootfs.squashfs cannot be looked at: ") || !strings.Contains(text, "disk.qcow2 is not there") {
		t.Errorf("got %v, %v", findings, err)
	}
}

func TestPerCent(t *testing.T) {
	m := good()
	m[at+"a%2.squashfs"] = "body"
	m["streams/v1/images.json"] = strings.ReplaceAll(m["streams/v1/images.json"], at+"rootfs.squashfs", at+"a%2.squashfs")
	want(t, m, "incus broken")
}

func TestNoIndex(t *testing.T) {
	want(t, memory{}, "incus refused,lxd refused,python refused")
}

func TestSameBaseName(t *testing.T) {
	m := good()
	m["other/images.json"] = m["streams/v1/images.json"]
	m["streams/v1/index.json"] = strings.Replace(m["streams/v1/index.json"], `"images":{`,
		`"daily":{"datatype":"image-downloads","path":"other/images.json","format":"products:1.0","products":["x"]},"images":{`, 1)
	want(t, m, "incus broken,lxd broken")
}

const maasTree = `{"content_id":"c","format":"products:1.0","datatype":"image-downloads","updated":"Mon, 01 Jan 2024 00:00:00 +0000","products":{
"boot":{"arch":"amd64","arches":"amd64","label":"stable","os":"grub","bootloader-type":"uefi","versions":{"1":{"items":{
 "g":{"ftype":"grub2-signed","path":"p","size":1,"sha256":"x","src_package":"a","src_release":"b","src_version":"c"}}}}},
"many":{"arch":"amd64","label":"stable","os":"ubuntu","release":"noble","release_title":"n","subarch":"ga","subarches":"generic","version":"24.04","versions":{"1":{"items":{
 "k":{"ftype":"boot-kernel"},"i":{"ftype":"boot-initrd"},"m":{"ftype":"manifest"},"s":{"ftype":"squashfs"}}}}}}}`

func TestMAAS(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"as it is", "", "", ""},
		{"no manifest", `"m":{"ftype":"manifest"},`, ``, "many/1: it has no manifest"},
		{"no root", `"squashfs"`, `"x"`, "many/1: it has no root file system: one of squashfs, root-image.gz"},
		{"no kernel", `"boot-kernel"`, `"x"`, "many/1: it has no boot-kernel and boot-initrd"},
		{"no subarches", `"subarches":"generic",`, ``, "many: it has no subarches"},
		{"no source package", `"src_package":"a",`, ``, "boot/1: grub2-signed has no src_package"},
		{"no bootloader", `"grub2-signed"`, `"x"`, "boot/1: it has no bootloader: one of grub2-signed, shim-signed, grub2, syslinux"},
		{"no updated", `"updated":"Mon, 01 Jan 2024 00:00:00 +0000",`, ``, "it has no updated"},
		{"another time", `Mon, 01 Jan 2024 00:00:00 +0000`, `yesterday`, `updated is "yesterday": a time as "Mon, 02 Jan 2006 15:04:05 -0700" is needed`},
		{"datatype", `image-downloads`, `x`, `datatype is "x": it has to be image-ids or image-downloads`},
	} {
		m := good()
		m["streams/v1/images.json"] = strings.Replace(maasTree, c.old, c.new, 1)
		findings, err := Check(t.Context(), m, Options{Clients: []Client{MAAS}, NoFiles: true})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range findings {
			got = append(got, strings.TrimPrefix(f.String(), "maas: refused: streams/v1/images.json: "))
		}
		if g := strings.Join(got, "\n"); g != c.want {
			t.Errorf("%s: got %s", c.name, g)
		}
	}
}

func TestJujuAndMultipass(t *testing.T) {
	m := good()
	m["streams/v1/index.json"] = strings.ReplaceAll(m["streams/v1/index.json"], `["ubuntu:noble:amd64:default"]`, `["x"]`)
	m["streams/v1/images.json"] = strings.ReplaceAll(m["streams/v1/images.json"], `"release":"noble"`, `"release":24.04`)
	findings, err := Check(t.Context(), m, Options{Clients: []Client{Juju, Multipass}})
	if err != nil {
		t.Fatal(err)
	}
	const want = `[juju: hidden: streams/v1/images.json: ubuntu:noble:amd64:default: the index does not list the product ` +
		`juju: refused: streams/v1/images.json: ubuntu:noble:amd64:default: release is 24.04: it has to be a string ` +
		`multipass: hidden: streams/v1/images.json: ubuntu:noble:amd64:default: no version has one of disk1.img, uefi1.img, img.xz]`
	if got := fmt.Sprint(findings); got != want {
		t.Errorf("got %s", got)
	}
}

func FuzzCheck(f *testing.F) {
	m := good()
	f.Add([]byte(m["streams/v1/index.json"]), []byte(m["streams/v1/images.json"]))
	f.Add([]byte(m["streams/v1/index.json"]), []byte(maasTree))
	f.Fuzz(func(t *testing.T, index, images []byte) {
		m := memory{"streams/v1/index.json": string(bytes.Clone(index)), "streams/v1/images.json": string(bytes.Clone(images))}
		if _, err := Check(t.Context(), m, Options{}); err != nil {
			t.Error(err)
		}
	})
}
