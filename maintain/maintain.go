// Package maintain turns a directory of images into Simple Streams documents, and removes versions that are too old.
//
// A version of an image is a directory <stream>/<distro>/<release>/<arch>/<variant>/<version>/ with a metadata tarball
// and root file systems. [Scan] reads such a tree, [Build] makes the product files and the index of what it found,
// [Prune] takes old versions out of the documents and then off the disk.
package maintain

import (
	"fmt"
	"io/fs"
	"strings"
)

// Problem is something that kept a stream, a product, a version or a file out of the documents.
type Problem struct {
	Stream  string
	Product string // "distro:release:arch:variant"; "" if it concerns the stream
	Version string // "" if it concerns the product
	Item    string // "" if it concerns the version
	Path    string // below the root
	Err     error
}

// Error returns "path: what is wrong".
func (p Problem) Error() string { return fmt.Sprintf("%s: %v", p.Path, p.Err) }

// Unwrap returns what is wrong.
func (p Problem) Unwrap() error { return p.Err }

// absent is [fs.ErrNotExist] in words that say more.
type absent string

func (a absent) Error() string { return string(a) }

func (a absent) Is(target error) bool { return target == fs.ErrNotExist }

// Client is a family of programs that read the documents.
type Client string

// Families that tell images by their metadata file.
const (
	LXD   Client = "lxd"
	Incus Client = "incus"
)

// ParseClients reads a list as the option --clients has it.
func ParseClients(names []string) ([]Client, error) {
	var clients []Client
	for _, name := range names {
		c := Client(strings.ToLower(strings.TrimSpace(name)))
		if c != LXD && c != Incus {
			return nil, fmt.Errorf("unknown client %q: lxd and incus are known", name)
		}
		clients = append(clients, c)
	}
	return clients, nil
}

// metadata is the file, and the ftype, by which a client knows an image in two parts.
func (c Client) metadata() string { return string(c) + ".tar.xz" }

// whole is the file, and the ftype, by which a client knows an image in one part.
func (c Client) whole() string { return string(c) + "_combined.tar.gz" }
