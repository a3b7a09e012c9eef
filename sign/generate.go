package sign

import (
	"bytes"
	"crypto"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

// KeyOptions say what kind of key to make. The zero value makes an RSA key of 3072 bits that does not expire.
type KeyOptions struct {
	Algorithm  string           // one of KeyAlgorithms; "": the first
	Lifetime   time.Duration    // in whole seconds, from now; 0: it does not expire
	Passphrase []byte           // locks the secret key; empty: it is not locked
	Now        func() time.Time // when the key is made; nil: time.Now
}

// KeyAlgorithms are the kinds of keys that GenerateKey makes. All readers know RSA; Juju does not know ed25519.
var KeyAlgorithms = [...]string{"rsa3072", "rsa4096", "ed25519"}

// Key is a new key in the forms in which it is used.
type Key struct {
	Fingerprint string
	Public      []byte // armored, for people
	Keyring     []byte // the public key as a keyring, for gpgv, which does not read armored ones
	Secret      []byte // armored, for ParseSecretKey and gpg --import
}

// GenerateKey makes a key that signs and does nothing else.
func GenerateKey(name, email string, o KeyOptions) (*Key, error) {
	config, err := o.config()
	if err != nil {
		return nil, err
	}
	entity, err := openpgp.NewEntity(name, "", email, config)
	if err != nil {
		return nil, fmt.Errorf("cannot make a key for %q <%s>: %w", name, email, err)
	}
	entity.Subkeys = nil // the library adds one to encrypt with
	key := &Key{Fingerprint: fingerprint(entity.PrimaryKey)}
	if len(o.Passphrase) > 0 {
		if err := entity.EncryptPrivateKeys(o.Passphrase, config); err != nil {
			return nil, fmt.Errorf("cannot lock the new key: %w", err)
		}
	}
	if key.Keyring, key.Public, err = export(entity.Serialize, armorPublic); err != nil {
		return nil, err
	}
	secret := func(w io.Writer) error { return entity.SerializePrivateWithoutSigning(w, config) }
	if _, key.Secret, err = export(secret, armorSecret); err != nil {
		return nil, err
	}
	return key, nil
}

func (o *KeyOptions) config() (*packet.Config, error) {
	config := &packet.Config{DefaultHash: crypto.SHA512, DefaultCipher: packet.CipherAES256, Time: o.Now}
	seconds := o.Lifetime / time.Second
	if seconds < 0 || seconds > math.MaxUint32 {
		return nil, fmt.Errorf("cannot make a key that expires after %s: at most 136 years are possible", o.Lifetime)
	}
	config.KeyLifetimeSecs = uint32(seconds)
	switch o.Algorithm {
	case "", "rsa3072":
		config.RSABits = 3072
	case "rsa4096":
		config.RSABits = 4096
	case "ed25519":
		config.Algorithm = packet.PubKeyAlgoEdDSA
	default:
		return nil, fmt.Errorf("cannot make a key of the kind %q: there are %s", o.Algorithm, KeyAlgorithms)
	}
	return config, nil
}

func export(write func(io.Writer) error, kind string) (raw, block []byte, err error) {
	var out bytes.Buffer
	if err := write(&out); err != nil {
		return nil, nil, fmt.Errorf("cannot export the new key: %w", err)
	}
	block, err = enarmor(out.Bytes(), kind)
	return out.Bytes(), block, err
}
