package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/seed-43fb3962/sstream/sign"
)

func newKeygenCommand(a *app) *cobra.Command {
	var name, email string
	var days int
	var o sign.KeyOptions
	var flags signerFlags
	cmd := &cobra.Command{
		Use:   "keygen [flags] PREFIX",
		Short: "Make a key to sign documents with",
		Long: `Make a key to sign documents with. It is written to PREFIX.sec, the secret key, which nobody else may have;
PREFIX.gpg, the public key as a keyring, for --keyring and for gpgv; and PREFIX.pub, the same as text, to hand out.
Files that are there are not replaced. Without a passphrase the secret key is not locked.

The key is RSA unless another is asked for: every reader knows it. Juju does not know ed25519.

` + exitHelp,
		Example: `  sstream keygen --name 'Example Images' --email images@example.com images
  sstream keygen --algorithm ed25519 --expires 730 --passphrase-file secret images
  sstream sign --sign-key images.sec --passphrase-file secret /srv/images`,
		Args: exactly("PREFIX"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if name == "" {
				name = filepath.Base(args[0])
			}
			if flags.passphraseFile != "" || flags.passphraseFD >= 0 {
				passphrase, err := flags.passphrase(a)
				if err != nil {
					return fmt.Errorf("cannot read the passphrase: %w", err)
				}
				o.Passphrase = passphrase
			}
			if !slices.Contains(sign.KeyAlgorithms[:], o.Algorithm) {
				return usageError("--algorithm is one of %v, not %q", sign.KeyAlgorithms, o.Algorithm)
			}
			if days > longestLife {
				return usageError("--expires: a key lives for at most %d days (136 years), not %d", longestLife, days)
			}
			o.Lifetime = time.Duration(days) * 24 * time.Hour
			key, err := sign.GenerateKey(name, email, o)
			if err != nil {
				return err
			}
			if err := writeKey(args[0], key); err != nil {
				return err
			}
			_, err = fmt.Fprintln(a.stdout, key.Fingerprint)
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&name, "name", "", "whose key it is (default: the last part of PREFIX)")
	f.StringVar(&email, "email", "", "mail `address` to name in the key")
	f.StringVar(&o.Algorithm, "algorithm", sign.KeyAlgorithms[0], fmt.Sprintf("what `kind` of key, one of %v", sign.KeyAlgorithms))
	f.IntVar(&days, "expires", 0, "the key expires after so many `days` (0: never)")
	flags.addPassphrase(f)
	return cmd
}

// longestLife is the number of days after which a key can expire: it is kept in seconds, of 32 bits.
const longestLife = math.MaxUint32 / (24 * 60 * 60)

// writeKey writes the files of a key, all of them new.
func writeKey(prefix string, key *sign.Key) error {
	files := []struct {
		name string
		mode os.FileMode
		data []byte
	}{{prefix + ".sec", 0o600, key.Secret}, {prefix + ".gpg", 0o644, key.Keyring}, {prefix + ".pub", 0o644, key.Public}}
	for _, file := range files {
		if _, err := os.Lstat(file.name); err == nil {
			return fmt.Errorf("%s is there already: a key is not replaced", file.name)
		}
	}
	for i, file := range files {
		if err := writeNew(file.name, file.data, file.mode); err != nil {
			for _, made := range files[:i] { // a key is there whole, or not
				os.Remove(made.name)
			}
			return err
		}
	}
	return nil
}

// writeNew writes a file that is not there yet.
func writeNew(name string, data []byte, mode os.FileMode) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err != nil {
		os.Remove(name)
	}
	return err
}
