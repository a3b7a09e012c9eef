package sign

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strings"
)

const (
	clearHeader     = "-----BEGIN PGP SIGNED MESSAGE-----"
	signatureHeader = "-----BEGIN " + armorSignature + "-----"
)

// knownHashes are the names that a Hash header may hold.
var knownHashes = [...]string{"MD5", "SHA1", "RIPEMD160", "SHA224", "SHA256", "SHA384", "SHA512", "SHA3-256", "SHA3-512"}

// clearDoc is a clear-signed document taken apart.
type clearDoc struct {
	hashes    []string // the digests that the Hash headers name
	text      []byte   // what is signed; lines end with \n, the last line has no end
	signature []byte   // the armored signature
	rest      []byte   // what follows it
}

// splitClearsigned takes a clear-signed document apart, without believing any of it. It is strict where a lenient
// reader could be shown other text than the one that is signed: the document begins at byte 0, has no headers but
// Hash, and no line of the text begins with a dash that is not escaped. The text shares memory with data unless
// lines have to be changed.
func splitClearsigned(data []byte) (*clearDoc, error) {
	first, at, _ := bytes.Cut(data, []byte("\n"))
	if string(trimBlanks(first)) != clearHeader {
		return nil, fmt.Errorf("%w: a clear-signed document begins with %q (%s)", ErrNotSigned, clearHeader, beginning(data))
	}
	doc := new(clearDoc)
	line, at := cutLine(at)
	for ; len(line) > 0; line, at = cutLine(at) {
		if err := doc.addHashes(line); err != nil {
			return nil, fmt.Errorf("%w: %w (%s)", ErrBadSignature, err, beginning(line))
		}
	}
	if err := doc.splitText(at); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadSignature, err)
	}
	return doc, nil
}

// addHashes reads one header line.
func (doc *clearDoc) addHashes(line []byte) error {
	names, ok := strings.CutPrefix(string(line), "Hash: ")
	if !ok || len(doc.hashes) > len(knownHashes) {
		return errors.New("the clear-signed document has a header that is not Hash")
	}
	for name := range strings.SplitSeq(names, ",") {
		name = strings.Trim(name, " ")
		if !slices.Contains(knownHashes[:], name) {
			return errors.New("a Hash header of the clear-signed document names a digest that there is not")
		}
		doc.hashes = append(doc.hashes, name)
	}
	return nil
}

// splitText takes apart what follows the headers. As long as every line stands as it was signed, the text is a part of
// data; from the first line on that does not, it is a copy.
func (doc *clearDoc) splitText(data []byte) error {
	var changed []byte // the text so far, with its last line end, once it differs from data
	for at := 0; ; {
		n := bytes.IndexByte(data[at:], '\n')
		if n < 0 {
			return errTruncated
		}
		line := data[at : at+n]
		signed := trimBlanks(line)
		if len(signed) > 0 && signed[0] == '-' {
			if string(signed) == signatureHeader {
				doc.text = data[:max(at-1, 0)]
				if changed != nil {
					doc.text = changed[:len(changed)-1]
				}
				return doc.splitSignature(data[at:])
			}
			if !bytes.HasPrefix(line, []byte("- ")) {
				return fmt.Errorf("a line of the text begins with a dash that is not escaped (%s)", beginning(signed))
			}
			signed = trimBlanks(line[2:])
		}
		if changed == nil && len(signed) != len(line) {
			changed = append(make([]byte, 0, len(data)), data[:at]...)
		}
		if changed != nil {
			changed = append(append(changed, signed...), '\n')
		}
		at += n + 1
	}
}

func (doc *clearDoc) splitSignature(data []byte) error {
	doc.signature, doc.rest = cutArmor(data[:min(len(data), maxSignature)], armorSignature)
	if doc.signature == nil {
		return errTruncated
	}
	doc.rest = data[len(doc.signature):]
	return nil
}

// checkTrailing refuses text after the signature, which is not signed and which another reader may take for a part of
// the document. A second armored block is refused whatever is allowed: there, readers do differ.
func (doc *clearDoc) checkTrailing(allow bool) error {
	rest := bytes.TrimSpace(doc.rest)
	switch {
	case bytes.Contains(rest, []byte("-----BEGIN PGP")):
		return fmt.Errorf("%w: a second block follows the signature", ErrBadSignature)
	case len(rest) > 0 && !allow:
		return fmt.Errorf("%w: text that is not signed follows the signature (%s)", ErrBadSignature, beginning(rest))
	}
	return nil
}

// names tells whether a Hash header names the digest h. gpg refuses a document without it, and so do we: the readers
// that drop the first line of the text when the header is missing then see other text than we do.
func (c *signedContent) names(h crypto.Hash) bool { return slices.Contains(c.hashes, hashName(h)) }

// hashName returns the name of a digest as Hash headers have it: "SHA512" for what package crypto calls "SHA-512".
func hashName(h crypto.Hash) string {
	if name, ok := strings.CutPrefix(h.String(), "SHA-"); ok {
		return "SHA" + name
	}
	return h.String()
}

func trimBlanks(line []byte) []byte {
	n := len(line)
	for n > 0 && (line[n-1] == ' ' || line[n-1] == '\t' || line[n-1] == '\r') {
		n--
	}
	return line[:n]
}

// hashText writes text to h as a text signature covers it: lines end with \r\n.
func hashText(h hash.Hash, text []byte) {
	buf := make([]byte, 0, 64<<10)
	for len(text) > 0 {
		n := bytes.IndexByte(text, '\n')
		line, end := text, ""
		if n >= 0 {
			line, end = bytes.TrimSuffix(text[:n], []byte("\r")), "\r\n"
		}
		if len(buf)+len(line)+2 > cap(buf) {
			h.Write(buf)
			buf = buf[:0]
		}
		if len(line)+2 > cap(buf) {
			h.Write(line)
			buf = append(buf, end...)
		} else {
			buf = append(append(buf, line...), end...)
		}
		if n < 0 {
			break
		}
		text = text[n+1:]
	}
	h.Write(buf)
}
