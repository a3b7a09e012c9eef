package web

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-43fb3962/sstream/streams"
)

func TestBuiltAt(t *testing.T) {
	for name, want := range map[string]string{
		"20241119":        "2024-11-19",
		"20241119.1":      "2024-11-19",
		"20241119_0742":   "2024-11-19 07:42Z",
		"20241119_07:42":  "2024-11-19 07:42Z",
		"202411190742":    "2024-11-19 07:42Z",
		"20241119-074259": "2024-11-19 07:42Z",
		"20241119T2460":   "2024-11-19",
		"20241319":        "",
		"20240230":        "",
		"v1":              "",
		"2024-11-19":      "",
		"":                "",
	} {
		if got := builtAt(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

func TestHumanSize(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 999: "999 B", 1000: "1.00 kB", 9994: "9.99 kB", 9995: "10.0 kB", 99_949: "99.9 kB", 99_950: "100 kB", 999_499: "999 kB", 999_500: "1.00 MB",
		123_456_789: "123 MB", 1 << 40: "1.10 TB", 1<<63 - 1: "9223 PB", -1: "-1 B",
	} {
		if got := humanSize(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

func TestCompareNatural(t *testing.T) {
	want := []string{"", "3.9", "3.20", "3.020a", "9-Stream", "10-Stream", "alpine", "Debian", "debian 2", "fedora"}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortStableFunc(got, compareNatural)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestImagesOf(t *testing.T) {
	for _, c := range []struct {
		name, items string
		want        []image
	}{
		{"nothing", `{}`, nil},
		{"metadata alone", `{"m":{"ftype":"lxd.tar.xz","combined_squashfs_sha256":"c"}}`, nil},
		{"root alone", `{"r":{"ftype":"squashfs"}}`, nil},
		{"no fingerprint", `{"m":{"ftype":"lxd.tar.xz"},"r":{"ftype":"squashfs"}}`, nil},
		{"container", `{"m":{"ftype":"lxd.tar.xz","combined_squashfs_sha256":"c"},"r":{"ftype":"squashfs"}}`, []image{{0, container, "c", "r"}}},
		{"root.tar.xz by either field", `{"m":{"ftype":"incus.tar.xz","combined_sha256":"c"},"r":{"ftype":"root.tar.xz"}}`, []image{{1, container, "c", "r"}}},
		{"both clients, all kinds", `{"l":{"ftype":"lxd.tar.xz","combined_squashfs_sha256":"c","combined_disk1-img_sha256":"d"},
			"i":{"ftype":"incus.tar.xz","combined_uefi1-img_sha256":"u"},"r":{"ftype":"squashfs"},"d":{"ftype":"disk1.img"},"u":{"ftype":"uefi1.img"}}`,
			[]image{{0, container, "c", "r"}, {0, machine, "d", "d"}, {1, machine, "u", "u"}}},
		{"one file", `{"l":{"ftype":"lxd_combined.tar.gz","sha256":"l"},"i":{"ftype":"incus_combined.tar.gz","sha256":"i","combined_type":"virtual-machine"}}`,
			[]image{{0, container, "l", "l"}, {1, machine, "i", "i"}}},
	} {
		p, err := streams.ParseProducts([]byte(`{"products":{"p":{"versions":{"v":{"items":` + c.items + `}}}}}`))
		if err != nil {
			t.Fatal(err)
		}
		e, _ := p.Find(streams.Ref{Product: "p", Version: "v"})
		if diff := cmp.Diff(c.want, imagesOf(e.Version), cmp.AllowUnexported(image{})); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

func TestListingPlaces(t *testing.T) {
	var l listing
	for _, c := range []struct{ path, want string }{
		{"a/b/20240101/x.img", "x.img"},
		{"a/b/20240101/sub/x.img", "sub/x.img"},
		{"a/b/20240102/x.img", "/a/b/20240102/x.img"},
		{"other/20240101/x.img", "/other/20240101/x.img"},
		{"a/b/20240101/(x)", "/a/b/20240101/(x)"},
		{"../x", "(../x)"},
		{"/x", "(/x)"},
		{"a\tb", "(a\tb)"}, // add makes it printable
		{"", "(name)"},
	} {
		if got := l.place("20240101", file{path: c.path, name: "name"}); got != c.want {
			t.Errorf("%q: %q, want %q", c.path, got, c.want)
		}
	}
	if l.dir != "a/b/" {
		t.Errorf("directory %q", l.dir)
	}
}
