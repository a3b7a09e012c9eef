package maintain

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/seed-43fb3962/sstream/streams"
)

// leastFingerprint is how much of a fingerprint has to be given: as much as clients show.
const leastFingerprint = 12

// FindImage returns the one image of the streams whose fingerprint begins so, and its stream.
func FindImage(root string, o Options, fingerprint string) (Listed, error) {
	o = o.withDefaults()
	if len(fingerprint) < leastFingerprint {
		return Listed{}, fmt.Errorf("fingerprint %q is too short: %d digits are needed", fingerprint, leastFingerprint)
	}
	s := site{fsys: openDisk(root), version: o.StreamVersion}
	var found []Listed
	for _, name := range o.Streams {
		c, _, _, err := s.openCatalogue(s.document(name), o.Log)
		if err != nil {
			return Listed{}, err
		}
		if c == nil {
			continue
		}
		for _, image := range Images(c) {
			if strings.HasPrefix(image.Fingerprint, strings.ToLower(fingerprint)) {
				found = append(found, image)
			}
		}
	}
	switch len(found) {
	case 0:
		return Listed{}, fmt.Errorf("no image has the fingerprint %s: %w", fingerprint, fs.ErrNotExist)
	case 1:
		return found[0], nil
	}
	return Listed{}, fmt.Errorf("%d images have the fingerprint %s, the first is %s/%s", len(found), fingerprint, found[0].Product, found[0].Version)
}

// Remove takes an image out of the documents and then deletes its files: the whole version if nothing else is in it.
func Remove(ctx context.Context, root string, o Options, image Listed) (*Report, error) {
	o.Omit = append(slices.Clip(o.Omit), image.Paths[len(image.Paths)-1]) // the root: others may share the metadata
	report, err := Build(ctx, root, o)
	if err != nil {
		return report, err
	}
	for _, s := range report.Streams {
		if _, listed := s.Products.Find(streams.Ref{Product: image.Product, Version: image.Version}); listed && strings.HasPrefix(image.Paths[0], s.Name+"/") {
			return report, removeFiles(root, o.Omit)
		}
	}
	return report, removeVersion(root, path.Dir(image.Paths[0]))
}

func removeFiles(root string, paths []string) error {
	dir, err := os.OpenRoot(root)
	if err != nil {
		return err
	}
	defer dir.Close()
	for _, p := range paths {
		err = errors.Join(err, dir.Remove(p))
	}
	return err
}

// prunedSuffix ends the name of a version, hidden besides, that is being deleted.
const prunedSuffix = ".pruned"

// isPruned tells whether a directory is what is left of a version by a deletion that did not come to its end.
func isPruned(name string) bool {
	return strings.HasPrefix(name, ".") && strings.HasSuffix(name, prunedSuffix)
}

// removeVersion deletes the directory of a version. It is hidden first, so that what is left of it after a crash is
// never taken for a version.
func removeVersion(root, version string) error {
	dir, err := os.OpenRoot(root)
	if err != nil {
		return err
	}
	defer dir.Close()
	if isPruned(path.Base(version)) {
		return dir.RemoveAll(version)
	}
	hidden := path.Join(path.Dir(version), "."+strings.TrimPrefix(path.Base(version), ".")+prunedSuffix)
	if err := dir.RemoveAll(hidden); err != nil { // an earlier version of that name may have left some
		return err
	}
	if err := dir.Rename(version, hidden); err != nil {
		return err
	}
	return dir.RemoveAll(hidden)
}
