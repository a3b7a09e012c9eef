package sign

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
	"time"

	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

const (
	// Each signature of a block may cost a pass over the document. Two are seen while keys change.
	maxSignatures = 8
	// A publisher's clock may be ahead of ours by this much.
	maxClockSkew = 24 * time.Hour
)

// signedContent is what a signature is over.
type signedContent struct {
	data   []byte
	clear  bool     // it stood in a clear-signed document: data is text
	hashes []string // that document's Hash headers
}

// check tells who made one of the signatures in raw over the content: the first one that is trusted.
func (p *Policy) check(content signedContent, raw []byte) (Signature, error) {
	if p.Keys == nil {
		return Signature{}, fmt.Errorf("%w: no keyring is given to check it with", ErrUntrusted)
	}
	for _, f := range p.Fingerprints {
		if _, err := ParseFingerprint(f); err != nil {
			return Signature{}, fmt.Errorf("%w: %w", ErrUntrusted, err)
		}
	}
	sigs, err := readSignatures(raw)
	if err != nil {
		return Signature{}, fmt.Errorf("%w: %w", ErrBadSignature, err)
	}
	var refused error
	for _, sig := range sigs {
		made, err := p.checkOne(content, sig)
		if err == nil {
			return made, nil
		}
		if refused == nil || errors.Is(refused, errUnknownKey) {
			refused = err
		}
	}
	return Signature{}, refused
}

// errUnknownKey marks the refusal that says least: of several signatures the others' refusals are reported.
var errUnknownKey = errors.New("none of the keyrings has that key")

// checkOne tells whether one signature holds.
func (p *Policy) checkOne(content signedContent, sig *packet.Signature) (Signature, error) {
	if err := p.checkForm(content, sig); err != nil {
		return Signature{}, err
	}
	keys, err := p.Keys.find(*sig.IssuerKeyId)
	if err != nil { // not wrapped: that there is no keyring must not be taken for that there is no document
		return Signature{}, fmt.Errorf("%w: %v", ErrUntrusted, err)
	}
	if len(keys) == 0 {
		return Signature{}, fmt.Errorf("%w: it is by key %016X, but %w (%s)", ErrUntrusted, *sig.IssuerKeyId, errUnknownKey, p.Keys)
	}
	for _, key := range keys { // a key may stand in several keyrings, and be revoked in one of them
		if key.Revoked(p.now()) {
			return Signature{}, fmt.Errorf("%w: it is by %s, which is revoked", ErrUntrusted, describe(key))
		}
	}
	var refused error
	for _, key := range keys {
		made, err := p.checkKey(content, sig, key)
		if err == nil {
			return made, nil
		}
		refused = err
	}
	return Signature{}, refused
}

// checkForm refuses signatures that are of no use whoever made them.
func (p *Policy) checkForm(content signedContent, sig *packet.Signature) error {
	if err := content.checkType(sig); err != nil {
		return err
	}
	switch {
	case sig.Hash == crypto.SHA1 && !p.AllowSHA1:
		return fmt.Errorf("%w: it is over a SHA-1 digest, which can be forged", ErrUntrusted)
	case content.clear && sig.Version < 6 && !content.names(sig.Hash): // version 6 has no such headers
		return fmt.Errorf("%w: no Hash header of the document names %s, with which it is signed", ErrBadSignature, sig.Hash)
	}
	for _, n := range sig.Notations {
		if n.IsCritical {
			return fmt.Errorf("%w: it has a critical notation that is not known: %q", ErrUntrusted, n.Name)
		}
	}
	return p.checkDates(sig)
}

// checkType refuses signatures that are not over a document of this form.
func (c *signedContent) checkType(sig *packet.Signature) error {
	switch {
	case c.clear && sig.SigType != packet.SigTypeText:
		return fmt.Errorf("%w: a clear-signed document needs a text signature (gpg --textmode), this is of type %#02x", ErrBadSignature, sig.SigType)
	case sig.SigType != packet.SigTypeText && sig.SigType != packet.SigTypeBinary:
		return fmt.Errorf("%w: it is of type %#02x and not over a document", ErrBadSignature, sig.SigType)
	}
	return nil
}

func (p *Policy) checkDates(sig *packet.Signature) error {
	now := p.now()
	if ahead := sig.CreationTime.Sub(now); ahead > maxClockSkew {
		return fmt.Errorf("%w: it was made on %s, which is in the future: is this machine's clock right?", ErrUntrusted, day(sig.CreationTime))
	}
	if sig.SigLifetimeSecs != nil && *sig.SigLifetimeSecs != 0 {
		if end := after(sig.CreationTime, *sig.SigLifetimeSecs); now.After(end) {
			return fmt.Errorf("%w: it expired on %s", ErrUntrusted, day(end))
		}
	}
	return nil
}

// checkKey tells whether sig was made by this key over the content.
func (p *Policy) checkKey(content signedContent, sig *packet.Signature, entity *openpgp.Entity) (Signature, error) {
	key, weak, err := p.signingKey(sig, entity)
	if err != nil {
		return Signature{}, fmt.Errorf("%w: it is by %s, which %w", ErrUntrusted, describe(entity), err)
	}
	if sig.Hash == crypto.SHA1 {
		weak = strings.TrimPrefix(weak+", SHA-1", ", ")
	}
	made := Signature{Fingerprint: fingerprint(entity.PrimaryKey), Identity: identity(entity), Created: sig.CreationTime, Weak: weak}
	if !p.allows(made.Fingerprint, fingerprint(key.PublicKey)) {
		return Signature{}, fmt.Errorf("%w: it is by %s, fingerprint %s, which is not one of those allowed",
			ErrUntrusted, describe(entity), made.Fingerprint)
	}
	if sig.CreationTime.Before(key.PublicKey.CreationTime) {
		return Signature{}, fmt.Errorf("%w: it is older than the key that made it, %s", ErrUntrusted, describe(entity))
	}
	h, err := sig.PrepareVerify()
	if err != nil {
		return Signature{}, fmt.Errorf("%w: %w", ErrBadSignature, err)
	}
	content.hashInto(h, sig.SigType)
	if err := key.PublicKey.VerifySignature(h, sig); err != nil {
		return Signature{}, fmt.Errorf("%w: the content is not what %s signed", ErrBadSignature, describe(entity))
	}
	return made, nil
}

func (c *signedContent) hashInto(h hash.Hash, kind packet.SignatureType) {
	if kind == packet.SigTypeText {
		hashText(h, c.data)
		return
	}
	h.Write(c.data)
}

// signingKey returns the key or subkey of entity that sig names, if it may sign, and what of it is weak. Its validity
// is judged at the time of the signature; or now, if the keyring has it with newer self-signatures only.
func (p *Policy) signingKey(sig *packet.Signature, entity *openpgp.Entity) (key openpgp.Key, weak string, err error) {
	for _, at := range []time.Time{sig.CreationTime, p.now()} {
		key, ok := entity.SigningKeyById(at, *sig.IssuerKeyId, modern())
		if !ok {
			if key, ok = entity.SigningKeyById(at, *sig.IssuerKeyId, lenient()); !ok {
				continue
			}
			weak = keyKind(key.PublicKey)
		}
		switch {
		case subkeyRevoked(key, p.now()):
			return key, weak, fmt.Errorf("has revoked the subkey %016X", *sig.IssuerKeyId)
		case weak != "" && !p.AllowWeakKeys:
			return key, weak, fmt.Errorf("is too weak to trust (%s)", weak)
		}
		return key, weak, nil
	}
	return openpgp.Key{}, "", cannotSign(sig, entity)
}

// cannotSign says why no key of entity could make sig.
func cannotSign(sig *packet.Signature, entity *openpgp.Entity) error {
	self, err := entity.VerifyPrimaryKey(sig.CreationTime, lenient())
	if errors.Is(err, pgperrors.ErrKeyExpired) && self != nil && self.KeyLifetimeSecs != nil && *self.KeyLifetimeSecs != 0 {
		return fmt.Errorf("expired on %s, before it was made (%s)", day(after(entity.PrimaryKey.CreationTime, *self.KeyLifetimeSecs)), day(sig.CreationTime))
	}
	for _, sub := range entity.Subkeys {
		if sub.PublicKey.KeyId != *sig.IssuerKeyId {
			continue
		}
		if self, err := sub.LatestValidBindingSignature(sig.CreationTime, lenient()); err == nil && sub.Expired(self, sig.CreationTime) {
			return fmt.Errorf("has the subkey %016X for it, which had expired when it was made (%s)", *sig.IssuerKeyId, day(sig.CreationTime))
		}
	}
	return fmt.Errorf("has no key %016X that may sign documents", *sig.IssuerKeyId)
}

func subkeyRevoked(key openpgp.Key, now time.Time) bool {
	for _, sub := range key.Entity.Subkeys {
		if sub.PublicKey == key.PublicKey {
			return sub.Revoked(nil, now)
		}
	}
	return false
}

// modern trusts what GnuPG and Sequoia both make today.
func modern() *packet.Config { return &packet.Config{InsecureAllowAllKeyFlagsWhenMissing: true} }

// lenient trusts keys that GnuPG 2.2 still does.
func lenient() *packet.Config {
	return &packet.Config{
		InsecureAllowAllKeyFlagsWhenMissing: true,
		MinRSABits:                          1024,
		RejectPublicKeyAlgorithms:           map[packet.PublicKeyAlgorithm]bool{packet.PubKeyAlgoElGamal: true},
		RejectCurves:                        map[packet.Curve]bool{},
	}
}

// readSignatures reads signature packets. Kinds that are not known are left out as long as one is.
func readSignatures(raw []byte) ([]*packet.Signature, error) {
	var sigs []*packet.Signature
	var unread error
	packets := packet.NewOpaqueReader(bytes.NewReader(raw))
	for {
		opaque, err := packets.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("the signature cannot be read: %w", err)
		}
		parsed, err := opaque.Parse()
		sig, ok := parsed.(*packet.Signature)
		switch {
		case err != nil:
			unread = fmt.Errorf("the signature cannot be read: %w", err)
		case !ok:
			unread = fmt.Errorf("a packet of type %d stands where the signature should", opaque.Tag)
		case sig.IssuerKeyId == nil:
			unread = errors.New("the signature does not say whose it is")
		default:
			sigs = append(sigs, sig)
		}
		if len(sigs) > maxSignatures {
			return nil, fmt.Errorf("it has more than %d signatures", maxSignatures)
		}
	}
	if len(sigs) == 0 && unread == nil {
		unread = errors.New("there is no signature in the signature block")
	}
	if len(sigs) > 0 {
		unread = nil
	}
	return sigs, unread
}

func after(t time.Time, seconds uint32) time.Time { return t.Add(time.Duration(seconds) * time.Second) }

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
