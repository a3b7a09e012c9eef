package maintain

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-43fb3962/sstream/streams"
)

// product0 is where versions go in tests.
const product0 = "images/ubuntu/noble/amd64/cloud/"

// testRoot is a tree on disk.
type testRoot struct {
	testing.TB
	dir       string
	published int
}

func newTestRoot(t *testing.T) *testRoot { return &testRoot{TB: t, dir: t.TempDir()} }

func (r *testRoot) put(path, content string) {
	r.Helper()
	at := filepath.Join(r.dir, path)
	if err := os.MkdirAll(filepath.Dir(at), 0o777); err != nil {
		r.Fatal(err)
	}
	if err := os.WriteFile(at, []byte(content), 0o666); err != nil {
		r.Fatal(err)
	}
}

// body is content that hardly differs between versions.
func body(name, version string) string {
	return name + " of " + version + "\n" + strings.Repeat(name+" line\n", 20)
}

// version makes a version with the files named, or with the usual ones.
func (r *testRoot) version(path string, names ...string) {
	if len(names) == 0 {
		names = []string{"lxd.tar.xz", "rootfs.squashfs", "disk.qcow2"}
	}
	for _, name := range names {
		r.put(path+"/"+name, body(name, path))
	}
}

// age makes everything below path seem old.
func (r *testRoot) age(path string, by time.Duration) {
	r.Helper()
	then := time.Now().Add(-by)
	err := filepath.WalkDir(filepath.Join(r.dir, path), func(at string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chtimes(at, then, then)
	})
	if err != nil {
		r.Fatal(err)
	}
}

// publish writes documents as a publisher does, without its care.
func (r *testRoot) publish(_ context.Context, docs map[string][]byte) error {
	r.published++
	for path, doc := range docs {
		r.put(path, string(doc))
		var gz bytes.Buffer
		w := gzip.NewWriter(&gz)
		w.Write(doc)
		w.Close()
		r.put(path+".gz", gz.String())
	}
	return nil
}

func (r *testRoot) build(o Options) (*Report, error) {
	o.Publish = r.publish
	return Build(r.Context(), r.dir, o)
}

func (r *testRoot) mustBuild(o Options) *Report {
	r.Helper()
	report, err := r.build(o)
	if err != nil {
		r.Fatal(err)
	}
	return report
}

// listing says what the published catalogue lists, one version a line.
func (r *testRoot) listing() string {
	r.Helper()
	raw, err := os.ReadFile(filepath.Join(r.dir, "streams/v1/images.json"))
	if err != nil {
		r.Fatal(err)
	}
	c, err := streams.ParseProducts(raw)
	if err != nil {
		r.Fatal(err)
	}
	var out []string
	for id, p := range c.Products.All() {
		for name, v := range p.Versions.All() {
			out = append(out, fmt.Sprintf("%s %s: %s", id, name, strings.Join(v.Items.Names(), " ")))
		}
	}
	return strings.Join(out, "\n")
}

// check verifies every digest and size of the published catalogue against the disk.
func (r *testRoot) check() {
	r.Helper()
	raw, err := os.ReadFile(filepath.Join(r.dir, "streams/v1/images.json"))
	if err != nil {
		r.Fatal(err)
	}
	c, err := streams.ParseProducts(raw)
	if err != nil {
		r.Fatal(err)
	}
	read := func(path string) []byte {
		content, err := os.ReadFile(filepath.Join(r.dir, path))
		if err != nil {
			r.Errorf("listed: %v", err)
		}
		return content
	}
	sum := func(parts ...[]byte) string {
		h := sha256.Sum256(slices.Concat(parts...))
		return hex.EncodeToString(h[:])
	}
	for e := range c.All() {
		content := read(e.Item.Str("path"))
		if n, _ := e.Item.Get("size").Int(); n != int64(len(content)) || e.Item.Str("sha256") != sum(content) {
			r.Errorf("%s: listed as %d bytes, %s", e.Ref, n, e.Item.Str("sha256"))
		}
		if !isMetadata(e.Item.Str("ftype")) {
			continue
		}
		for _, root := range e.Version.Items.Names() {
			item, _ := e.Version.Items.Get(root)
			if field := combinedField(item.Str("ftype")); field != "" && e.Item.Str(field) != sum(content, read(item.Str("path"))) {
				r.Errorf("%s: %s is %q", e.Ref, field, e.Item.Str(field))
			}
		}
	}
}

func want(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got\n%s\nwant\n%s", what, got, want)
	}
}

func TestBuildSeed(t *testing.T) {
	r := newTestRoot(t)
	r.put(product0+"v1/lxd.tar.xz", "meta")
	r.put(product0+"v1/rootfs.squashfs", "root")
	r.put("images/ubuntu/noble/amd64/whole/v1/lxd_combined.tar.gz", "what simplestream-maintainer does not know")
	now := time.Date(2024, 5, 6, 7, 8, 9, 0, time.FixedZone("", 19800))
	r.mustBuild(Options{Seed: true, Now: func() time.Time { return now }})
	catalogue, _ := os.ReadFile(filepath.Join(r.dir, "streams/v1/images.json"))
	want(t, "catalogue", string(catalogue), `{"content_id":"images","format":"products:1.0","datatype":"image-downloads","products":{`+
		`"ubuntu:noble:amd64:cloud":{"aliases":"ubuntu/noble/cloud","arch":"amd64","distro":"ubuntu","os":"Ubuntu","release":"noble",`+
		`"release_title":"noble","variant":"cloud","versions":{"v1":{"items":{"lxd.tar.xz":{"ftype":"lxd.tar.xz",`+
		`"path":"images/ubuntu/noble/amd64/cloud/v1/lxd.tar.xz","size":4,"sha256":"`+sumOf("meta")+`",`+
		`"combined_squashfs_sha256":"`+sumOf("metaroot")+`"},"rootfs.squashfs":{"ftype":"squashfs",`+
		`"path":"images/ubuntu/noble/amd64/cloud/v1/rootfs.squashfs","size":4,"sha256":"`+sumOf("root")+`"}}}},"requirements":{}}}}`+"\n")
	index, _ := os.ReadFile(filepath.Join(r.dir, "streams/v1/index.json"))
	want(t, "index", string(index), `{"format":"index:1.0","index":{"images":{"datatype":"image-downloads","path":"streams/v1/images.json",`+
		`"format":"products:1.0","updated":"2024-05-06T07:08:09+05:30","products":["ubuntu:noble:amd64:cloud"]}}}`+"\n")
	if _, err := os.Stat(filepath.Join(r.dir, ".sstream")); !os.IsNotExist(err) {
		t.Errorf("something was left behind: %v", err)
	}
}

// TestBuildListedSize: the size and the checksum that an index lists of a catalogue stay as long as that does.
func TestBuildListedSize(t *testing.T) {
	r := newTestRoot(t)
	r.put(product0+"v1/lxd.tar.xz", "meta")
	r.put(product0+"v1/rootfs.squashfs", "root")
	r.mustBuild(Options{})
	name := filepath.Join(r.dir, "streams/v1/index.json")
	index := func() string {
		t.Helper()
		body, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	r.put("streams/v1/index.json", strings.Replace(index(), `"path":`, `"size": 7, "sha256": "x", "path":`, 1))
	r.mustBuild(Options{})
	if !strings.Contains(index(), `"sha256"`) {
		t.Errorf("the catalogue is the same, its checksum is gone: %s", index())
	}
	r.put(product0+"v2/lxd.tar.xz", "meta2")
	r.put(product0+"v2/rootfs.squashfs", "root2")
	r.mustBuild(Options{})
	if text := index(); strings.Contains(text, `"sha256"`) || strings.Contains(text, `"size"`) {
		t.Errorf("the catalogue is another one, and listed as it was: %s", text)
	}
}

func sumOf(text string) string {
	h := sha256.Sum256([]byte(text))
	return hex.EncodeToString(h[:])
}

func TestBuildForBothClients(t *testing.T) {
	r := newTestRoot(t)
	r.version(product0+"20240101", "lxd.tar.xz", "rootfs.squashfs")
	r.version(product0+"20240102", "incus.tar.xz", "disk.qcow2", "rootfs.squashfs")
	r.version(product0+"20240103", "incus.tar.xz", "lxd.tar.xz", "rootfs.squashfs")
	r.mustBuild(Options{})
	want(t, "listing", r.listing(), `ubuntu:noble:amd64:cloud 20240101: incus.tar.xz lxd.tar.xz rootfs.squashfs
ubuntu:noble:amd64:cloud 20240102: disk.qcow2 incus.tar.xz lxd.tar.xz rootfs.squashfs
ubuntu:noble:amd64:cloud 20240103: incus.tar.xz lxd.tar.xz rootfs.squashfs`)
	r.check()
}

func TestBuildAgain(t *testing.T) {
	r := newTestRoot(t)
	r.version(product0 + "20240101")
	r.version(product0 + "20240102")
	r.mustBuild(Options{})
	if report := r.mustBuild(Options{}); report.Changed || r.published != 1 {
		t.Errorf("a second build published")
	}
	r.put(product0+"20240101/rootfs.squashfs", "changed")
	if err := os.RemoveAll(filepath.Join(r.dir, product0+"20240102")); err != nil {
		t.Fatal(err)
	}
	report := r.mustBuild(Options{})
	r.check()
	s := report.Streams[0]
	if fmt.Sprint(s.Added, s.Removed, s.Altered) != "[] [ubuntu:noble:amd64:cloud/20240102] [ubuntu:noble:amd64:cloud/20240101/rootfs.squashfs]" {
		t.Errorf("got %v %v %v", s.Added, s.Removed, s.Altered)
	}
	if err := os.Remove(filepath.Join(r.dir, "streams/v1/images.json.gz")); err != nil {
		t.Fatal(err)
	}
	if !r.mustBuild(Options{}).Changed {
		t.Error("a missing companion was not noticed")
	}
	if err := os.RemoveAll(filepath.Join(r.dir, ".sstream")); err != nil {
		t.Fatal(err)
	}
	if r.mustBuild(Options{}).Changed {
		t.Error("without its memory a build published")
	}
}

// TestMemory shows that a build does not read what an interrupted one has read.
func TestMemory(t *testing.T) {
	r := newTestRoot(t)
	r.version(product0 + "20240101")
	failed := errors.New("publishing fails")
	_, err := Build(t.Context(), r.dir, Options{Publish: func(context.Context, map[string][]byte) error { return failed }})
	if !errors.Is(err, failed) {
		t.Fatal(err)
	}
	at := filepath.Join(r.dir, product0+"20240101/rootfs.squashfs")
	info, err := os.Stat(at)
	if err != nil {
		t.Fatal(err)
	}
	other := bytes.Repeat([]byte("x"), int(info.Size())) // the same size and time: only reading could tell
	if err := os.WriteFile(at, other, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(at, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	r.mustBuild(Options{})
	raw, _ := os.ReadFile(filepath.Join(r.dir, "streams/v1/images.json"))
	if bytes.Contains(raw, []byte(sumOf(string(other)))) {
		t.Error("the file was read again")
	}
}

func TestBuildLeavesOut(t *testing.T) {
	for _, c := range []struct {
		name    string
		spoil   func(r *testRoot)
		listing string
		problem string
	}{
		{"checksum", func(r *testRoot) { r.put(product0+"20240102/SHA256SUMS", sumOf("x")+"  disk.qcow2\n") }, "20240101", "20240102/disk.qcow2: it is not what SHA256SUMS says"},
		{"description", func(r *testRoot) { r.put(product0+"20240102/image.yaml", "a b\nc") }, "20240101", "20240102: image.yaml:"},
		{"file is a directory", func(r *testRoot) {
			os.Symlink(r.dir, filepath.Join(r.dir, product0+"20240102/x.squashfs"))
		}, "20240101", "x.squashfs: it is not a regular file"},
		{"dangling link", func(r *testRoot) {
			os.Symlink("nowhere", filepath.Join(r.dir, product0+"20240102/x.squashfs"))
		}, "20240101", "no such file or directory"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newTestRoot(t)
			r.version(product0 + "20240101")
			r.version(product0 + "20240102")
			c.spoil(r)
			report := r.mustBuild(Options{})
			if l := r.listing(); strings.Count(l, "\n") != 0 || !strings.Contains(l, c.listing) {
				t.Errorf("listed: %s", l)
			}
			if len(report.Problems) != 1 || !strings.Contains(report.Problems[0].Error(), c.problem) {
				t.Errorf("problems: %v", report.Problems)
			}
		})
	}
}

// TestBadFileOfListedVersion: what is listed and still right stays listed.
func TestBadFileOfListedVersion(t *testing.T) {
	r := newTestRoot(t)
	r.version(product0+"20240101", "lxd.tar.xz", "rootfs.squashfs")
	r.mustBuild(Options{Clients: []Client{LXD}})
	meta, root := body("lxd.tar.xz", product0+"20240101"), body("rootfs.squashfs", product0+"20240101")
	r.put(product0+"20240101/SHA256SUMS", sumOf(meta)+"  lxd.tar.xz\n"+sumOf(root)+"  rootfs.squashfs\n"+sumOf("x")+"  disk.qcow2\n")
	r.put(product0+"20240101/disk.qcow2", "not x")
	report := r.mustBuild(Options{Clients: []Client{LXD}})
	want(t, "listing", r.listing(), "ubuntu:noble:amd64:cloud 20240101: lxd.tar.xz rootfs.squashfs")
	if len(report.Problems) != 1 {
		t.Errorf("problems: %v", report.Problems)
	}
}

func TestCorruptCatalogue(t *testing.T) {
	r := newTestRoot(t)
	r.version(product0 + "20240101")
	const half = `{"content_id":"images",`
	r.put("streams/v1/images.json", half)
	_, err := r.build(Options{})
	if err == nil || !strings.Contains(err.Error(), "cannot read the catalogue streams/v1/images.json") || r.published != 0 {
		t.Errorf("got %v, %d publications", err, r.published)
	}
	r.mustBuild(Options{Rebuild: true})
	r.check()
}

func TestOneStreamFails(t *testing.T) {
	r := newTestRoot(t)
	r.version(product0 + "20240101")
	report := r.mustBuild(Options{Streams: []string{"nope", "images", "images/"}})
	r.check()
	if len(report.Problems) != 1 || report.Problems[0].Stream != "nope" {
		t.Errorf("problems: %v", report.Problems)
	}
	for _, name := range []string{"a/b", "../x", "index", ".x"} {
		if _, err := r.build(Options{Streams: []string{name}}); err == nil {
			t.Errorf("the stream %q was built", name)
		}
	}
}

func TestOtherStreamsStayInIndex(t *testing.T) {
	r := newTestRoot(t)
	r.version(product0 + "20240101")
	r.version("daily/debian/sid/amd64/default/20240101")
	r.mustBuild(Options{Streams: []string{"images", "daily"}})
	r.mustBuild(Options{Streams: []string{"daily"}})
	index, _ := os.ReadFile(filepath.Join(r.dir, "streams/v1/index.json"))
	if !bytes.Contains(index, []byte("streams/v1/images.json")) {
		t.Errorf("got %s", index)
	}
}

// TestInterrupted stops a build at every block that it reads: it ends, and publishes nothing.
func TestInterrupted(t *testing.T) {
	r := newTestRoot(t)
	r.version(product0 + "20240101")
	for n := 1; ; n++ {
		ctx := &countdown{Context: t.Context(), done: make(chan struct{})}
		ctx.left.Store(int64(n))
		_, err := Build(ctx, r.dir, Options{Publish: r.publish, Workers: 1})
		if err == nil {
			break
		}
		if !errors.Is(err, context.Canceled) || r.published != 0 {
			t.Fatalf("after %d looks: %v, %d publications", n, err, r.published)
		}
	}
	r.check()
}

// countdown is a context that is cancelled when it has been asked for its error left times.
type countdown struct {
	context.Context
	left atomic.Int64
	done chan struct{}
}

func (c *countdown) Done() <-chan struct{} { return c.done }

func (c *countdown) Err() error {
	left := c.left.Add(-1)
	if left == 0 {
		close(c.done)
	}
	if left <= 0 {
		return context.Canceled
	}
	return nil
}

// TestConcurrentBuilds: of many runs each publishes a whole catalogue.
func TestConcurrentBuilds(t *testing.T) {
	r := newTestRoot(t)
	for i := range 5 {
		r.version(fmt.Sprintf("%s2024010%d", product0, i+1))
	}
	done := make(chan error)
	for range 4 {
		go func() {
			_, err := Build(t.Context(), r.dir, Options{Publish: r.publish, Workers: 2})
			done <- err
		}()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if r.published != 1 {
		t.Errorf("published %d times", r.published)
	}
	r.check()
}

// copier is a Differ whose deltas are the target after a header.
type copier struct{ pad int }

const copierMagic = "delta\n"

func (c copier) Encode(_ context.Context, _, target, delta string) error {
	content, err := os.ReadFile(target)
	if err != nil {
		return err
	}
	if c.pad == 0 {
		return os.WriteFile(delta, []byte(copierMagic+target), 0o600)
	}
	return os.WriteFile(delta, append([]byte(copierMagic), content...), 0o600)
}

func (c copier) Verify(_ context.Context, _, delta, target string) error {
	content, err := os.ReadFile(delta)
	if err != nil {
		return err
	}
	made, ok := strings.CutPrefix(string(content), copierMagic)
	if !ok {
		return errors.New("not a delta")
	}
	body, err := os.ReadFile(made)
	if err != nil {
		return err
	}
	want, err := os.ReadFile(target)
	if err == nil && !bytes.Equal(body, want) {
		err = errors.New("another file")
	}
	return err
}

func TestDeltas(t *testing.T) {
	both := []string{"squashfs", "disk-kvm.img"}
	for _, c := range []struct {
		name    string
		o       Options
		prepare func(r *testRoot)
		want    string // the items of the newest version
	}{
		{"as the original", Options{Seed: true, Differ: copier{}}, nil,
			"disk.20240101.qcow2.vcdiff disk.qcow2 lxd.tar.xz rootfs.20240101.vcdiff rootfs.squashfs"},
		{"none for machines beside Incus", Options{Deltas: both, Differ: copier{}}, nil,
			"disk.qcow2 incus.tar.xz lxd.tar.xz rootfs.20240101.vcdiff rootfs.squashfs"},
		{"both for LXD", Options{Deltas: both, Differ: copier{}, Clients: []Client{LXD}}, nil,
			"disk.20240101.qcow2.vcdiff disk.qcow2 lxd.tar.xz rootfs.20240101.vcdiff rootfs.squashfs"},
		{"not smaller", Options{Differ: copier{pad: 1}, Clients: []Client{LXD}}, nil, "disk.qcow2 lxd.tar.xz rootfs.squashfs"},
		{"junk is made anew", Options{Differ: copier{}, Clients: []Client{LXD}},
			func(r *testRoot) { r.put(product0+"20240102/rootfs.20240101.vcdiff", "junk") },
			"disk.qcow2 lxd.tar.xz rootfs.20240101.vcdiff rootfs.squashfs"},
		{"base is gone", Options{Differ: copier{}, Clients: []Client{LXD}},
			func(r *testRoot) { r.put(product0+"20240102/rootfs.20230101.vcdiff", "x") },
			"disk.qcow2 lxd.tar.xz rootfs.20240101.vcdiff rootfs.squashfs"},
		{"nothing to make them with", Options{Clients: []Client{LXD}}, nil, "disk.qcow2 lxd.tar.xz rootfs.squashfs"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newTestRoot(t)
			r.version(product0 + "20240101")
			r.version(product0 + "20240102")
			if c.prepare != nil {
				c.prepare(r)
			}
			r.mustBuild(c.o)
			_, last, _ := strings.Cut(r.listing(), "20240102: ")
			want(t, "items", last, c.want)
			r.check()
			if r.mustBuild(c.o).Changed {
				t.Error("a second build published")
			}
		})
	}
}

// liar is a Differ that says that it made a delta.
type liar struct{ copier }

func (liar) Encode(_ context.Context, _, _, delta string) error {
	return os.WriteFile(delta, []byte("junk"), 0o600)
}

// TestDeltaThatMakesNothing: what does not decode is neither listed nor left behind, and told.
func TestDeltaThatMakesNothing(t *testing.T) {
	r := newTestRoot(t)
	r.version(product0 + "20240101")
	r.version(product0 + "20240102")
	report, err := r.build(Options{Differ: liar{}, Clients: []Client{LXD}})
	if err != nil || len(report.Problems) != 1 || !strings.Contains(report.Problems[0].Error(), "not a delta") {
		t.Errorf("%v, problems %v", err, report.Problems)
	}
	if listing := r.listing(); strings.Contains(listing, "vcdiff") {
		t.Errorf("listed is %s", listing)
	}
	if files, err := filepath.Glob(filepath.Join(r.dir, product0, "*/*vcdiff*")); err != nil || len(files) > 0 {
		t.Errorf("left are %q, %v", files, err)
	}
}

func TestOneDeltaForIncus(t *testing.T) {
	r := newTestRoot(t)
	r.version(product0+"20240101", "incus.tar.xz", "rootfs.squashfs")
	r.version(product0+"20240103", "incus.tar.xz", "rootfs.squashfs")
	r.mustBuild(Options{Differ: copier{}})
	r.version(product0+"20240102", "incus.tar.xz", "rootfs.squashfs")
	r.mustBuild(Options{Differ: copier{}})
	want(t, "listing", r.listing(), `ubuntu:noble:amd64:cloud 20240101: incus.tar.xz lxd.tar.xz rootfs.squashfs
ubuntu:noble:amd64:cloud 20240102: incus.tar.xz lxd.tar.xz rootfs.20240101.vcdiff rootfs.squashfs
ubuntu:noble:amd64:cloud 20240103: incus.tar.xz lxd.tar.xz rootfs.20240102.vcdiff rootfs.squashfs`)
}

// TestSumsOfDeltas: the deltas of a new version are added to its checksums, on lines of their own.
func TestSumsOfDeltas(t *testing.T) {
	r := newTestRoot(t)
	r.version(product0+"20240101", "lxd.tar.xz", "rootfs.squashfs")
	r.version(product0+"20240102", "lxd.tar.xz", "rootfs.squashfs")
	sums := sumOf(body("lxd.tar.xz", product0+"20240102")) + "  lxd.tar.xz\n" + sumOf(body("rootfs.squashfs", product0+"20240102")) + "  rootfs.squashfs"
	r.put(product0+"20240102/SHA256SUMS", sums)
	r.mustBuild(Options{Differ: copier{}})
	delta, err := os.ReadFile(filepath.Join(r.dir, product0+"20240102/rootfs.20240101.vcdiff"))
	if err != nil {
		t.Fatal(err)
	}
	got, _ := os.ReadFile(filepath.Join(r.dir, product0+"20240102/SHA256SUMS"))
	want(t, "SHA256SUMS", string(got), sums+"\n"+sumOf(string(delta))+"  rootfs.20240101.vcdiff\n")
}

func TestMemoryRoundTrip(t *testing.T) {
	root := t.TempDir()
	m := openMemory(root)
	f := File{Name: "a b", Size: 7, Modified: time.Unix(1, 2)}
	sum := fileSum{sha256: emptySum, combined: fingerprints{{emptySum, emptySum}}}
	m.add("d/a b", f, sum)
	m.addUseless("d/x y", emptySum, emptySum)
	if _, err := m.out.WriteString("file 1 2 half"); err != nil {
		t.Fatal(err)
	}
	m.close()
	again := openMemory(root)
	got, known, _ := again.recall("d", f)
	if !known || got.sha256 != emptySum || !slices.Equal(got.combined, sum.combined) || !again.isUseless("d/x y", emptySum, emptySum) {
		t.Errorf("got %+v, %v", got, known)
	}
	other := File{Name: "e", Size: 7, Modified: time.Unix(1, 2)}
	again.add("d/e", other, sum)
	stamps := map[string]string{"d/e f": "stamp"}
	again.list("d/e f", stamps["d/e f"])
	all := func(string) bool { return true }
	if err := again.keep(all, func(path string) bool { return path == "d/e" }, all); err != nil {
		t.Fatal(err)
	}
	again.close()
	last := openMemory(root)
	if _, known, _ := last.recall("d", f); known {
		t.Error("what was forgotten is known")
	}
	if _, known, _ := last.recall("d", other); !known {
		t.Error("what was kept is not known")
	}
	if !maps.Equal(last.versions, stamps) || !last.isUseless("d/x y", emptySum, emptySum) {
		t.Errorf("got %v and %v", last.versions, last.useless)
	}
}

// TestChangedFileOfFailedRun: what a run has read that could not publish is verified by the next one all the same.
func TestChangedFileOfFailedRun(t *testing.T) {
	r := newTestRoot(t)
	const v = product0 + "20240101"
	r.version(v, "lxd.tar.xz", "rootfs.squashfs")
	r.put(v+"/SHA256SUMS", sumOf(body("lxd.tar.xz", v))+"  lxd.tar.xz\n"+sumOf(body("rootfs.squashfs", v))+"  rootfs.squashfs\n")
	r.mustBuild(Options{})
	r.put(v+"/rootfs.squashfs", "tampered")
	r.put("images/debian/sid/amd64/default/20240101/lxd.tar.xz", "m")
	r.put("images/debian/sid/amd64/default/20240101/a.squashfs", "r")
	failed := errors.New("no")
	if _, err := Build(t.Context(), r.dir, Options{Publish: func(context.Context, map[string][]byte) error { return failed }}); !errors.Is(err, failed) {
		t.Fatal(err)
	}
	report := r.mustBuild(Options{})
	want(t, "listing", r.listing(), "debian:sid:amd64:default 20240101: a.squashfs incus.tar.xz lxd.tar.xz")
	if len(report.Problems) == 0 {
		t.Error("nothing was reported")
	}
}

// TestDeltaOfChangedFile: a delta is checked again when its base or its target has changed.
func TestDeltaOfChangedFile(t *testing.T) {
	for _, changed := range []string{"20240101", "20240102"} {
		r := newTestRoot(t)
		for n, v := range []string{"20240101", "20240102"} {
			r.put(product0+v+"/lxd.tar.xz", v)
			r.put(product0+v+"/rootfs.squashfs", fmt.Sprint(strings.Repeat("0123456789abcdef", 500), n))
		}
		r.mustBuild(Options{Differ: &VCDIFF{}})
		delta := filepath.Join(r.dir, product0+"20240102/rootfs.20240101.vcdiff")
		before, err := os.ReadFile(delta)
		if err != nil {
			t.Fatal(err)
		}
		r.put(product0+changed+"/rootfs.squashfs", strings.Repeat("fedcba9876543210 changed", 400))
		r.mustBuild(Options{Differ: &VCDIFF{}})
		r.check()
		if after, err := os.ReadFile(delta); err == nil && bytes.Equal(before, after) && strings.Contains(r.listing(), "vcdiff") {
			t.Errorf("%s: a delta that is no longer right is listed", changed)
		}
	}
}

// TestReadOnlyMemory: where nothing can be written down, builds do without.
func TestReadOnlyMemory(t *testing.T) {
	r := newTestRoot(t)
	r.version(product0 + "20240101")
	r.put(".sstream/build.sums/x", "in the way")
	r.mustBuild(Options{})
	r.check()
}

// TestSeedStreamFails: under the old name too, a stream that fails does not keep back the others.
func TestSeedStreamFails(t *testing.T) {
	r := newTestRoot(t)
	r.version(product0 + "20240101")
	r.version("daily/debian/sid/amd64/default/20240101")
	r.put("daily/debian/sid/amd64/default/20240101/image.yaml", "a b\nc")
	report := r.mustBuild(Options{Seed: true, Streams: []string{"daily", "images", "nope"}})
	r.check()
	if len(report.Failed) != 2 || len(report.Streams) != 1 {
		t.Errorf("failed: %v", report.Failed)
	}
}
