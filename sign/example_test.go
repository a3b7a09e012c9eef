package sign_test

import (
	"context"
	"fmt"

	"github.com/seed-43fb3962/sstream/sign"
)

// Make a key, sign a document with it, and check the document as its readers do.
func Example() {
	key, err := sign.GenerateKey("Example Images", "images@example.com", sign.KeyOptions{Algorithm: "ed25519"})
	if err != nil {
		fmt.Println(err)
		return
	}
	signer, err := sign.ParseSecretKey(key.Secret, sign.SecretKeyOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	sjson, err := signer.Clearsign(context.Background(), []byte(`{"format": "index:1.0"}`))
	if err != nil {
		fmt.Println(err)
		return
	}

	keyring, err := sign.ParseKeyring("images.pub", key.Public)
	if err != nil {
		fmt.Println(err)
		return
	}
	policy := sign.Policy{Keys: keyring, Fingerprints: []string{key.Fingerprint}}
	body, signature, err := policy.Clearsigned(sjson)
	fmt.Println(string(body), signature.Identity, err)
	// Output: {"format": "index:1.0"} Example Images <images@example.com> <nil>
}

// The zero policy trusts nobody.
func ExamplePolicy_Clearsigned() {
	var policy sign.Policy
	_, _, err := policy.Clearsigned([]byte(`{"format": "index:1.0"}`))
	fmt.Println(err)
	// Output: no signature found: a clear-signed document begins with "-----BEGIN PGP SIGNED MESSAGE-----" (it begins with "{\"format\": \"index:1.0\"}")
}
