package maintain

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/seed-43fb3962/sstream/streams"
)

// leastFingerprint is how much of a fingerprint has to be given: as much as clients show.
const leastFingerprint = 12

// Remove takes the one image whose fingerprint begins so out of the documents and then deletes its files: the whole
// version if nothing else of it is listed. What is going to be deleted is written down before: should the run end
// halfway, builds do not list it again and the next [Prune] deletes it. The error is [fs.ErrNotExist] if no stream has
// such an image.
func Remove(ctx context.Context, root string, o Options, fingerprint string) (*Report, error) {
	b, err := openBuilder(ctx, root, o)
	if err != nil {
		return nil, err
	}
	defer b.close(ctx)
	image, err := b.find(fingerprint)
	if err != nil {
		return nil, err
	}
	r := &remover{builder: b, image: image, publish: b.Publish}
	if b.Publish != nil {
		b.Publish = r.replace
	}
	b.retired[r.root()] = b.now()
	err = b.run(ctx)
	switch {
	case err != nil || r.publish == nil:
		return b.report, err
	case r.going == "":
		return b.report, fmt.Errorf("image %s is still listed: its stream could not be built", fingerprint)
	}
	return b.report, r.delete()
}

// find returns the image that is meant.
func (b *builder) find(fingerprint string) (Listed, error) {
	if len(fingerprint) < leastFingerprint {
		return Listed{}, fmt.Errorf("fingerprint %q is too short: %d digits are needed", fingerprint, leastFingerprint)
	}
	var found []Listed
	for _, name := range b.Streams {
		c, _, _, err := b.openCatalogue(b.document(name), b.Log)
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
		return Listed{}, absent("no image has the fingerprint " + fingerprint)
	case 1:
		return found[0], nil
	}
	return Listed{}, fmt.Errorf("%d images have the fingerprint %s, the first is %s/%s", len(found), fingerprint, found[0].Product, found[0].Version)
}

// remover is a build without an image, whose files are deleted afterwards.
type remover struct {
	*builder
	image   Listed
	publish func(ctx context.Context, docs map[string][]byte) error
	going   string // the version, or the file, that no document lists any more; "" before they are published
}

// root is the file that goes in any case: others may share the metadata.
func (r *remover) root() string { return r.image.Paths[len(r.image.Paths)-1] }

// replace publishes documents that the image is not in.
func (r *remover) replace(ctx context.Context, docs map[string][]byte) error {
	stream, _, _ := strings.Cut(r.root(), "/")
	i := slices.IndexFunc(r.report.Streams, func(s StreamReport) bool { return s.Name == stream })
	if i < 0 {
		return r.publish(ctx, docs)
	}
	going := r.root()
	if _, listed := r.report.Streams[i].Products.Find(streams.Ref{Product: r.image.Product, Version: r.image.Version}); !listed {
		delete(r.retired, going)
		going = path.Dir(going)
		r.retired[going] = r.now()
	}
	if err := writeRetired(r.builder.root, r.retired); err != nil {
		return err
	}
	if err := r.publish(ctx, docs); err != nil {
		delete(r.retired, going)
		return errors.Join(err, writeRetired(r.builder.root, r.retired))
	}
	r.going = going
	return nil
}

// delete deletes what is going, and forgets it.
func (r *remover) delete() error {
	if err := removeVersion(r.builder.root, r.going); err != nil {
		return err
	}
	delete(r.retired, r.going)
	return writeRetired(r.builder.root, r.retired)
}

// prunedSuffix ends the name of a version, hidden besides, that is being deleted.
const prunedSuffix = ".pruned"

// isPruned tells whether a directory is what is left of a version by a deletion that did not come to its end.
func isPruned(name string) bool {
	return strings.HasPrefix(name, ".") && strings.HasSuffix(name, prunedSuffix)
}

// removeVersion deletes the directory of a version, or a file of one. A directory is hidden first, so that what is left
// of it after a crash is never taken for a version.
func removeVersion(root, version string) error {
	dir, err := os.OpenRoot(root)
	if err != nil {
		return err
	}
	defer dir.Close()
	if info, err := dir.Lstat(version); err == nil && !info.IsDir() {
		return dir.Remove(version)
	}
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
