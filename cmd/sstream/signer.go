package main

import (
	"os"
	"strings"

	"github.com/seed-43fb3962/sstream/sign"
)

// openSigner returns the signer that --sign-key names: gpg:KEY for a key of gpg's, else a file with a secret key.
func openSigner(a *app, name string) (sign.Signer, error) {
	if key, ok := strings.CutPrefix(name, "gpg:"); ok {
		g := sign.GPGFrom(a.getenv)
		g.Key = key
		return g, nil
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return sign.ParseSecretKey(data, sign.SecretKeyOptions{})
}
