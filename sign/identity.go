package sign

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

// fingerprint returns a key's fingerprint as Policy and gpg write it.
func fingerprint(key *packet.PublicKey) string { return fmt.Sprintf("%X", key.Fingerprint) }

// identity returns the user id that a key goes by, fit to be printed: the one it marks as primary if it is valid, else
// any.
func identity(key *openpgp.Entity) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, userID(key))
}

func userID(key *openpgp.Entity) string {
	if self, id := key.PrimaryIdentity(key.PrimaryKey.CreationTime, lenient()); self != nil {
		return id.Name
	}
	for _, name := range slices.Sorted(maps.Keys(key.Identities)) {
		return name
	}
	return ""
}

// describe names a key for a message.
func describe(key *openpgp.Entity) string {
	return fmt.Sprintf("key %016X (%s)", key.PrimaryKey.KeyId, identity(key))
}

// keyKind names what a key is made of: "RSA 1024".
func keyKind(key *packet.PublicKey) string {
	if curve, err := key.Curve(); err == nil {
		return string(curve)
	}
	bits, _ := key.BitLength()
	switch key.PubKeyAlgo {
	case packet.PubKeyAlgoRSA, packet.PubKeyAlgoRSASignOnly:
		return fmt.Sprintf("RSA %d", bits)
	case packet.PubKeyAlgoDSA:
		return fmt.Sprintf("DSA %d", bits)
	}
	return fmt.Sprintf("algorithm %d", key.PubKeyAlgo)
}
