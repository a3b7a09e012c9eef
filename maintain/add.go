package maintain

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Image is an image that [Add] puts into a tree. What is empty is taken from the image's own metadata.
type Image struct {
	Metadata string // the file with the metadata, or the whole image
	Root     string // the file with the root file system; "": it is in Metadata

	Stream                         string // "": images
	Distro, Release, Arch, Variant string
	Version                        string // "": when the image was made, as YYYYMMDD_hhmm

	Aliases     []string // further names of the image
	OnlyAliases bool     // it has no other names
}

// Add copies an image to where it belongs below root and returns its directory, below root too. It is not listed before
// the next [Build]; until it is whole it is hidden. A version that is there with the same metadata takes another root.
func Add(ctx context.Context, root string, image Image) (string, error) {
	if err := checkRoot(root); err != nil {
		return "", err
	}
	about, err := readMetadataFile(image.Metadata)
	if err != nil {
		return "", err
	}
	rootName, metaName := "", LXD.metadata()
	if image.Root != "" {
		if rootName, err = rootNameOf(image.Root); err != nil {
			return "", err
		}
	} else if metaName, err = wholeName(about); err != nil {
		return "", fmt.Errorf("%s: %w", image.Metadata, err)
	}
	image.complete(about)
	dir, err := image.dir()
	if err != nil {
		return "", err
	}
	final := filepath.Join(root, dir)
	if _, err := os.Lstat(final); errors.Is(err, fs.ErrNotExist) {
		err := image.create(ctx, final, metaName, rootName, about)
		if !errors.Is(err, fs.ErrExist) { // which another addition has made meanwhile
			return dir, err
		}
	}
	return dir, image.join(ctx, root, final, metaName, rootName)
}

// create makes the directory of a version, hidden until it is whole. The error is [fs.ErrExist] if there is one by then.
func (i *Image) create(ctx context.Context, final, metaName, rootName string, about *Metadata) (err error) {
	hidden, err := makeHidden(final)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(hidden) // it is as it was before
		}
	}()
	if err := i.copyInto(ctx, hidden, metaName, rootName, about); err != nil {
		return err
	}
	return os.Rename(hidden, final)
}

// makeHidden makes an empty directory beside final that is nobody else's: an upload may be hidden there, or what an
// addition has left that was killed.
func makeHidden(final string) (string, error) {
	parent, name := filepath.Split(final)
	for n := 0; ; n++ {
		if err := os.MkdirAll(parent, 0o777); err != nil {
			return "", err
		}
		suffix := fmt.Sprintf(".%d.add", n)
		hidden := parent + "." + strings.ToValidUTF8(name[:min(len(name), longestName-len(suffix)-1)], "") + suffix
		err := os.Mkdir(hidden, 0o777)
		swept := errors.Is(err, fs.ErrNotExist) && n < 10 // by a prune, which takes empty directories away
		if !swept && !errors.Is(err, fs.ErrExist) {
			return hidden, err
		}
	}
}

func thereAlready(version string) error {
	return fmt.Errorf("%s is there already: give another --version, or remove it", version)
}

// join puts a second root beside the first, if both go with the same metadata: a container and a virtual machine. It waits
// for other runs: a removal may be about to delete the version.
func (i *Image) join(ctx context.Context, root, dir, metaName, rootName string) error {
	if err := i.fits(dir, metaName, rootName); err != nil {
		return err
	}
	hidden, err := makeHidden(dir)
	if err != nil {
		return err
	}
	defer os.RemoveAll(hidden)
	temp := filepath.Join(hidden, rootName)
	if err := copyFile(ctx, i.Root, temp); err != nil {
		return err
	}
	unlock, err := lock(ctx, root, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer unlock()
	if err := i.fits(dir, metaName, rootName); err != nil {
		return err
	}
	return os.Rename(temp, filepath.Join(dir, rootName))
}

// fits returns an error unless a version has the image's metadata and no root of that name.
func (i *Image) fits(dir, metaName, rootName string) error {
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s was removed meanwhile: add the image again", dir)
	}
	same, err := sameContent(filepath.Join(dir, metaName), i.Metadata)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, err := os.Lstat(filepath.Join(dir, rootName)); !same || rootName == "" || err == nil {
		return thereAlready(dir)
	}
	return nil
}

func sameContent(a, b string) (bool, error) {
	var sums [2][sha256.Size]byte
	for n, name := range []string{a, b} {
		body, err := readPath(name)
		if err != nil {
			return false, err
		}
		sums[n] = sha256.Sum256(body)
	}
	return sums[0] == sums[1], nil
}

func readMetadataFile(name string) (*Metadata, error) {
	f, err := openPath(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	m, err := ReadMetadata(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return m, nil
}

// rootNameOf returns the name that a root file system is kept under, by how it begins.
func rootNameOf(name string) (string, error) {
	f, err := openPath(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	magic := make([]byte, 4)
	if _, err := io.ReadFull(f, magic); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && err != io.EOF {
		return "", err
	}
	switch {
	case bytes.Equal(magic, []byte("hsqs")):
		return "rootfs.squashfs", nil
	case bytes.Equal(magic, []byte("QFI\xfb")):
		return "disk.qcow2", nil
	}
	return "", fmt.Errorf("%s is neither a squashfs nor a qcow2", name)
}

// wholeName returns the name that a whole image is kept under.
func wholeName(m *Metadata) (string, error) {
	switch m.Root {
	case RootDirectory:
		return LXD.whole(), nil
	case RootDisk:
		return Incus.whole(), nil
	}
	return "", errors.New("there is no root file system in it: name the file that it is in")
}

// complete fills in what the image says about itself.
func (i *Image) complete(m *Metadata) {
	p := m.Properties
	i.Stream = cmp.Or(i.Stream, "images")
	i.Distro = cmp.Or(i.Distro, strings.ToLower(p["os"]), strings.ToLower(p["distribution"]))
	i.Release = cmp.Or(i.Release, p["release"])
	i.Arch = cmp.Or(i.Arch, p["architecture"], m.Architecture)
	i.Arch = cmp.Or(debianArch[i.Arch], i.Arch)
	i.Variant = cmp.Or(i.Variant, p["variant"], "default")
	i.Version = cmp.Or(i.Version, time.Unix(m.CreationDate, 0).UTC().Format("20060102_1504"))
}

// debianArch are the names that image servers use, by those of the kernel.
var debianArch = map[string]string{
	"x86_64": "amd64", "aarch64": "arm64", "armv7l": "armhf", "armv6l": "armel", "i686": "i386", "ppc64le": "ppc64el",
	"loongarch64": "loong64",
}

// dir is the image's directory below the root.
func (i *Image) dir() (string, error) {
	parts := []struct{ what, name string }{
		{"stream", i.Stream}, {"distribution", i.Distro}, {"release", i.Release}, {"architecture", i.Arch}, {"variant", i.Variant}, {"version", i.Version},
	}
	dir := ""
	for _, p := range parts {
		switch {
		case p.name == "":
			return "", fmt.Errorf("the image does not say its %s: give --%s", p.what, strings.Replace(p.what, "distribution", "os", 1))
		case strings.ContainsAny(p.name, "/\x00") || strings.HasPrefix(p.name, "."):
			return "", fmt.Errorf("%q cannot be a %s", p.name, p.what)
		}
		dir = path.Join(dir, p.name)
	}
	return dir, nil
}

// copyInto makes the directory of a version.
func (i *Image) copyInto(ctx context.Context, dir, metaName, rootName string, about *Metadata) error {
	if err := copyFile(ctx, i.Metadata, filepath.Join(dir, metaName)); err != nil {
		return err
	}
	if rootName != "" {
		if err := copyFile(ctx, i.Root, filepath.Join(dir, rootName)); err != nil {
			return err
		}
	}
	section := make(map[string]any)
	if name := about.Properties["os"]; name != "" {
		section["distro_name"] = name
	}
	if len(i.Aliases) > 0 {
		section["aliases"] = i.Aliases
	}
	if i.OnlyAliases {
		section["only_aliases"] = true
	}
	body, err := yaml.Marshal(map[string]any{"simplestream": section})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, configName), body, 0o666)
}

// copyFile copies a file durably.
func copyFile(ctx context.Context, from, to string) (err error) {
	in, err := openPath(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	buf := readBuffers.Get().(*[readSize]byte)
	defer readBuffers.Put(buf)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := io.CopyBuffer(struct{ io.Writer }{out}, io.LimitReader(in, 64<<20), buf[:])
		if err != nil {
			return err
		}
		if n == 0 {
			return out.Sync()
		}
	}
}
