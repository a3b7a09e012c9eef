package sign

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"fmt"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

// SecretKey signs with an exported secret key, within the process.
type SecretKey struct {
	key openpgp.Key
	now func() time.Time
}

// SecretKeyOptions say how a secret key is used.
type SecretKeyOptions struct {
	Passphrase func() ([]byte, error) // asked for at most once, if the key is locked; nil: a locked key is an error
	Now        func() time.Time       // the date of signatures; nil: time.Now
}

// ParseSecretKey reads a key as gpg --export-secret-keys or --export-secret-subkeys writes it, binary or armored.
// Of several keys in data the first one that may sign is used, and of its subkeys the newest.
func ParseSecretKey(data []byte, o SecretKeyOptions) (*SecretKey, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	blocks, err := splitKeys(data)
	if err != nil {
		return nil, fmt.Errorf("cannot read the secret key: %w", err)
	}
	refused := errors.New("there is no secret key in it")
	for _, block := range blocks {
		entity, err := parseKey(block)
		if err != nil {
			return nil, fmt.Errorf("cannot read the secret key: %w", err)
		}
		if entity.PrivateKey == nil {
			continue // a public key beside it
		}
		key, err := signingSecret(entity, o.Now())
		if err != nil {
			refused = err
			continue
		}
		if err := unlock(key, o.Passphrase); err != nil {
			return nil, err
		}
		return &SecretKey{key: key, now: o.Now}, nil
	}
	return nil, fmt.Errorf("cannot sign with this file: %w", refused)
}

func signingSecret(entity *openpgp.Entity, now time.Time) (openpgp.Key, error) {
	self, err := entity.VerifyPrimaryKey(now, modern())
	if err != nil && self != nil && self.KeyLifetimeSecs != nil && *self.KeyLifetimeSecs != 0 {
		return openpgp.Key{}, fmt.Errorf("%s expired on %s", describe(entity), day(after(entity.PrimaryKey.CreationTime, *self.KeyLifetimeSecs)))
	}
	if entity.Revoked(now) {
		return openpgp.Key{}, fmt.Errorf("%s is revoked", describe(entity))
	}
	key, ok := entity.SigningKey(now, modern())
	switch {
	case !ok:
		return openpgp.Key{}, fmt.Errorf("%s has no key that may sign and is strong enough (it is %s)", describe(entity), keyKind(entity.PrimaryKey))
	case key.PrivateKey == nil || key.PrivateKey.Dummy():
		return openpgp.Key{}, fmt.Errorf("the secret half of %s is not in the file", describe(entity))
	}
	return key, nil
}

func unlock(key openpgp.Key, passphrase func() ([]byte, error)) error {
	if !key.PrivateKey.Encrypted {
		return nil
	}
	if passphrase == nil {
		return fmt.Errorf("%s is locked: its passphrase is needed", describe(key.Entity))
	}
	secret, err := passphrase()
	if err != nil {
		return fmt.Errorf("cannot read the passphrase of %s: %w", describe(key.Entity), err)
	}
	if err := key.PrivateKey.Decrypt(secret); err != nil {
		return fmt.Errorf("cannot unlock %s: is that the right passphrase? %w", describe(key.Entity), err)
	}
	return nil
}

// Fingerprint returns the fingerprint of the primary key.
func (s *SecretKey) Fingerprint() string { return fingerprint(s.key.Entity.PrimaryKey) }

// Clearsign implements [Signer].
func (s *SecretKey) Clearsign(_ context.Context, body []byte) ([]byte, error) {
	text, err := clearText(body)
	if err != nil {
		return nil, err
	}
	raw, err := s.sign(signedContent{data: text}, packet.SigTypeText)
	if err != nil {
		return nil, err
	}
	return clearDocument(text, raw)
}

// Detach implements [Signer].
func (s *SecretKey) Detach(_ context.Context, body []byte) ([]byte, error) {
	raw, err := s.sign(signedContent{data: body}, packet.SigTypeBinary)
	if err != nil {
		return nil, err
	}
	return enarmor(raw, armorSignature)
}

// sign returns a signature packet. Signatures have no random part: the same document signed at the same time with an
// RSA or Ed25519 key has the same signature.
func (s *SecretKey) sign(content signedContent, kind packet.SignatureType) ([]byte, error) {
	public := s.key.PublicKey
	deterministic := false
	config := &packet.Config{NonDeterministicSignaturesViaNotation: &deterministic}
	sig := &packet.Signature{
		Version: public.Version, SigType: kind, PubKeyAlgo: public.PubKeyAlgo, Hash: crypto.SHA512, CreationTime: s.now(),
		IssuerKeyId: &public.KeyId, IssuerKeyVersion: uint8(public.Version), IssuerFingerprint: public.Fingerprint,
	}
	h, err := sig.PrepareSign(config)
	if err != nil {
		return nil, fmt.Errorf("cannot sign: %w", err)
	}
	content.hashInto(h, kind)
	if err := sig.Sign(h, s.key.PrivateKey, config); err != nil {
		return nil, fmt.Errorf("cannot sign: %w", err)
	}
	var raw bytes.Buffer
	if err := sig.Serialize(&raw); err != nil {
		return nil, fmt.Errorf("cannot sign: %w", err)
	}
	return raw.Bytes(), nil
}
