// Package sign says which documents are trusted, and signs documents so that others trust them.
//
// A Simple Streams document is signed in one of two forms: clear-signed, text and signature in one file (.sjson), or
// detached, a signature (.json.gpg) beside the document (.json). [Policy] checks both within the process, without gpg;
// a [Signer] makes both, by gpg, by an exported secret key or by any command.
package sign

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// What a refusal is about. Every error of [Policy] wraps one of them.
var (
	// ErrNotSigned: there is no signature at all.
	ErrNotSigned = errors.New("no signature found")
	// ErrBadSignature: content and signature do not belong together, or the signature cannot be read:
	// the document was changed, cut off, or read between two writes of a publisher.
	ErrBadSignature = errors.New("bad signature")
	// ErrUntrusted: the signature is by nobody whom the policy trusts: an unknown, revoked, expired or weak key,
	// or the policy itself cannot be followed.
	ErrUntrusted = errors.New("signature is not trusted")
)

// Policy says whose signatures are trusted. The zero value trusts nobody. It may be used by several goroutines at once.
//
// A key's expiry is judged at the time of the signature, as gpg does: what was signed while the key was valid stays
// valid. A revoked key signs nothing, whenever the signature says it was made: that date is the signer's own word.
type Policy struct {
	Keys          *Keyring         // whose keys these may be; nil: nobody's
	Fingerprints  []string         // of those keys only these, by the fingerprint of the key or subkey; empty: all of them
	AllowWeakKeys bool             // also RSA keys from 1024 bits, DSA and secp256k1; false: RSA from 2048 bits and modern curves
	AllowSHA1     bool             // also signatures over a SHA-1 digest, which can be forged; false: SHA-2 and SHA-3
	AllowTrailing bool             // ignore text after a clear-signed document, as gpg and the Python tools do; false: refuse it
	NoVerify      bool             // strip the signature and check nothing; false: check
	Now           func() time.Time // nil: time.Now
}

// Signature says who signed, and when. It is empty if the policy is not to verify.
type Signature struct {
	Fingerprint string    // of the primary key, in upper-case hexadecimal digits
	Identity    string    // the user id of the key, "Name (Comment) <mail>"
	Created     time.Time // when it was signed, as the signer says
	Weak        string    // what of it is too weak and was allowed by the policy; "" if nothing is
}

// Clearsigned checks a clear-signed document. The body is exactly what the signature covers: the text between the
// armor lines, with the dash escapes, the carriage returns, the blanks at line ends and the last line end taken off.
// It may share memory with data, which is not changed. On an error there is no body.
func (p *Policy) Clearsigned(data []byte) (body []byte, sig Signature, err error) {
	doc, err := splitClearsigned(data)
	if err != nil {
		return nil, Signature{}, err
	}
	if p.NoVerify {
		return doc.text, Signature{}, nil
	}
	if err := doc.checkTrailing(p.AllowTrailing); err != nil {
		return nil, Signature{}, err
	}
	raw, err := dearmor(doc.signature, armorSignature)
	if err != nil {
		return nil, Signature{}, fmt.Errorf("%w: %w", ErrBadSignature, err)
	}
	sig, err = p.check(signedContent{data: doc.text, clear: true, hashes: doc.hashes}, raw)
	if err != nil {
		return nil, Signature{}, err
	}
	return doc.text, sig, nil
}

// Detached checks a detached signature over data. The signature may be armored or binary.
func (p *Policy) Detached(data, signature []byte) (Signature, error) {
	if p.NoVerify {
		return Signature{}, nil
	}
	raw, err := binarySignature(signature)
	if err != nil {
		return Signature{}, err
	}
	return p.check(signedContent{data: data}, raw)
}

func (p *Policy) now() time.Time {
	if p.Now != nil {
		return p.Now()
	}
	return time.Now()
}

// allows tells whether a key with one of these fingerprints may sign.
func (p *Policy) allows(fingerprints ...string) bool {
	if len(p.Fingerprints) == 0 {
		return true
	}
	for _, f := range p.Fingerprints {
		if f, err := ParseFingerprint(f); err == nil && slices.Contains(fingerprints, f) {
			return true
		}
	}
	return false
}

// ParseFingerprint reads a fingerprint as gpg prints it, with or without blanks and "0x", and returns it in upper-case
// digits. Key ids are refused: they are short enough to be forged.
func ParseFingerprint(s string) (string, error) {
	f := strings.ToUpper(strings.TrimPrefix(strings.ReplaceAll(s, " ", ""), "0x"))
	notHex := func(r rune) bool { return !strings.ContainsRune("0123456789ABCDEF", r) }
	if (len(f) != 40 && len(f) != 64) || strings.IndexFunc(f, notHex) >= 0 {
		return "", fmt.Errorf("%q is not a fingerprint: give all 40 digits, as gpg --fingerprint prints them", s)
	}
	return f, nil
}
