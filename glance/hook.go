package glance

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"github.com/seed-43fb3962/sstream/internal/environ"
	"github.com/seed-43fb3962/sstream/internal/group"
	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/streams"
)

// modified is an item after the hook.
type modified struct {
	file    string
	content store.Content
	flat    *streams.Flat // with the size and the checksums of the changed file
}

func (m *modified) remove() { os.Remove(m.file) }

// modify downloads an item and has the hook change its file. The hook finds the item's fields and IMAGE_PATH in its
// environment, and the names of all of them in FIELDS. Fields that another program might take for its own it does not find.
func (o *Options) modify(ctx context.Context, it *item) (*modified, error) {
	file, err := os.CreateTemp(o.TempDir, "sstream-image-")
	if err != nil {
		return nil, err
	}
	m := &modified{file: file.Name(), flat: new(streams.Flat)}
	err = download(ctx, file, it)
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = o.runHook(ctx, it, m.file)
	}
	if err == nil {
		err = m.measure(it)
	}
	if err != nil {
		m.remove()
		return nil, err
	}
	return m, nil
}

func download(ctx context.Context, to io.Writer, it *item) error {
	r, err := it.content.Open(ctx, 0)
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(to, it.content.Verify(it.path, r))
	return err
}

// imagePath is the variable that tells the hook which file to change.
const imagePath = "IMAGE_PATH"

func (o *Options) runHook(ctx context.Context, it *item, path string) error {
	env, _, left := environ.Of(it.flat, imagePath)
	for _, l := range left {
		log := o.Log.Debug
		if l.Harm {
			log = o.Log.Warn
		}
		log("field left out of the environment of the modify hook", "field", fmt.Sprintf("%.60q", l.Name), "item", it.ref.String(), "why", l.Why)
	}
	cmd := exec.CommandContext(ctx, o.ModifyHook[0], o.ModifyHook[1:]...)
	cmd.Stdout, cmd.Stderr = o.Stdout, o.Stderr
	cmd.Env = slices.Concat(o.Environ, env, []string{imagePath + "=" + path})
	if err := group.Run(ctx, cmd); err != nil {
		return fmt.Errorf("modify hook %s: %w", strings.Join(o.ModifyHook, " "), err)
	}
	return nil
}

// measure finds out what the hook made of the file. Each checksum that the source lists is replaced, and MD5 is added.
func (m *modified) measure(it *item) error {
	file, err := os.Open(m.file)
	if err != nil {
		return err
	}
	defer file.Close()
	hashes := map[string]hash.Hash{"md5": md5.New(), "sha256": sha256.New(), "sha512": sha512.New()}
	size, err := io.Copy(io.MultiWriter(hashes["md5"], hashes["sha256"], hashes["sha512"]), file)
	if err != nil {
		return err
	}
	for key, value := range it.flat.All() {
		m.flat.Set(key, value)
	}
	m.flat.Set("size", strconv.FormatInt(size, 10))
	for _, algorithm := range streams.Algorithms {
		if _, listed := m.flat.Get(algorithm); listed || algorithm == "md5" {
			m.flat.Set(algorithm, hex.EncodeToString(hashes[algorithm].Sum(nil)))
		}
	}
	digest := streams.Digest{Algorithm: "sha512", Hex: hex.EncodeToString(hashes["sha512"].Sum(nil))}
	m.content = store.Content{Size: size, Digest: digest, Open: func(_ context.Context, off int64) (io.ReadCloser, error) {
		f, err := os.Open(m.file)
		if err != nil {
			return nil, err
		}
		if _, err := f.Seek(off, io.SeekStart); err != nil {
			f.Close()
			return nil, err
		}
		return f, nil
	}}
	return nil
}
