package web_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seed-43fb3962/sstream/streams"
)

// distros are what a server of system container images offers: name, title, releases.
var distros = []struct {
	name, title string
	releases    string
}{
	{"ubuntu", "Ubuntu", "focal jammy noble questing resolute"}, {"almalinux", "AlmaLinux", "8 9 10"}, {"alpine", "Alpine", "3.9 3.20 3.21 3.22 edge"}, {"archlinux", "Arch Linux", "current"},
	{"centos", "CentOS", "9-Stream 10-Stream"}, {"debian", "Debian", "bullseye bookworm trixie forky"}, {"devuan", "Devuan", "chimaera daedalus"},
	{"fedora", "Fedora", "41 42 43"}, {"gentoo", "Gentoo", "current"}, {"kali", "Kali", "current"}, {"nixos", "NixOS", "25.05 25.11 unstable"},
	{"openeuler", "openEuler", "22.03 24.03"}, {"opensuse", "openSUSE", "15.6 tumbleweed"}, {"openwrt", "OpenWrt", "23.05 24.10 snapshot"},
	{"oracle", "Oracle", "8 9"}, {"rockylinux", "Rocky Linux", "8 9 10"}, {"slackware", "Slackware", "15.0 current"},
	{"voidlinux", "Void Linux", "current"},
}

// now is when the sample's newest images were built.
var now = time.Date(2026, 11, 22, 7, 42, 0, 0, time.UTC)

// sampleProducts makes a catalogue of n products with the given number of versions, as a builder for LXD and Incus
// writes it: every version a container and a virtual machine, for both clients.
func sampleProducts(t testing.TB, n, versions int) *streams.Products {
	t.Helper()
	var b strings.Builder
	b.WriteString(`{"content_id":"images","format":"products:1.0","datatype":"image-downloads","updated":"Sun, 22 Nov 2026 08:00:00 +0000","products":{`)
	count := 0
	for count < n {
		round := count
		for _, d := range distros {
			for _, release := range strings.Fields(d.releases) {
				for _, arch := range []string{"amd64", "arm64", "armhf", "ppc64el", "riscv64", "s390x"} {
					for _, variant := range []string{"default", "cloud", "desktop"} {
						if count == n {
							break
						}
						if round > 0 {
							variant = fmt.Sprintf("%s-%d", variant, round)
						}
						if count > 0 {
							b.WriteString(",")
						}
						sampleProduct(&b, d.name, d.title, release, arch, variant, versions, count)
						count++
					}
				}
			}
		}
	}
	b.WriteString("}}")
	products, err := streams.ParseProducts([]byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	return products
}

func sampleProduct(b *strings.Builder, distro, title, release, arch, variant string, versions, n int) {
	alias := distro + "/" + release + "/" + variant
	if variant == "default" {
		alias += "," + distro + "/" + release
	}
	requires := "{}"
	if distro == "openwrt" {
		requires = `{"secureboot":"false"}`
	}
	id := distro + ":" + release + ":" + arch + ":" + variant
	fmt.Fprintf(b, `%q:{"aliases":%q,"arch":%q,"distro":%q,"os":%q,"release":%q,"release_title":%q,"variant":%q,"requirements":%s,"versions":{`,
		id, alias, arch, distro, title, release, release, variant, requires)
	for v := range versions {
		if v > 0 {
			b.WriteString(",")
		}
		version := now.AddDate(0, 0, -n%40-versions+v+1).Format("20060102_1504")
		dir := "images/" + strings.ReplaceAll(id, ":", "/") + "/" + version + "/"
		sum := func(what string) string {
			s := sha256.Sum256([]byte(id + version + what))
			return hex.EncodeToString(s[:])
		}
		fmt.Fprintf(b, `%q:{"items":{`, version)
		for _, meta := range []string{"lxd.tar.xz", "incus.tar.xz"} {
			fmt.Fprintf(b, `%q:{"ftype":%q,"path":%q,"size":%d,"sha256":%q,"combined_squashfs_sha256":%q,"combined_disk-kvm-img_sha256":%q},`,
				meta, meta, dir+meta, 600+n%300, sum(meta), sum("c"), sum("v"))
		}
		fmt.Fprintf(b, `"rootfs.squashfs":{"ftype":"squashfs","path":%q,"size":%d,"sha256":%q},"disk.qcow2":{"ftype":"disk-kvm.img","path":%q,"size":%d,"sha256":%q}}}`,
			dir+"rootfs.squashfs", 3_000_000+n*77_777%400_000_000, sum("r"), dir+"disk.qcow2", 200_000_000+n*99_999%700_000_000, sum("d"))
	}
	b.WriteString("}}")
}
