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

// Remove takes the one image whose fingerprint begins so out of the documents and then deletes its root and the deltas
// that make it, or the whole version if nothing else of it is listed. What is going to be deleted is written down before:
// should the run end halfway, builds do not list it again and the next [Prune] deletes it. The error is [fs.ErrNotExist]
// if no stream has such an image.
func Remove(ctx context.Context, root string, o Options, fingerprint string) (*Report, error) {
	b, err := openBuilder(ctx, root, o)
	if err != nil {
		return nil, err
	}
	defer b.close(ctx)
	r := &remover{builder: b, publish: b.Publish}
	if err := r.find(fingerprint); err != nil {
		return nil, err
	}
	if b.Publish != nil {
		b.Publish = r.replace
	}
	r.retire(r.files, true)
	err = b.run(ctx)
	switch {
	case err != nil || r.publish == nil:
		return b.report, err
	case r.going == nil:
		return b.report, fmt.Errorf("image %s is still listed: its stream could not be built", fingerprint)
	}
	return b.report, r.delete()
}

// remover is a build without an image, whose files are deleted afterwards.
type remover struct {
	*builder
	image   Listed
	files   []string // that go in any case, by path: others may share the metadata
	publish func(ctx context.Context, docs map[string][]byte) error
	going   []string // what no document lists any more: files, or the version; nil before they are published
	whole   bool     // going is the version
}

// find finds the image that is meant.
func (r *remover) find(fingerprint string) error {
	if len(fingerprint) < leastFingerprint {
		return fmt.Errorf("fingerprint %q is too short: %d digits are needed", fingerprint, leastFingerprint)
	}
	found := 0
	for _, name := range r.Streams {
		c, _, _, err := r.openCatalogue(r.document(name), r.Log)
		if err != nil {
			return err
		}
		if c == nil {
			continue
		}
		for _, image := range Images(c) {
			if strings.HasPrefix(image.Fingerprint, strings.ToLower(fingerprint)) {
				found++
				r.image, r.files = image, rootOf(image, c)
			}
		}
	}
	switch found {
	case 0:
		return absent("no image has the fingerprint " + fingerprint)
	case 1:
		return nil
	}
	return fmt.Errorf("%d images have the fingerprint %s, the last is %s/%s", found, fingerprint, r.image.Product, r.image.Version)
}

// rootOf returns the paths of an image's root and of the deltas that make it.
func rootOf(image Listed, c *streams.Products) []string {
	files := image.Paths[len(image.Paths)-1:]
	e, _ := c.Find(streams.Ref{Product: image.Product, Version: image.Version})
	for _, root := range e.Version.Items.All() {
		for _, delta := range e.Version.Items.All() {
			if root.Str("path") == files[0] && delta.Str("ftype") == root.Str("ftype")+".vcdiff" {
				files = append(files, delta.Str("path"))
			}
		}
	}
	return files
}

// retire takes note that files, or a version, are to be deleted, or that they are not.
func (r *remover) retire(paths []string, retired bool) {
	for _, path := range paths {
		if retired {
			r.retired[path] = r.now()
		} else {
			delete(r.retired, path)
		}
	}
}

// replace publishes documents that the image is not in.
func (r *remover) replace(ctx context.Context, docs map[string][]byte) error {
	stream, _, _ := strings.Cut(r.files[0], "/")
	i := slices.IndexFunc(r.report.Streams, func(s StreamReport) bool { return s.Name == stream })
	if i < 0 {
		return r.publish(ctx, docs)
	}
	going := r.files
	if _, listed := r.report.Streams[i].Products.Find(streams.Ref{Product: r.image.Product, Version: r.image.Version}); !listed {
		r.retire(going, false)
		going, r.whole = []string{path.Dir(going[0])}, true
		r.retire(going, true)
	}
	if err := writeRetired(r.root, r.retired); err != nil {
		return err
	}
	if err := r.publish(ctx, docs); err != nil {
		r.retire(going, false)
		return errors.Join(err, writeRetired(r.root, r.retired))
	}
	r.going = going
	return nil
}

// delete deletes what is going, and forgets it: a version as soon as it is hidden, for it may be added again.
func (r *remover) delete() error {
	if r.whole {
		hidden, err := hideVersion(r.root, r.going[0])
		if err == nil {
			err = r.forget()
		}
		if err != nil {
			return err
		}
		return removeVersion(r.root, hidden)
	}
	for _, path := range r.going {
		if err := removeVersion(r.root, path); err != nil {
			return err
		}
	}
	return r.forget()
}

func (r *remover) forget() error {
	r.retire(r.going, false)
	return writeRetired(r.root, r.retired)
}

// prunedSuffix ends the name of a version, hidden besides, that is being deleted.
const prunedSuffix = ".pruned"

// longestName is how many bytes a file system takes for a name.
const longestName = 255

// isPruned tells whether a directory is what is left of a version by a deletion that did not come to its end.
func isPruned(name string) bool {
	return strings.HasPrefix(name, ".") && strings.HasSuffix(name, prunedSuffix)
}

// hideVersion renames the directory of a version, so that what is left of it after a crash is never taken for a version,
// and returns its new path.
func hideVersion(root, version string) (hidden string, err error) {
	dir, err := os.OpenRoot(root)
	if err != nil {
		return "", err
	}
	defer dir.Close()
	name := strings.TrimPrefix(path.Base(version), ".")
	name = strings.ToValidUTF8(name[:min(len(name), longestName-len(prunedSuffix)-1)], "")
	hidden = path.Join(path.Dir(version), "."+name+prunedSuffix)
	if err := dir.RemoveAll(hidden); err != nil { // an earlier version of that name may have left some
		return "", err
	}
	return hidden, dir.Rename(version, hidden)
}

// removeVersion deletes the directory of a version, hidden first, or a file of one. What is not there is deleted: hiding
// a version takes what an earlier deletion of that version left.
func removeVersion(root, version string) error {
	dir, err := os.OpenRoot(root)
	if err != nil {
		return err
	}
	defer dir.Close()
	info, err := dir.Lstat(version)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && info.IsDir() && !isPruned(path.Base(version)) {
		version, err = hideVersion(root, version)
	}
	if err != nil {
		return err
	}
	return dir.RemoveAll(version)
}
