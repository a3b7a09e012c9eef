package sign

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/ProtonMail/go-crypto/openpgp/armor"
)

// The armored blocks this package reads and writes.
const (
	armorSignature = "PGP SIGNATURE"
	armorPublic    = "PGP PUBLIC KEY BLOCK"
	armorSecret    = "PGP PRIVATE KEY BLOCK"
)

// A signature is a few hundred bytes, the largest post-quantum kind 50 kB: anything larger is no signature.
const maxSignature = 1 << 20

// cutLine returns the first line of data without its line end and the blanks before that, and what follows it.
func cutLine(data []byte) (line, rest []byte) {
	line, rest, _ = bytes.Cut(data, []byte("\n"))
	return trimBlanks(line), rest
}

// cutArmor returns the first line-aligned armored block of type kind in data with all its lines, and what follows it.
// It returns nil if no such block is there as a whole.
func cutArmor(data []byte, kind string) (block, rest []byte) {
	begin, end := "-----BEGIN "+kind+"-----", "-----END "+kind+"-----"
	from := -1
	for at := data; len(at) > 0; {
		line, next := cutLine(at)
		switch {
		case string(line) == begin && from < 0:
			from = len(data) - len(at)
		case string(line) == end && from >= 0:
			return data[from : len(data)-len(next)], next
		}
		at = next
	}
	return nil, data
}

// dearmor decodes one block as cutArmor returns it. The checksum that may end a block is not looked at:
// what is in the block is signed or signs.
func dearmor(block []byte, kind string) ([]byte, error) {
	_, at := cutLine(block)
	line, at := cutLine(at)
	for len(line) > 0 { // "Version: …", "Comment: …"
		if !bytes.Contains(line, []byte(":")) {
			return nil, fmt.Errorf("the armor of the %s has a damaged header", kind)
		}
		line, at = cutLine(at)
	}
	var text []byte
	checksum := false
	for {
		if line, at = cutLine(at); string(line) == "-----END "+kind+"-----" {
			break
		}
		switch {
		case checksum && len(line) > 0, len(at) == 0:
			return nil, fmt.Errorf("the armor of the %s is damaged", kind)
		case len(line) == len("=abcd") && line[0] == '=':
			checksum = true
		default:
			text = append(text, line...)
		}
	}
	raw, err := base64.StdEncoding.AppendDecode(nil, text)
	if err != nil || len(raw) == 0 {
		return nil, fmt.Errorf("the armor of the %s is damaged", kind)
	}
	return raw, nil
}

// enarmor encodes raw as one block, with the checksum and the last line end without which gpgv 2.2 refuses it.
func enarmor(raw []byte, kind string) ([]byte, error) {
	var out bytes.Buffer
	w, err := armor.EncodeWithChecksumOption(&out, kind, nil, true)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(raw); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

// binarySignature returns the packets of a detached signature, armored or not.
func binarySignature(data []byte) ([]byte, error) {
	switch {
	case len(data) == 0:
		return nil, fmt.Errorf("%w: the signature is empty", ErrNotSigned)
	case len(data) > maxSignature:
		return nil, fmt.Errorf("%w: the signature has %d bytes, which no signature needs", ErrBadSignature, len(data))
	case data[0]&0x80 != 0: // every OpenPGP packet begins so, no ASCII text does
		return data, nil
	}
	block, rest := cutArmor(data, armorSignature)
	if block == nil {
		return nil, fmt.Errorf("%w: it is no OpenPGP signature (%s)", ErrNotSigned, beginning(data))
	}
	if before := data[:len(data)-len(rest)-len(block)]; !isBlank(before) || !isBlank(rest) {
		return nil, fmt.Errorf("%w: there is text before or after the signature", ErrBadSignature)
	}
	raw, err := dearmor(block, armorSignature)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadSignature, err)
	}
	return raw, nil
}

func isBlank(data []byte) bool { return len(bytes.TrimSpace(data)) == 0 }

// beginning shows a person what kind of file it is instead.
func beginning(data []byte) string {
	if len(data) == 0 {
		return "it is empty"
	}
	return fmt.Sprintf("it begins with %q", data[:min(len(data), 40)])
}

var errTruncated = errors.New("the document is cut off: the signature that should end it is not there or not whole")
