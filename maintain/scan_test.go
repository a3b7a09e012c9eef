package maintain

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

// tree makes a file system of paths; "a -> b" is a link.
func tree(paths ...string) fstest.MapFS {
	fsys := make(fstest.MapFS)
	for _, p := range paths {
		if link, to, ok := strings.Cut(p, " -> "); ok {
			fsys[link] = &fstest.MapFile{Mode: 0o777 | 1<<27, Data: []byte(to)}
		} else {
			fsys[p] = &fstest.MapFile{Data: []byte(p)}
		}
	}
	return fsys
}

// outline says in one line what a tree holds.
func outline(t *Tree) string {
	var out []string
	for _, p := range t.Products {
		for _, v := range p.Versions {
			var names []string
			for _, f := range v.Files {
				names = append(names, f.Name)
			}
			out = append(out, fmt.Sprintf("%s %s [%s] %s", p.ID(), v.Name, strings.Join(names, " "), v.Missing([]Client{LXD})))
		}
	}
	for _, p := range t.Problems {
		out = append(out, "problem "+p.Path)
	}
	return strings.Join(out, "\n")
}

func TestScan(t *testing.T) {
	const v = "images/ubuntu/noble/amd64/cloud/"
	for _, c := range []struct {
		name  string
		paths []string
		want  string
	}{
		{"complete", []string{v + "v1/lxd.tar.xz", v + "v1/disk.qcow2", v + "v1/rootfs.squashfs", v + "v1/SHA256SUMS", v + "v1/build.log"},
			"ubuntu:noble:amd64:cloud v1 [disk.qcow2 lxd.tar.xz rootfs.squashfs] "},
		{"no metadata", []string{v + "v1/rootfs.squashfs"}, "ubuntu:noble:amd64:cloud v1 [rootfs.squashfs] it has no metadata file"},
		{"no root", []string{v + "v1/lxd.tar.xz", v + "v1/root.tar.xz"}, "ubuntu:noble:amd64:cloud v1 [lxd.tar.xz root.tar.xz] it has no root file system"},
		{"hidden", []string{v + ".v1/lxd.tar.xz", v + ".v1/a.squashfs"}, "ubuntu:noble:amd64:cloud .v1 [a.squashfs lxd.tar.xz] it is hidden"},
		{"versions in byte order", []string{v + "v9/lxd.tar.xz", v + "v10/lxd.tar.xz"},
			"ubuntu:noble:amd64:cloud v10 [lxd.tar.xz] it has no root file system\nubuntu:noble:amd64:cloud v9 [lxd.tar.xz] it has no root file system"},
		{"wrong depth", []string{"images/a/b/c/lxd.tar.xz", "images/a/b/c/d/e/f/lxd.tar.xz", "images/x"}, "a:b:c:d e [] it has no metadata file"},
		{"extensions", []string{v + "v1/lxd.tar.xz", v + "v1/a.SQUASHFS", v + "v1/b.qcow2.gz", v + "v1/c.img", v + "v1/d.v0.qcow2.vcdiff", v + "v1/meta.tar.xz"},
			"ubuntu:noble:amd64:cloud v1 [d.v0.qcow2.vcdiff lxd.tar.xz meta.tar.xz] it has no root file system"},
		{"same id", []string{"images/a:b/c/amd64/v/1/lxd.tar.xz", "images/a/b:c/amd64/v/1/lxd.tar.xz"},
			"a:b:c:amd64:v 1 [lxd.tar.xz] it has no root file system\nproblem images/a:b/c/amd64/v"},
		{"linked variant", []string{v + "v1/lxd.tar.xz", "images/ubuntu/noble/amd64/default -> cloud"},
			"ubuntu:noble:amd64:cloud v1 [lxd.tar.xz] it has no root file system\nubuntu:noble:amd64:default v1 [lxd.tar.xz] it has no root file system"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Scan(t.Context(), tree(c.paths...), "images")
			if err != nil {
				t.Fatal(err)
			}
			if o := outline(got); o != c.want {
				t.Errorf("got\n%s\nwant\n%s", o, c.want)
			}
		})
	}
}

func TestScanStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Scan(ctx, tree("images/a/b/c/d/1/lxd.tar.xz"), "images"); err != context.Canceled {
		t.Errorf("got %v", err)
	}
}

func TestCompleteForClients(t *testing.T) {
	for _, c := range []struct {
		files   string
		clients []Client
		want    bool
	}{
		{"lxd.tar.xz a.squashfs", []Client{LXD}, true},
		{"incus.tar.xz a.squashfs", []Client{LXD}, false},
		{"incus.tar.xz a.squashfs", []Client{LXD, Incus}, true},
		{"incus_combined.tar.gz", []Client{Incus}, true},
		{"incus_combined.tar.gz", []Client{LXD}, false},
		{"lxd.tar.xz", []Client{LXD, Incus}, false},
	} {
		v := Version{Name: "1"}
		for _, name := range strings.Fields(c.files) {
			v.Files = append(v.Files, File{Name: name})
		}
		if got := v.Missing(c.clients); (got == "") != c.want {
			t.Errorf("%s for %v: %q", c.files, c.clients, got)
		}
	}
}

func TestSums(t *testing.T) {
	const a, b = "aaaa", "bbbb"
	for _, c := range []struct{ name, text, want string }{
		{"as sha256sum writes it", a + "  x\n" + b + "  y\n", "map[x:aaaa y:bbbb]"},
		{"binary, path, upper case", "AAAA *x\n" + b + "  ./y", "map[x:aaaa y:bbbb]"},
		{"blanks and carriage returns", "  " + a + " x  \r\n", "map[x:aaaa]"},
		{"the last of two", a + "  x\n" + b + "  x\n", "map[x:bbbb]"},
		{"other lines", "# comment\n\nlonely\n" + a + "\tx\n", "map[comment:#]"},
	} {
		got, err := readSums(strings.NewReader(c.text))
		if err != nil || fmt.Sprint(got) != c.want {
			t.Errorf("%s: got %v, %v", c.name, got, err)
		}
	}
	if _, err := readSums(strings.NewReader(strings.Repeat("a", 70000))); err == nil {
		t.Error("a line of 70,000 bytes was read")
	}
}

func TestDeltaNames(t *testing.T) {
	versions := []string{"v1", "2024.04.01", "01"}
	for _, c := range []struct{ name, base, target string }{
		{"rootfs.v1.vcdiff", "v1", "rootfs.squashfs"},
		{"disk.v1.qcow2.vcdiff", "v1", "disk.qcow2"},
		{"rootfs.2024.04.01.vcdiff", "2024.04.01", "rootfs.squashfs"},
		{"a.b.v1.vcdiff", "v1", "a.b.squashfs"},
		{"a.b.v0.vcdiff", "v0", ""},
		{"x.vcdiff", "x", ""},
		{".vcdiff", "", ""},
		{".qcow2.vcdiff", "", ""},
		{"qcow2.vcdiff", "qcow2", ""},
	} {
		base, target := deltaOf(c.name, versions)
		if base != c.base || target != c.target {
			t.Errorf("%s: base %q, target %q", c.name, base, target)
		}
		if c.target != "" && deltaName(c.target, c.base) != c.name {
			t.Errorf("%s of %s is called %s", c.target, c.base, deltaName(c.target, c.base))
		}
	}
}

func TestAliases(t *testing.T) {
	for _, c := range []struct {
		path     string
		releases []string
		want     string
	}{
		{"ubuntu/noble/amd64/cloud", nil, "ubuntu/noble/cloud"},
		{"ubuntu/noble/amd64/default", nil, "ubuntu/noble/default,ubuntu/noble"},
		{"arch/current/amd64/cloud", nil, "arch/current/cloud,arch/cloud"},
		{"arch/current/amd64/default", nil, "arch/current/default,arch/default,arch"},
		{"ubuntu/noble/amd64/cloud", []string{"24.04", "24"}, "ubuntu/noble/cloud,ubuntu/24.04/cloud,ubuntu/24/cloud"},
		{"ubuntu/noble/amd64/cloud", []string{"", "../up"}, "ubuntu/noble/cloud,ubuntu/cloud,up/cloud"},
	} {
		p := strings.Split(c.path, "/")
		config := &Config{ReleaseAliases: map[string]string{p[1]: strings.Join(c.releases, ",")}}
		if c.releases == nil {
			config = new(Config)
		}
		if got := aliases(&Product{Distro: p[0], Release: p[1], Arch: p[2], Variant: p[3]}, config); got != c.want {
			t.Errorf("%s %q: got %s", c.path, c.releases, got)
		}
	}
	for distro, want := range map[string]string{"ubuntu-core": "Ubuntu-Core", "openSUSE": "Opensuse", "rocky_linux": "Rocky_linux", "3com-x": "3Com-X"} {
		if got := osName(distro); got != want {
			t.Errorf("%s: got %s, want %s", distro, got, want)
		}
	}
}
