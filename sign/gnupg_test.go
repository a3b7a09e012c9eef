package sign

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// gnupg is a home of the real GnuPG.
type gnupg struct{ home string }

// newGnuPG makes an empty home and lets gpg use it. Tests that use it cannot be parallel.
func newGnuPG(t testing.TB) *gnupg {
	t.Helper()
	for _, program := range []string{"gpg", "gpgv", "gpgconf"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed", program)
		}
	}
	home, err := os.MkdirTemp("", "gpg") // a short name: that of a socket in it has an end
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("GNUPGHOME", home)
	t.Cleanup(func() {
		_ = exec.Command("gpgconf", "--kill", "all").Run()
		_ = os.RemoveAll(home) // the agent may still be tidying up
	})
	return &gnupg{home}
}

// gpg runs gpg and returns its output.
func (g *gnupg) gpg(t testing.TB, input string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("gpg", append([]string{"--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", ""}, args...)...)
	var out, complaints bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &out, &complaints
	if err := cmd.Run(); err != nil {
		t.Fatalf("gpg %v: %v\n%s", args, err, &complaints)
	}
	return out.Bytes()
}

// newKey makes a key of gpg's algorithm.
func (g *gnupg) newKey(t testing.TB, name, algorithm string) {
	t.Helper()
	g.gpg(t, "", "--quick-generate-key", name+" <"+name+"@example.com>", algorithm, "sign", "never")
}

// verify runs gpgv, the reader of the Python tools and of MAAS.
func verify(t testing.TB, keyring []byte, files ...[]byte) error {
	t.Helper()
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	args := []string{"--keyring", write("keyring", keyring)}
	for i, data := range files {
		args = append(args, write(string(rune('a'+i)), data))
	}
	if out, err := exec.Command("gpgv", args...).CombinedOutput(); err != nil {
		return errors.New(string(out))
	}
	return nil
}

// texts are documents that are hard to clear-sign.
var texts = []string{
	"x", "x\n", "a\n\n\nb", "a\n\n", "- dash\n-\n--\n-----BEGIN PGP SIGNATURE-----\n", "From here\n", " lead\n\ttab\n",
	"trailing  \nblanks\t\n", "a\r\nb\r\n", "u\u2028x\u0085y\n", "\f\v\n", strings.Repeat("x", maxLine) + "\ny",
	"-" + strings.Repeat("x", maxLine-1) + "\ny", strings.Repeat("-\n", 70_000),
	`{"long": [` + strings.Repeat(`"item", `, 5_000) + `1.50]}`,
}

func TestSignersAgree(t *testing.T) {
	g := newGnuPG(t)
	g.newKey(t, "alice", "rsa3072")
	keyring, secret := g.gpg(t, "", "--export"), g.gpg(t, "", "--export-secret-keys", "--armor")
	own, err := ParseSecretKey(secret, SecretKeyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	script := "exec gpg --batch --armor --detach-sign $(test $SSTREAM_SIGN = detached || echo --textmode)"
	signers := map[string]Signer{
		"gpg": &GPG{}, "secret key": own, "command": &Command{Args: []string{"sh", "-c", script}},
		"command for all": &Command{Args: []string{"sh", "-c", "test $SSTREAM_SIGN = detached && exec gpg --detach-sign || exec gpg --clearsign"}},
	}
	policy := Policy{Keys: DefaultKeyring(os.Getenv)} // a keybox
	for name, signer := range signers {
		for _, text := range texts {
			want, err := clearText([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			doc, err := signer.Clearsign(t.Context(), []byte(text))
			if err != nil {
				t.Errorf("%s: clear-signing %.30q: %v", name, text, err)
				continue
			}
			got, sig, err := policy.Clearsigned(doc)
			if err != nil || !bytes.Equal(bytes.TrimRight(got, "\n"), want) || sig.Fingerprint != own.Fingerprint() {
				t.Errorf("%s: clear-signed %.30q: got %.30q, %+v, %v", name, text, got, sig, err)
			}
			if err := verify(t, keyring, doc); err != nil {
				t.Errorf("%s: gpgv refuses clear-signed %.30q: %v", name, text, err)
			}
			block, err := signer.Detach(t.Context(), []byte(text))
			if err != nil {
				t.Errorf("%s: signing %.30q: %v", name, text, err)
				continue
			}
			if _, err := policy.Detached([]byte(text), block); err != nil {
				t.Errorf("%s: signed %.30q: %v", name, text, err)
			}
			if err := verify(t, keyring, block, []byte(text)); err != nil {
				t.Errorf("%s: gpgv refuses the signature over %.30q: %v", name, text, err)
			}
		}
	}
}

func TestKeysOfGnuPG(t *testing.T) {
	g := newGnuPG(t)
	for _, test := range []struct {
		algorithm, weak string
		gpgArgs         []string
	}{
		{algorithm: "rsa2048"},
		{algorithm: "ed25519"},
		{algorithm: "nistp256"},
		{algorithm: "nistp521"},
		{algorithm: "brainpoolP256r1"},
		{algorithm: "rsa1024", weak: "RSA 1024"},
		{algorithm: "dsa2048", weak: "DSA 2048"},
		{algorithm: "secp256k1", weak: "SecP256k1"},
		{algorithm: "rsa2048", weak: "SHA-1", gpgArgs: []string{"--digest-algo", "SHA1"}},
		{algorithm: "rsa2048", gpgArgs: []string{"--digest-algo", "SHA224"}},
	} {
		name := strings.Join(append([]string{test.algorithm}, test.gpgArgs...), " ")
		t.Run(name, func(t *testing.T) {
			user := strings.NewReplacer(" ", "-", "--", "").Replace(name)
			g.newKey(t, user, test.algorithm)
			keyring, err := ParseKeyring(user, g.gpg(t, "", "--export", user+"@"))
			if err != nil {
				t.Fatal(err)
			}
			args := append(test.gpgArgs, "--local-user", user+"@")
			doc := g.gpg(t, body, append(args, "--clearsign")...)
			sig := g.gpg(t, body, append(args, "--detach-sign")...)
			strict := Policy{Keys: keyring}
			lenient := Policy{Keys: keyring, AllowWeakKeys: true, AllowSHA1: true}
			for _, policy := range []*Policy{&strict, &lenient} {
				got, made, err := policy.Clearsigned(doc)
				_, err2 := policy.Detached([]byte(body), sig)
				if policy == &strict && test.weak != "" {
					if !errors.Is(err, ErrUntrusted) || !errors.Is(err2, ErrUntrusted) || !strings.Contains(err.Error(), test.weak) {
						t.Errorf("a weak signature: %v, %v", err, err2)
					}
					continue
				}
				if err != nil || err2 != nil || string(got) != body || made.Weak != test.weak {
					t.Errorf("got %q, %+v, %v, %v", got, made, err, err2)
				}
			}
		})
	}
}

func TestGnuPGSubkeysAndRevocation(t *testing.T) {
	g := newGnuPG(t)
	g.newKey(t, "alice", "rsa2048")
	key := string(bytes.Split(g.gpg(t, "", "--list-keys", "--with-colons", "alice"), []byte("fpr:::::::::"))[1][:40])
	g.gpg(t, "", "--quick-add-key", key, "ed25519", "sign", "never")
	doc := g.gpg(t, body, "--clearsign")
	policy := Policy{Keys: DefaultKeyring(os.Getenv), Fingerprints: []string{key}}
	if _, sig, err := policy.Clearsigned(doc); err != nil || sig.Fingerprint != key {
		t.Errorf("by a subkey: %+v, %v", sig, err)
	}
	subkeys, err := ParseSecretKey(g.gpg(t, "", "--export-secret-subkeys"), SecretKeyOptions{})
	if err != nil {
		t.Fatalf("a subkey without its primary key: %v", err)
	}
	own, err := subkeys.Clearsign(t.Context(), []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	if err := verify(t, g.gpg(t, "", "--export"), own); err != nil {
		t.Errorf("gpgv refuses a subkey's signature: %v", err)
	}

	certificate, err := os.ReadFile(filepath.Join(g.home, "openpgp-revocs.d", key+".rev"))
	if err != nil {
		t.Fatal(err)
	}
	g.gpg(t, strings.Replace(string(certificate), ":-----BEGIN", "-----BEGIN", 1), "--import")
	policy.Keys = DefaultKeyring(os.Getenv)
	if _, _, err := policy.Clearsigned(doc); !errors.Is(err, ErrUntrusted) || !strings.Contains(err.Error(), "which is revoked") {
		t.Errorf("revoked: %v", err)
	}
}

func TestGnuPGExpiry(t *testing.T) {
	g := newGnuPG(t)
	const in2020, in2022 = "20200101T000000!", "20220101T000000!"
	g.gpg(t, "", "--faked-system-time", in2020, "--quick-generate-key", "alice <alice@example.com>", "rsa2048", "sign", "1y")
	before := g.gpg(t, body, "--faked-system-time", "20200601T000000!", "--clearsign")
	expiring := g.gpg(t, body, "--faked-system-time", "20200601T000000!", "--default-sig-expire", "1y", "--clearsign")
	policy := Policy{Keys: DefaultKeyring(os.Getenv)}
	if _, _, err := policy.Clearsigned(before); err != nil {
		t.Errorf("signed before the key expired: %v", err)
	}
	if _, _, err := policy.Clearsigned(expiring); !errors.Is(err, ErrUntrusted) || !strings.Contains(err.Error(), "it expired on 2021-06-01") {
		t.Errorf("an expired signature: %v", err)
	}
	_, err := ParseSecretKey(g.gpg(t, "", "--export-secret-keys"), SecretKeyOptions{})
	if err == nil || !strings.Contains(err.Error(), "expired on 2020-12-31") {
		t.Errorf("signing with an expired key: %v", err)
	}

	// The key is extended, and passed on with the newest self-signature only.
	key := string(bytes.Split(g.gpg(t, "", "--list-keys", "--with-colons", "alice"), []byte("fpr:::::::::"))[1][:40])
	g.gpg(t, "", "--faked-system-time", in2022, "--quick-set-expire", key, "0")
	clean, err := ParseKeyring("clean", g.gpg(t, "", "--export-options", "export-minimal", "--export"))
	if err != nil {
		t.Fatal(err)
	}
	policy.Keys = clean
	if _, _, err := policy.Clearsigned(before); err != nil {
		t.Errorf("signed before the key was extended: %v", err)
	}
}

func TestGenerateKey(t *testing.T) {
	g := newGnuPG(t)
	for _, test := range []struct {
		algorithm, passphrase string
		lifetime              time.Duration
	}{
		{"", "", 0}, {"ed25519", "", 24 * time.Hour}, {"rsa4096", "correct horse", 0},
	} {
		t.Run(test.algorithm+test.passphrase, func(t *testing.T) {
			key, err := GenerateKey("Us", "us"+test.algorithm+"@example.com", KeyOptions{
				Algorithm: test.algorithm, Passphrase: []byte(test.passphrase), Lifetime: test.lifetime,
			})
			if err != nil {
				t.Fatal(err)
			}
			asked := 0
			signer, err := ParseSecretKey(key.Secret, SecretKeyOptions{Passphrase: func() ([]byte, error) {
				asked++
				return []byte(test.passphrase), nil
			}})
			if err != nil || (asked == 1) != (test.passphrase != "") {
				t.Fatalf("asked %d times, %v", asked, err)
			}
			doc, err := signer.Clearsign(t.Context(), []byte(body))
			if err != nil {
				t.Fatal(err)
			}
			if err := verify(t, key.Keyring, doc); err != nil {
				t.Errorf("gpgv: %v", err)
			}
			ring, err := ParseKeyring("public", key.Public)
			if err != nil {
				t.Fatal(err)
			}
			if _, sig, err := (&Policy{Keys: ring}).Clearsigned(doc); err != nil || sig.Fingerprint != key.Fingerprint {
				t.Errorf("%+v, %v", sig, err)
			}

			g.gpg(t, string(key.Secret), "--import")
			byGPG := g.gpg(t, body, "--passphrase", test.passphrase, "--local-user", key.Fingerprint, "--clearsign")
			if _, _, err := (&Policy{Keys: ring}).Clearsigned(byGPG); err != nil {
				t.Errorf("signed by gpg: %v", err)
			}
		})
	}
}

func TestLockedKeyOfGnuPG(t *testing.T) {
	g := newGnuPG(t)
	g.gpg(t, "", "--passphrase", "sesame", "--quick-generate-key", "alice <alice@example.com>", "rsa2048", "sign", "never")
	secret := g.gpg(t, "", "--passphrase", "sesame", "--export-secret-keys")
	for passphrase, message := range map[string]string{"sesame": "", "wrong": "is that the right passphrase?"} {
		_, err := ParseSecretKey(secret, SecretKeyOptions{Passphrase: func() ([]byte, error) { return []byte(passphrase), nil }})
		if (err == nil) != (message == "") || (err != nil && !strings.Contains(err.Error(), message)) {
			t.Errorf("passphrase %q: %v", passphrase, err)
		}
	}
	if _, err := ParseSecretKey(secret, SecretKeyOptions{}); err == nil || !strings.Contains(err.Error(), "its passphrase is needed") {
		t.Errorf("no passphrase: %v", err)
	}
	_, err := ParseSecretKey(g.gpg(t, "", "--export"), SecretKeyOptions{})
	if err == nil || !strings.Contains(err.Error(), "there is no secret key in it") {
		t.Errorf("a public key: %v", err)
	}
}
