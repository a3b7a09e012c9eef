package sign

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
)

// Signer signs documents. The signatures it makes are accepted by [Policy], by gpg and gpgv from 2.0 on, and by the
// readers built on them.
type Signer interface {
	// Clearsign returns the clear-signed document of body, which is text. Blanks at line ends and blank lines at its
	// end are not signed, and may be left out. Lines that gpg would cut are laid out anew, by [Signable].
	Clearsign(ctx context.Context, body []byte) ([]byte, error)
	// Detach returns an armored signature over body as it is.
	Detach(ctx context.Context, body []byte) ([]byte, error)
}

// gpg --clearsign cuts longer lines off and signs what is left; gpgv refuses documents with lines over 20,000 bytes.
const maxLine = 19_993

// Signable returns body as it can be clear-signed: body itself, or, if it has a line that is too long for gpg, the same
// JSON with one line per value. The order of the fields and the spelling of numbers and strings stay as they are.
func Signable(body []byte) ([]byte, error) {
	if longestLine(body) <= maxLine {
		return body, nil
	}
	var out bytes.Buffer
	if err := json.Indent(&out, body, "", " "); err != nil {
		return nil, fmt.Errorf("cannot sign a text that is not JSON with a line of over %d bytes: %w", maxLine, err)
	}
	if n := longestLine(out.Bytes()); n > maxLine {
		return nil, fmt.Errorf("cannot sign JSON with a single value of %d bytes: gpg takes lines up to %d bytes", n, maxLine)
	}
	return out.Bytes(), nil
}

func longestLine(text []byte) int {
	longest := 0
	for len(text) > 0 {
		n := bytes.IndexByte(text, '\n')
		if n < 0 {
			return max(longest, len(text))
		}
		longest = max(longest, n)
		text = text[n+1:]
	}
	return longest
}

// clearText returns what a clear signature over body covers: what Policy.Clearsigned returns, without empty lines at
// its end.
func clearText(body []byte) ([]byte, error) {
	body, err := Signable(body)
	if err != nil {
		return nil, err
	}
	return coveredText(body), nil
}

// coveredText is clearText of what is Signable.
func coveredText(body []byte) []byte {
	text := make([]byte, 0, len(body)+1)
	for line := range bytes.Lines(body) {
		text = append(append(text, trimBlanks(bytes.TrimSuffix(line, []byte("\n")))...), '\n')
	}
	return bytes.TrimRight(text, "\n")
}

// clearDocument puts a text, as clearText returns it, and text signatures over it together.
func clearDocument(text, signature []byte) ([]byte, error) {
	sigs, err := readSignatures(signature)
	if err != nil {
		return nil, err
	}
	content := signedContent{clear: true}
	for _, sig := range sigs {
		if err := content.checkType(sig); err != nil {
			return nil, err
		}
		if name := hashName(sig.Hash); !slices.Contains(content.hashes, name) {
			content.hashes = append(content.hashes, name)
		}
	}
	block, err := enarmor(signature, armorSignature)
	if err != nil {
		return nil, err
	}
	doc := make([]byte, 0, len(clearHeader)+len(text)+len(block)+64)
	doc = append(doc, clearHeader+"\n"...)
	for _, name := range content.hashes {
		doc = append(doc, "Hash: "+name+"\n"...)
	}
	doc = append(doc, '\n')
	for line := range bytes.Lines(text) {
		if line[0] == '-' {
			doc = append(doc, "- "...)
		}
		doc = append(doc, line...)
	}
	return append(append(doc, '\n'), block...), nil
}

// checkClear makes sure that another program's clear-signed document covers the text that it was given.
func checkClear(doc, text []byte) error {
	parts, err := splitClearsigned(doc)
	if err != nil {
		return err
	}
	if !bytes.Equal(bytes.TrimRight(parts.text, "\n"), text) {
		return fmt.Errorf("%w: it covers another text than the one to be signed", ErrBadSignature)
	}
	return parts.checkTrailing(false)
}

// Covers tells whether a clear-signed document is that of body, as a [Signer] makes it. It does not tell whether the
// signature is any good.
func Covers(document, body []byte) bool {
	text, err := clearText(body)
	return err == nil && checkClear(document, text) == nil
}
