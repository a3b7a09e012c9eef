package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed-43fb3962/sstream/fetch"
	"github.com/seed-43fb3962/sstream/streams"
)

// killSource writes a stream of 400 files in versions named after day, and returns its files by path.
func killSource(t *testing.T, dir string, day int) map[string][]byte {
	t.Helper()
	return writeStream(t, dir, day, 20, 20)
}

// writeStream writes a stream of so many products of so many files each, the first of which is larger, in versions named
// after day, and returns its files by path.
func writeStream(t *testing.T, dir string, day, products, items int) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	list := &streams.Products{Products: streams.MakeNodes[*streams.Product]()}
	list.Set("format", streams.String(streams.ProductsFormat))
	list.Set("content_id", streams.String("kill"))
	for p := range products {
		product := &streams.Product{Versions: streams.MakeNodes[*streams.Version]()}
		version := &streams.Version{Items: streams.MakeNodes[*streams.Item]()}
		for i := range items {
			path := fmt.Sprintf("files/%d/%02d/%02d", day, p, i)
			data := bytes.Repeat([]byte(path), 500)
			if i == 0 {
				data = bytes.Repeat(data, 15)
			}
			files[path] = data
			it := &streams.Item{}
			it.Set("path", streams.String(path))
			it.Set("size", streams.Int(int64(len(data))))
			it.Set("sha256", streams.String(fmt.Sprintf("%x", sha256.Sum256(data))))
			version.Items.Set(fmt.Sprint(i), it)
		}
		product.Versions.Set(fmt.Sprintf("202401%02d", day), version)
		list.Products.Set(fmt.Sprintf("p%02d", p), product)
	}
	files["streams/v1/list.json"] = streams.Append(nil, list, streams.Style{})
	files["streams/v1/index.json"] = fmt.Appendf(nil, `{"format":"index:1.0","day":%d,"index":{"kill":{"format":"products:1.0","path":"streams/v1/list.json"}}}`, day)
	for path, data := range files {
		writeFile(t, filepath.Join(dir, path), data)
	}
	return files
}

// TestKilled kills the program at many points of an update, with no chance to clean up. What is published is there and
// whole every time, and the run that is let be leaves what an undisturbed one leaves.
func TestKilled(t *testing.T) {
	source, target := t.TempDir(), t.TempDir()
	killSource(t, source, 1)
	sstream, mirror := newProgram(t), []string{"mirror", "--grace=0", "--path=streams/v1/index.json", source, target}
	sstream.run(t, mirror...)
	var want map[string][]byte
	for day, killed := 2, 0; killed < enough; day++ {
		want = killSource(t, source, day)
		killed += killUntilDone(t, sstream, mirror, target)
	}
	for path, data := range want {
		got, err := os.ReadFile(filepath.Join(target, path))
		if err != nil || !bytes.Equal(got, data) {
			t.Fatalf("%s is not as it should be (%v)", path, err)
		}
	}
	held, err := filepath.Glob(filepath.Join(target, "files/*/*/*"))
	if documents := 2; err != nil || len(held)+documents != len(want) {
		t.Errorf("%d files are there, those of old versions too (%v)", len(held), err)
	}
}

// TestKilledWhileMaking does so while files are made of deltas.
func TestKilledWhileMaking(t *testing.T) {
	source, target := t.TempDir(), t.TempDir()
	sstream, mirror := newProgram(t), []string{"mirror", "--grace=0", "--use-deltas", "--path=streams/v1/index.json", source, target}
	add := func(day int) {
		version := fmt.Sprintf("202405%02d", day)
		for p := range 8 {
			dir := filepath.Join(source, fmt.Sprintf("images/ubuntu/r%d/amd64/cloud", p), version)
			image := bytes.Repeat([]byte(fmt.Sprintf("%d: a line of an image that stays. ", p)), 20000)
			image = append(image, version...)
			for name, data := range map[string][]byte{"rootfs.squashfs": image, "lxd.tar.xz": []byte(version)} {
				writeFile(t, filepath.Join(dir, name), data)
			}
		}
		sstream.run(t, "build", "--loglevel=error", source)
	}
	add(1)
	sstream.run(t, mirror...)
	for day, killed := 2, 0; killed < enough; day += 2 {
		add(day)
		add(day + 1)
		killed += killUntilDone(t, sstream, mirror, target)
	}
	if out, err := exec.Command("diff", "-r", filepath.Join(source, "images"), filepath.Join(target, "images")).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// enough is how many kills there have to be: on a busy machine a kill may come when a run has ended.
const enough = 3

// killUntilDone runs a mirror and kills it, later each time, until it comes to its end before that. It returns how often
// it did.
func killUntilDone(t *testing.T, sstream program, mirror []string, target string) (killed int) {
	t.Helper()
	for k := newKiller(sstream); k.strike(t, mirror...); {
		checkListed(t, target)
		killed++
	}
	checkListed(t, target)
	parts, err := exec.Command("find", target, "-name", "*.part").Output()
	if err != nil || strings.TrimSpace(string(parts)) != "" {
		t.Errorf("left over: %s (%v)", parts, err)
	}
	return killed
}

// checkListed: whatever is listed is there and whole.
func checkListed(t *testing.T, target string) {
	t.Helper()
	m, err := fetch.Open(target, fetch.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for doc, err := range m.Walk(t.Context(), "streams/v1/index.json", nil) {
		if err != nil {
			t.Fatal(err)
		}
		if doc.Products == nil {
			continue
		}
		for e := range doc.Products.All() {
			f, err := os.Open(filepath.Join(target, e.Item.Str("path")))
			if err != nil {
				t.Fatalf("listed, but: %v", err)
			}
			ok, err := streams.DigestOf(e.Get).Check(f)
			f.Close()
			if !ok || err != nil {
				t.Fatalf("%s is listed, but not whole (%v)", e.Ref, err)
			}
		}
	}
}
