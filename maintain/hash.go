package maintain

import (
	"context"
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"io/fs"
)

// prefix is a metadata file that has been hashed: what is hashed next goes on from its last byte.
type prefix struct {
	sha256 string
	state  []byte
}

func newPrefix(h hash.Hash) prefix {
	state, err := h.(encoding.BinaryMarshaler).MarshalBinary()
	if err != nil {
		panic(err) // the standard library's SHA-256 can always be marshalled
	}
	return prefix{hex.EncodeToString(h.Sum(nil)), state}
}

func (p prefix) hash() hash.Hash {
	h := sha256.New()
	if err := h.(encoding.BinaryUnmarshaler).UnmarshalBinary(p.state); err != nil {
		panic(err) // it was marshalled by newPrefix
	}
	return h
}

// fileSum is what one reading of a file tells.
type fileSum struct {
	sha256   string
	combined fingerprints // this file as the root of images
	prefix   prefix       // this file as the beginning of another
}

// fingerprint is the SHA-256 of an image: of its metadata, of which that is given too, and its root together.
type fingerprint struct{ metadata, image string }

type fingerprints []fingerprint

// with returns the fingerprint of the image that the root makes with a metadata file, "" if it is not known.
func (list fingerprints) with(metadata string) string {
	for _, f := range list {
		if f.metadata == metadata {
			return f.image
		}
	}
	return ""
}

// sumFile reads a file once. It fails if the file does not have the size that f says: it is being written.
func sumFile(ctx context.Context, fsys fs.FS, path string, f File, prefixes []prefix, buf []byte) (fileSum, error) {
	file, err := fsys.Open(path)
	if err != nil {
		return fileSum{}, bare(err)
	}
	defer file.Close()
	hashes := []hash.Hash{sha256.New()}
	for _, p := range prefixes {
		hashes = append(hashes, p.hash())
	}
	size, err := feed(ctx, file, hashes, buf)
	if err != nil {
		return fileSum{}, err
	}
	info, err := file.Stat()
	if err != nil {
		return fileSum{}, bare(err)
	}
	if size != f.Size || info.Size() != f.Size || !info.ModTime().Equal(f.Modified) {
		return fileSum{}, errChanging
	}
	sum := fileSum{prefix: newPrefix(hashes[0])}
	sum.sha256 = sum.prefix.sha256
	for i, p := range prefixes {
		sum.combined = append(sum.combined, fingerprint{p.sha256, hex.EncodeToString(hashes[i+1].Sum(nil))})
	}
	return sum, nil
}

var errChanging = errors.New("it changed while it was read")

// feed copies r to every hash, and looks at ctx between two blocks.
func feed(ctx context.Context, r io.Reader, hashes []hash.Hash, buf []byte) (size int64, err error) {
	for {
		if err := ctx.Err(); err != nil {
			return size, err
		}
		n, err := r.Read(buf)
		for _, h := range hashes {
			h.Write(buf[:n]) // a hash takes everything
		}
		size += int64(n)
		if err == io.EOF {
			return size, nil
		}
		if err != nil {
			return size, bare(err)
		}
	}
}
