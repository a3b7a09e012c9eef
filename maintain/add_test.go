package maintain

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// tarball makes one of names and contents.
func tarball(t testing.TB, files ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for i := 0; i < len(files); i += 2 {
		if err := w.WriteHeader(&tar.Header{Name: files[i], Size: int64(len(files[i+1])), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, files[i+1])
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func compressed(t testing.TB, body []byte, open func(io.Writer) (io.WriteCloser, error)) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := open(&out)
	if err != nil {
		t.Fatal(err)
	}
	w.Write(body)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// compressions are the ways in which tarballs come.
var compressions = map[string]func(io.Writer) (io.WriteCloser, error){
	"gzip": func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil },
	"xz":   func(w io.Writer) (io.WriteCloser, error) { return xz.NewWriter(w) },
	"zstd": func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) },
}

const aboutNoble = "architecture: x86_64\ncreation_date: 1704439920\nproperties: {os: Ubuntu, release: noble}\n"

func TestReadMetadata(t *testing.T) {
	plain := tarball(t, "./metadata.yaml", aboutNoble)
	for _, c := range []struct {
		name string
		body []byte
		want string
	}{
		{"plain", plain, "x86_64 1704439920 Ubuntu "},
		{"gzip", compressed(t, plain, compressions["gzip"]), "x86_64 1704439920 Ubuntu "},
		{"xz", compressed(t, plain, compressions["xz"]), "x86_64 1704439920 Ubuntu "},
		{"zstd", compressed(t, plain, compressions["zstd"]), "x86_64 1704439920 Ubuntu "},
		{"machine", tarball(t, "rootfs.img", "x", "metadata.yaml", aboutNoble), "x86_64 1704439920 Ubuntu machine"},
		{"container", tarball(t, "metadata.yaml", aboutNoble, "rootfs/etc/x", "x"), "x86_64 1704439920 Ubuntu container"},
		{"no metadata", tarball(t, "x", "y"), "there is no metadata.yaml in it"},
		{"no architecture", tarball(t, "metadata.yaml", "creation_date: 1"), "metadata.yaml names no architecture"},
		{"no tarball", []byte(strings.Repeat("x", 2000)), "it is no tarball of an image: archive/tar: invalid tar header"},
		{"nothing", nil, "there is no metadata.yaml in it"},
	} {
		m, err := ReadMetadata(bytes.NewReader(c.body))
		got := fmt.Sprint(err)
		if err == nil {
			got = fmt.Sprintln(m.Architecture, m.CreationDate, m.Properties["os"], m.Root)
		}
		want(t, c.name, strings.TrimSuffix(got, "\n"), c.want)
	}
}

func TestWriteMetadata(t *testing.T) {
	m := &Metadata{Architecture: "x86_64", CreationDate: 1704439920, Properties: map[string]string{"os": "Ubuntu", "release": "noble"}}
	var first, second bytes.Buffer
	if err := WriteMetadata(&first, m); err != nil {
		t.Fatal(err)
	}
	if err := WriteMetadata(&second, m); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("two tarballs differ")
	}
	got, err := ReadMetadata(&first)
	if err != nil || fmt.Sprint(*got) != fmt.Sprint(*m) {
		t.Errorf("got %v, %v", got, err)
	}
}

func FuzzReadMetadata(f *testing.F) {
	for _, files := range [][]string{{"metadata.yaml", aboutNoble}, {"metadata.yaml", aboutNoble, "rootfs.img", ""}, {"rootfs/x", "", "./metadata.yaml", aboutNoble},
		{"metadata.yaml", "architecture: [x]"}, {"metadata.yaml", "a b\nc"}, {"metadata.yaml", "creation_date: 1"}, {"other", "x"}, {}} {
		plain := tarball(f, files...)
		f.Add(plain)
		f.Add(plain[:len(plain)/2])
		for _, open := range compressions {
			body := compressed(f, plain, open)
			f.Add(body)
			f.Add(body[:len(body)/2])
			f.Add(compressed(f, plain[:len(plain)/2], open))
		}
	}
	f.Add([]byte("junk"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := ReadMetadata(bytes.NewReader(body))
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := WriteMetadata(&out, m); err != nil {
			t.Fatal(err)
		}
		if again, err := ReadMetadata(&out); err != nil || again.Architecture != m.Architecture || again.CreationDate != m.CreationDate || !maps.Equal(again.Properties, m.Properties) {
			t.Errorf("%+v came back as %+v, %v", m, again, err)
		}
	})
}

// images writes files for tests beside a tree: metadata, a squashfs, a qcow2, a whole container and a whole machine.
func (r *testRoot) images() map[string]string {
	r.Helper()
	files := map[string]string{
		"meta": string(tarball(r, "metadata.yaml", aboutNoble)), "squashfs": "hsqs and more", "qcow2": "QFI\xfb and more",
		"container": string(tarball(r, "metadata.yaml", aboutNoble, "rootfs/x", "")), "machine": string(tarball(r, "metadata.yaml", aboutNoble, "rootfs.img", "")),
		"junk": "junk",
	}
	for name, text := range files {
		at := filepath.Join(r.TempDir(), name)
		if err := os.WriteFile(at, []byte(text), 0o666); err != nil {
			r.Fatal(err)
		}
		files[name] = at
	}
	return files
}

func TestAddAndRemove(t *testing.T) {
	r := newTestRoot(t)
	f := r.images()
	for _, image := range []Image{
		{Metadata: f["meta"], Root: f["squashfs"], Aliases: []string{"web"}},
		{Metadata: f["meta"], Root: f["qcow2"]},
		{Metadata: f["container"], Variant: "whole"},
		{Metadata: f["machine"], Variant: "disk", OnlyAliases: true, Aliases: []string{"box"}},
	} {
		if _, err := Add(t.Context(), r.dir, image); err != nil {
			t.Fatal(err)
		}
	}
	r.mustBuild(Options{})
	r.check()
	images, err := ReadImages(t.Context(), openDirFS(r.dir), "streams/v1/index.json")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, i := range images {
		got = append(got, fmt.Sprint(i.Product, " ", i.Version, " ", i.Type, " ", i.Aliases, " ", i.Clients))
	}
	want(t, "images", strings.Join(got, "\n"), `ubuntu:noble:amd64:default 20240105_0732 virtual-machine [ubuntu/noble/default ubuntu/noble web] [lxd incus]
ubuntu:noble:amd64:default 20240105_0732 container [ubuntu/noble/default ubuntu/noble web] [lxd incus]
ubuntu:noble:amd64:disk 20240105_0732 virtual-machine [box] [incus]
ubuntu:noble:amd64:whole 20240105_0732 container [ubuntu/noble/whole] [lxd incus]`)
	for n, i := range images[:3] {
		if _, err := Remove(t.Context(), r.dir, Options{Publish: r.publish}, i.Fingerprint[:12]); err != nil {
			t.Fatal(err)
		}
		r.check()
		if left := strings.Count(r.listing(), "\n") + 1; left != []int{3, 2, 1}[n] {
			t.Errorf("after %d: %d versions are left", n, left)
		}
	}
	if r.exists("images/ubuntu/noble/amd64/default/20240105_0732") {
		t.Error("a version without an image is still there")
	}
	if r.exists(retiredPath) {
		t.Error("what was removed is still written down")
	}
	if _, err := Remove(t.Context(), r.dir, Options{Publish: r.publish}, images[0].Fingerprint); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if r.mustBuild(Options{}).Changed {
		t.Error("a build after a removal published")
	}
}

func TestAddErrors(t *testing.T) {
	r := newTestRoot(t)
	f := r.images()
	if _, err := Add(t.Context(), r.dir, Image{Metadata: f["meta"], Root: f["squashfs"]}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		image Image
		want  string
	}{
		{Image{Metadata: f["meta"], Root: f["squashfs"]}, "is there already"},
		{Image{Metadata: f["container"]}, "is there already"},
		{Image{Metadata: f["meta"]}, "there is no root file system in it"},
		{Image{Metadata: f["meta"], Root: f["junk"], Version: "2"}, "is neither a squashfs nor a qcow2"},
		{Image{Metadata: f["junk"], Version: "2"}, "it is no tarball of an image"},
		{Image{Metadata: f["meta"], Root: f["squashfs"], Variant: "../x"}, `"../x" cannot be a variant`},
		{Image{Metadata: f["meta"], Root: f["squashfs"], Version: ".x"}, `".x" cannot be a version`},
		{Image{Metadata: "nope"}, "no such file"},
	} {
		if _, err := Add(t.Context(), r.dir, c.image); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
	if r.exists("images/ubuntu/noble/amd64/default/2") || r.exists("images/ubuntu/noble/amd64/default/.2") {
		t.Error("something was left behind")
	}
}

// TestAddBesideHidden: what is hidden beside a version, by an upload or by an addition that was killed, does not come into
// it, and stays.
func TestAddBesideHidden(t *testing.T) {
	const variant = "images/ubuntu/noble/amd64/default/"
	r := newTestRoot(t)
	f := r.images()
	hidden := []string{variant + ".20240105_0732/disk.qcow2", variant + ".20240105_0732.0.add/disk.qcow2"}
	for _, path := range hidden {
		r.put(path, "QFI\xfb and")
	}
	for _, version := range []string{"", strings.Repeat("2", longestName)} {
		if _, err := Add(t.Context(), r.dir, Image{Metadata: f["meta"], Root: f["squashfs"], Version: version}); err != nil {
			t.Fatal(err)
		}
	}
	if r.exists(variant+"20240105_0732/disk.qcow2") || !r.exists(variant+"20240105_0732/rootfs.squashfs") || !r.exists(hidden[0]) || !r.exists(hidden[1]) {
		t.Error("the version is not what was added, or what was hidden is gone")
	}
	left, err := os.ReadDir(filepath.Join(r.dir, variant))
	if err != nil || len(left) != 4 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestAddAtOnce: of additions at the same time each is what it is alone: two roots come into one version, and of two that are
// of one kind the second is refused.
func TestAddAtOnce(t *testing.T) {
	const version = "images/ubuntu/noble/amd64/default/20240105_0732/"
	for range 20 {
		r := newTestRoot(t)
		f := r.images()
		contents := map[string]string{f["squashfs"]: "hsqs and more", f["junk"]: "hsqs and other"}
		if err := os.WriteFile(f["junk"], []byte(contents[f["junk"]]), 0o666); err != nil {
			t.Fatal(err)
		}
		var added sync.Map
		var all sync.WaitGroup
		for _, root := range []string{f["squashfs"], f["junk"], f["qcow2"]} {
			all.Go(func() {
				_, err := Add(t.Context(), r.dir, Image{Metadata: f["meta"], Root: root})
				if err == nil {
					added.Store(root, true)
				} else if !strings.Contains(err.Error(), "is there already") {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if _, ok := added.Load(f["qcow2"]); !ok || !r.exists(version+"disk.qcow2") {
			t.Error("the other root was refused")
		}
		text, err := os.ReadFile(filepath.Join(r.dir, version, "rootfs.squashfs"))
		if err != nil {
			t.Fatal(err)
		}
		for root, content := range contents {
			if _, ok := added.Load(root); ok != (content == string(text)) {
				t.Errorf("%q was added: %v; there is %q", content, ok, text)
			}
		}
		if left, err := os.ReadDir(filepath.Join(r.dir, version)); err != nil || len(left) != 4 {
			t.Errorf("left behind: %v, %v", left, err)
		}
		if left, err := os.ReadDir(filepath.Join(r.dir, filepath.Dir(filepath.Clean(version)))); err != nil || len(left) != 1 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	}
}

// dirSource reads files of a directory.
type dirSource struct{ dir string }

func openDirFS(dir string) dirSource { return dirSource{dir} }

func (d dirSource) Open(_ context.Context, path string, _ int64) (io.ReadCloser, error) {
	return os.Open(filepath.Join(d.dir, path))
}
