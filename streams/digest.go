package streams

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
)

// Digest is one checksum as a stream lists it. The zero value means that nothing is listed.
type Digest struct {
	Algorithm string // "sha512", "sha256" or "md5"
	Hex       string // lower-case hexadecimal digits
}

// Algorithms are the checksums that a stream may list, strongest first.
var Algorithms = [...]string{"sha512", "sha256", "md5"}

// New returns the hash that computes d's algorithm.
func (d Digest) New() (hash.Hash, error) {
	switch d.Algorithm {
	case "sha512":
		return sha512.New(), nil
	case "sha256":
		return sha256.New(), nil
	case "md5":
		return md5.New(), nil
	}
	return nil, fmt.Errorf("unknown digest algorithm %q", d.Algorithm)
}

// Is tells whether sum, as [hash.Hash.Sum] returns it, is this digest.
func (d Digest) Is(sum []byte) bool { return d.Hex == hex.EncodeToString(sum) }

// String returns "sha256:…", or "" for the zero value.
func (d Digest) String() string {
	if d.Algorithm == "" {
		return ""
	}
	return d.Algorithm + ":" + d.Hex
}

// DigestOf returns the strongest checksum that get knows (an item's sha512, sha256 or md5 field), the zero Digest if
// there is none. The text is taken as it stands: upper-case digits never match.
func DigestOf(get func(key string) string) Digest {
	for _, algorithm := range Algorithms {
		if text := get(algorithm); text != "" {
			return Digest{algorithm, text}
		}
	}
	return Digest{}
}

// Check reads r to its end and tells whether what it read has this digest.
func (d Digest) Check(r io.Reader) (bool, error) {
	h, err := d.New()
	if err != nil {
		return false, err
	}
	if _, err := io.CopyBuffer(struct{ io.Writer }{h}, struct{ io.Reader }{r}, make([]byte, 256<<10)); err != nil {
		return false, err
	}
	return d.Is(h.Sum(nil)), nil
}
