package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/seed-43fb3962/sstream/sign"
)

// signerFlags say with which key, and by which means, documents are signed.
type signerFlags struct {
	key            string
	command        string
	passphraseFile string
	passphraseFD   int
}

func (s *signerFlags) add(f *pflag.FlagSet) {
	f.StringVar(&s.key, "sign-key", "", "sign with `KEY`: a file with an exported secret key, or gpg:NAME for a key of gpg's (default: gpg's own choice, or SS_GPG_DEFAULT_KEY)")
	f.StringVar(&s.command, "sign-command", "", "sign with a shell `command` that reads what is to be signed and writes the signature")
	s.addPassphrase(f)
}

func (s *signerFlags) addPassphrase(f *pflag.FlagSet) {
	f.StringVar(&s.passphraseFile, "passphrase-file", "", "`file` with the passphrase of the secret key")
	f.IntVar(&s.passphraseFD, "passphrase-fd", -1, "file descriptor `n` to read the passphrase of the secret key from")
	f.Lookup("passphrase-fd").DefValue = "0" // so that help does not show a default
}

// open returns the signer that the flags ask for.
func (s *signerFlags) open(a *app) (sign.Signer, error) {
	name, isGPG := strings.CutPrefix(s.key, "gpg:")
	switch {
	case s.command != "" && s.key != "":
		return nil, usageError("--sign-key and --sign-command exclude each other")
	case s.command != "":
		return &sign.Command{Args: []string{"sh", "-c", s.command}}, nil
	case s.key == "" || isGPG:
		if s.passphraseFile != "" || s.passphraseFD >= 0 {
			return nil, usageError("a passphrase is for --sign-key FILE: gpg asks its agent")
		}
		g := sign.GPGFrom(a.getenv)
		if name != "" {
			g.Key = name
		}
		return g, nil
	}
	data, err := os.ReadFile(s.key)
	if err != nil {
		return nil, fmt.Errorf("cannot read the secret key: %w", err)
	}
	signer, err := sign.ParseSecretKey(data, sign.SecretKeyOptions{Passphrase: func() ([]byte, error) { return s.passphrase(a) }})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.key, err)
	}
	return signer, nil
}

// passphrase reads the passphrase from where the flags say, or else asks whoever sits at the terminal.
func (s *signerFlags) passphrase(a *app) ([]byte, error) {
	var text []byte
	var err error
	in, isFile := a.stdin.(*os.File)
	switch {
	case s.passphraseFile != "":
		text, err = os.ReadFile(s.passphraseFile)
	case s.passphraseFD >= 0:
		f := os.NewFile(uintptr(s.passphraseFD), fmt.Sprintf("file descriptor %d", s.passphraseFD))
		if f == nil {
			return nil, fmt.Errorf("file descriptor %d is not open", s.passphraseFD)
		}
		text, err = io.ReadAll(io.LimitReader(f, 1<<16))
	case isFile && term.IsTerminal(int(in.Fd())):
		fmt.Fprint(a.stderr, "Passphrase: ")
		text, err = term.ReadPassword(int(in.Fd()))
		fmt.Fprintln(a.stderr)
	default:
		err = fmt.Errorf("give it by --passphrase-file or --passphrase-fd")
	}
	if err != nil {
		return nil, err
	}
	return bytes.TrimRight(text, "\r\n"), nil
}
