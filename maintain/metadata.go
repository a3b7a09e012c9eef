package maintain

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
	"go.yaml.in/yaml/v3"
)

// Metadata is what an image says about itself in metadata.yaml.
type Metadata struct {
	Architecture string            `yaml:"architecture"`
	CreationDate int64             `yaml:"creation_date"` // in seconds since 1970
	ExpiryDate   int64             `yaml:"expiry_date,omitempty"`
	Properties   map[string]string `yaml:"properties,omitempty"` // os, release, variant, description …

	Root Root `yaml:"-"` // what comes along in the same tarball
}

// Root is a kind of root file system.
type Root string

// Kinds of roots.
const (
	RootNone      Root = ""          // it is another file
	RootDirectory Root = "container" // a directory rootfs
	RootDisk      Root = "machine"   // a disk rootfs.img
)

// metadataLimit is how large a metadata.yaml may be.
const metadataLimit = 4 << 20

// ReadMetadata reads a tarball, compressed with xz, gzip, zstd or not at all, until it knows what is in it.
func ReadMetadata(r io.Reader) (*Metadata, error) {
	plain, err := uncompress(r)
	if err != nil {
		return nil, fmt.Errorf("it is no tarball of an image: %w", err)
	}
	var m *Metadata
	root := RootNone
	for t := tar.NewReader(plain); m == nil || root == RootNone; {
		h, err := t.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("it is no tarball of an image: %w", err)
		}
		switch name := path.Clean(h.Name); {
		case name == "metadata.yaml":
			if m, err = parseMetadata(io.LimitReader(t, metadataLimit)); err != nil {
				return nil, err
			}
		case name == "rootfs.img":
			root = RootDisk
		case name == "rootfs" || strings.HasPrefix(name, "rootfs/"):
			root = RootDirectory
		}
	}
	if m == nil {
		return nil, errors.New("there is no metadata.yaml in it")
	}
	m.Root = root
	return m, nil
}

func parseMetadata(r io.Reader) (*Metadata, error) {
	body, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	m := new(Metadata)
	if err := yaml.Unmarshal(body, m); err != nil {
		return nil, fmt.Errorf("metadata.yaml: %w", err)
	}
	if m.Architecture == "" {
		return nil, errors.New("metadata.yaml names no architecture")
	}
	return m, nil
}

// uncompress finds out how r is compressed by how it begins.
func uncompress(r io.Reader) (io.Reader, error) {
	b := bufio.NewReader(r)
	magic, err := b.Peek(6)
	if err != nil && err != io.EOF {
		return nil, err
	}
	switch text := string(magic); {
	case strings.HasPrefix(text, "\xfd7zXZ\x00"):
		return xz.NewReader(b)
	case strings.HasPrefix(text, "\x1f\x8b"):
		return gzip.NewReader(b)
	case strings.HasPrefix(text, "\x28\xb5\x2f\xfd"):
		d, err := zstd.NewReader(b, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, err
		}
		return d, nil
	}
	return b, nil
}

// WriteMetadata writes a tarball, compressed with xz, that holds a metadata.yaml and nothing else. Of equal metadata it
// makes equal tarballs.
func WriteMetadata(w io.Writer, m *Metadata) error {
	body, err := yaml.Marshal(m)
	if err != nil {
		return err
	}
	compressed, err := xz.NewWriter(w)
	if err != nil {
		return err
	}
	t := tar.NewWriter(compressed)
	h := &tar.Header{Name: "metadata.yaml", Mode: 0o644, Size: int64(len(body)), ModTime: time.Unix(m.CreationDate, 0)}
	if err := t.WriteHeader(h); err != nil {
		return err
	}
	if _, err := t.Write(body); err != nil {
		return err
	}
	return errors.Join(t.Close(), compressed.Close())
}
