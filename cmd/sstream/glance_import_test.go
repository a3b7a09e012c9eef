package main

import (
	"bytes"
	"crypto/md5"
	"crypto/sha512"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed-43fb3962/sstream/streams"
)

// qcow2 returns a disk, and an image of it in the format that most sources have.
func qcow2(t *testing.T, size int) (disk, image []byte) {
	t.Helper()
	disk = make([]byte, size)
	rand.NewChaCha8([32]byte{}).Read(disk)
	dir := t.TempDir()
	from, to := filepath.Join(dir, "disk"), filepath.Join(dir, "disk.qcow2")
	if err := os.WriteFile(from, disk, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("qemu-img", "convert", "-f", "raw", "-O", "qcow2", from, to).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	image, err := os.ReadFile(to)
	if err != nil {
		t.Fatal(err)
	}
	return disk, image
}

// wantOnly demands that a region has one image, of that format and with those bytes, and that its stream names it.
func (c *realCloud) wantOnly(region, format string, data []byte) {
	c.t.Helper()
	images := c.images(region)
	if len(images) != 1 {
		c.t.Fatalf("%s: %d images", region, len(images))
	}
	i := images[0]
	if i["status"] != "active" || i["disk_format"] != format || fmt.Sprint(i["size"]) != fmt.Sprint(len(data)) ||
		i["os_hash_value"] != fmt.Sprintf("%x", sha512.Sum512(data)) {
		c.t.Errorf("%s: %v", region, i)
	}
	if e := c.only(region); e.Get("id") != i["id"] {
		c.t.Errorf("%s: the stream names %s, not %v", region, e.Get("id"), i["id"])
	}
}

// only returns the one item of the stream of bigOptions.
func (c *realCloud) only(region string) streams.Entity {
	c.t.Helper()
	p, err := streams.ParseProducts(c.get(c.address(region, "streams/v1/big.json")))
	if err != nil {
		c.t.Fatal(err)
	}
	for e := range p.All() {
		return e
	}
	c.t.Fatalf("%s: the stream is empty", region)
	return streams.Entity{}
}

// TestRealImport uploads by way of an import: into a region that takes images as they are, and one that converts them.
func TestRealImport(t *testing.T) {
	c := newRealCloud(t)
	disk, image := qcow2(t, 2<<20)
	source := sourceOf(t, image)
	close(source.release)
	options := []string{"--region=RegionTwo", "--image-import-conversion"}
	if out, errs := c.must(bigOptions(source, options...)...); strings.Count(out, "created ") != 2 || errs != "" {
		t.Errorf("the first run: %s%s", out, errs)
	}
	c.wantOnly("RegionOne", "qcow2", image)
	c.wantOnly("RegionTwo", "raw", disk)
	for _, o := range [][]string{options, options[:1]} {
		if out, errs := c.must(bigOptions(source, o...)...); out+errs != "" {
			t.Errorf("another run with %s: %s%s", o, out, errs)
		}
	}
}

// TestRealImportFails imports what cannot be converted. The run says so, and leaves nothing.
func TestRealImportFails(t *testing.T) {
	c := newRealCloud(t)
	source := newBigSource(t, 1<<20)
	close(source.release)
	_, errs, code := c.run(bigOptions(source, "--region=RegionTwo", "--image-import-conversion")...)
	if code != exitPart || !strings.Contains(errs, "region RegionTwo: cannot upload p/1/disk1.img: the service took image ") ||
		!strings.Contains(errs, " and left it importing: the import failed: ") || strings.Contains(errs, "RegionOne") {
		t.Errorf("exit code %d\n%s", code, errs)
	}
	if images := c.images("RegionTwo"); len(images) != 0 {
		t.Errorf("left: %v", images)
	}
	c.wantOnly("RegionOne", "qcow2", bytes.Repeat([]byte("0123456789abcdef"), 1<<16))
}

// TestRealModifyHook has a command change what is uploaded: the images, their metadata and the streams are those of the
// changed file.
func TestRealModifyHook(t *testing.T) {
	c := newRealCloud(t)
	source := newBigSource(t, 1<<20)
	close(source.release)
	hook := filepath.Join(t.TempDir(), "hook")
	script := "#!/bin/sh\nprintf ' by %s of %s' \"$1\" \"$product_name\" >> \"$IMAGE_PATH\"\n"
	if err := os.WriteFile(hook, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	args := bigOptions(source, "--region=RegionTwo", "--modify-hook="+hook+" me")
	if out, errs := c.must(args...); strings.Count(out, "created ") != 2 || errs != "" {
		t.Errorf("the first run: %s%s", out, errs)
	}
	changed := append(bytes.Repeat([]byte("0123456789abcdef"), 1<<16), " by me of p"...)
	for _, region := range []string{"RegionOne", "RegionTwo"} {
		c.wantOnly(region, "qcow2", changed)
		if e := c.only(region); e.Get("md5") != fmt.Sprintf("%x", md5.Sum(changed)) || e.Get("size") != fmt.Sprint(len(changed)) {
			t.Errorf("%s: published: %v", region, e.Flat())
		}
	}
	if out, errs := c.must(args...); out+errs != "" {
		t.Errorf("the second run: %s%s", out, errs)
	}
}
