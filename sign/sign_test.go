package sign

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

// The world of these tests: keys are made in 2020, documents are signed in 2022, and now is 2024.
var (
	made   = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	signed = time.Date(2022, 1, 1, 0, 0, 0, 0, time.UTC)
	now    = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
)

func at(t time.Time) func() time.Time { return func() time.Time { return t } }

// newKey makes a key as it was in 2020.
func newKey(t testing.TB, name string, lifetime time.Duration) *openpgp.Entity {
	t.Helper()
	key, err := openpgp.NewEntity(name, "", name+"@example.com", &packet.Config{
		Time: at(made), Algorithm: packet.PubKeyAlgoEdDSA, KeyLifetimeSecs: uint32(lifetime / time.Second),
	})
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func exported(t testing.TB, keys ...*openpgp.Entity) []byte {
	t.Helper()
	var out bytes.Buffer
	for _, key := range keys {
		if err := key.Serialize(&out); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

func keyringOf(t testing.TB, keys ...*openpgp.Entity) *Keyring {
	t.Helper()
	ring, err := ParseKeyring("test", exported(t, keys...))
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// clearsigned signs as another implementation does.
func clearsigned(t testing.TB, body string, when time.Time, keys ...*openpgp.Entity) string {
	t.Helper()
	var privates []*packet.PrivateKey
	for _, key := range keys {
		privates = append(privates, key.PrivateKey)
	}
	var out bytes.Buffer
	w, err := clearsign.EncodeMulti(&out, privates, &packet.Config{Time: at(when)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(body)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String() + "\n"
}

func detached(t testing.TB, body string, key *openpgp.Entity) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := openpgp.DetachSign(&out, []*openpgp.Entity{key}, strings.NewReader(body), &packet.Config{Time: at(signed)}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

const body = "{\n \"a\": 1\n}"

func TestClearsigned(t *testing.T) {
	alice, eve := newKey(t, "alice", 0), newKey(t, "eve", 0)
	doc := clearsigned(t, body, signed, alice)
	replace := func(old, new string) string {
		if !strings.Contains(doc, old) {
			t.Fatalf("no %q in %s", old, doc)
		}
		return strings.Replace(doc, old, new, 1)
	}
	const begin, sig, end = "-----BEGIN PGP SIGNED MESSAGE-----\n", "-----BEGIN PGP SIGNATURE-----\n", "-----END PGP SIGNATURE-----\n"
	unsigned := begin + "Hash: SHA512\n\n{\"evil\": 1}\n"

	tests := []struct {
		name, doc string
		want      error
		message   string
	}{
		{name: "good", doc: doc},
		{name: "carriage returns", doc: strings.ReplaceAll(doc, "\n", "\r\n")},
		{name: "blanks at line ends", doc: replace("\"a\": 1\n", "\"a\": 1 \t \n")},
		{name: "blanks after the armor lines", doc: strings.NewReplacer(begin, begin[:len(begin)-1]+"  \n", sig, sig[:len(sig)-1]+" \n").Replace(doc)},
		{name: "two hash headers", doc: replace("Hash: ", "Hash: SHA224\nHash: ")},
		{name: "a list of hashes", doc: replace("Hash: ", "Hash: SHA1, ")},
		{name: "blank lines after", doc: doc + "\n \r\n\n"},
		{name: "no line end at the end", doc: strings.TrimSuffix(doc, "\n")},
		{name: "a comment in the armor", doc: replace(sig, sig+"Comment: hello\n")},

		{name: "not signed", doc: body, want: ErrNotSigned, message: `no signature found: a clear-signed document begins with "-----BEGIN PGP SIGNED MESSAGE-----" (it begins with "{\n \"a\": 1\n}")`},
		{name: "empty", doc: "", want: ErrNotSigned, message: "(it is empty)"},
		{name: "a web page", doc: "<html>404</html>", want: ErrNotSigned, message: `it begins with "<html>404</html>"`},
		{name: "text before", doc: "{}\n" + doc, want: ErrNotSigned},
		{name: "a blank line before", doc: "\n" + doc, want: ErrNotSigned},
		{name: "a byte order mark", doc: "\ufeff" + doc, want: ErrNotSigned},
		{name: "junk after the header", doc: replace(begin, strings.TrimSpace(begin)+"junk\n"), want: ErrNotSigned},
		{name: "only the header", doc: strings.TrimSpace(begin), want: ErrBadSignature, message: "cut off"},
		{name: "text after", doc: doc + "\n{\"evil\": 1}\n", want: ErrBadSignature, message: `follows the signature (it begins with "{\"evil\": 1}")`},
		{name: "two blocks", doc: doc + doc, want: ErrBadSignature, message: "a second block follows"},
		{name: "two blocks, text between", doc: doc + "x\n" + doc, want: ErrBadSignature},
		{name: "an unsigned block after", doc: doc + unsigned, want: ErrBadSignature},
		{name: "an unsigned block before", doc: unsigned + doc, want: ErrBadSignature, message: "dash that is not escaped"},
		{name: "a nested block", doc: replace("{\n", "{\n"+unsigned), want: ErrBadSignature},
		{name: "a line of the text as a header", doc: replace("\n\n{\n", "\n{\n\n"), want: ErrBadSignature, message: "header that is not Hash"},
		{name: "a header with text", doc: replace("\n\n{", "\n{\"evil\": 1}\n\n{"), want: ErrBadSignature},
		{name: "text as hash names", doc: replace("Hash: SHA256", "Hash: {\"evil\": 1}"), want: ErrBadSignature, message: "names a digest that there is not"},
		{name: "not dash escaped", doc: replace("Hash: ", "NotDashEscaped: yes\nHash: "), want: ErrBadSignature},
		{name: "no hash header", doc: replace("Hash: SHA256\n", ""), want: ErrBadSignature, message: "no Hash header of the document names SHA-256"},
		{name: "another hash header", doc: replace("Hash: SHA256", "Hash: SHA512"), want: ErrBadSignature, message: "no Hash header"},
		{name: "changed", doc: replace("1", "2"), want: ErrBadSignature, message: "the content is not what key"},
		{name: "a line more", doc: replace("{\n", "{\n\n"), want: ErrBadSignature},
		{name: "a line less", doc: replace("\n}", "}"), want: ErrBadSignature},
		{name: "a NUL", doc: replace("1\n", "1\x00\n"), want: ErrBadSignature},
		{name: "no signature", doc: doc[:strings.Index(doc, sig)], want: ErrBadSignature, message: "cut off"},
		{name: "cut off in the signature", doc: doc[:len(doc)-len(end)-20], want: ErrBadSignature, message: "cut off"},
		{name: "cut off in the text", doc: doc[:strings.Index(doc, "1")], want: ErrBadSignature, message: "cut off"},
		{name: "signature of another document", doc: unsigned + doc[strings.Index(doc, sig):], want: ErrBadSignature, message: "no Hash header"},
		{name: "an empty signature", doc: doc[:strings.Index(doc, sig)] + sig + "\n" + end, want: ErrBadSignature, message: "armor"},
		{name: "a damaged armor", doc: doc[:strings.Index(doc, sig)] + sig + "\nno base64!\n" + end, want: ErrBadSignature, message: "armor"},
		{name: "a key for a signature", doc: doc[:strings.Index(doc, sig)] + armored(t, exported(t, alice)), want: ErrBadSignature, message: "a text signature (gpg --textmode), this is of type 0x13"},
		{name: "nine signatures", doc: clearsigned(t, body, signed, eve, eve, eve, eve, eve, eve, eve, eve, alice), want: ErrBadSignature, message: "more than 8"},
		{name: "another key", doc: clearsigned(t, body, signed, eve), want: ErrUntrusted, message: "but none of the keyrings has that key (test: 1 key)"},
		{name: "two keys, one of them known", doc: clearsigned(t, body, signed, eve, alice)},
		{name: "two keys, one changed", doc: strings.Replace(clearsigned(t, body, signed, eve, alice), "1", "2", 1), want: ErrBadSignature},
		{name: "older than its key", doc: clearsigned(t, body, made.AddDate(-1, 0, 0), alice), want: ErrUntrusted, message: "older than the key"},
		{name: "in the future", doc: clearsigned(t, body, now.AddDate(0, 0, 2), alice), want: ErrUntrusted, message: "2024-01-03, which is in the future"},
		{name: "a clock that is ahead", doc: clearsigned(t, body, now.Add(time.Hour), alice)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			policy := Policy{Keys: keyringOf(t, alice), Now: at(now)}
			data := []byte(test.doc)
			got, sig, err := policy.Clearsigned(data)
			if string(data) != test.doc {
				t.Error("the document was changed")
			}
			if !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
				t.Fatalf("error is %v, want %v", err, test.want)
			}
			if err != nil {
				if got != nil || sig != (Signature{}) {
					t.Errorf("a body or signature with an error: %q, %+v", got, sig)
				}
				if !strings.Contains(err.Error(), test.message) || strings.Contains(err.Error(), "\n") {
					t.Errorf("message %q, want %q in one line", err, test.message)
				}
				return
			}
			if string(got) != body {
				t.Errorf("body is %q, want %q", got, body)
			}
			if sig.Fingerprint != fingerprint(alice.PrimaryKey) || sig.Identity != "alice <alice@example.com>" || sig.Created.IsZero() || sig.Weak != "" {
				t.Errorf("signature is %+v", sig)
			}
		})
	}
}

func armored(t testing.TB, packets []byte) string {
	t.Helper()
	block, err := enarmor(packets, armorSignature)
	if err != nil {
		t.Fatal(err)
	}
	return string(block)
}

func TestClearsignedTexts(t *testing.T) {
	key := newKey(t, "alice", 0)
	policy := Policy{Keys: keyringOf(t, key), Now: at(now)}
	for _, text := range []string{
		"", "x", "x\n", "\n", "\n\n", "a\n\n\nb", "- dash\n-\n--\n-----BEGIN PGP SIGNATURE-----\n", " lead\n\ttab",
		"a\rb\n", "u\u2028x\u0085y\n", "\f\v\n", strings.Repeat("x", 100_000) + "\ny", strings.Repeat("-\n", 70_000),
	} {
		got, _, err := policy.Clearsigned([]byte(clearsigned(t, text, signed, key)))
		if err != nil || string(got) != text {
			t.Errorf("%.40q: got %.40q, %v", text, got, err)
		}
	}
}

func TestClearsignedPolicies(t *testing.T) {
	alice, bob := newKey(t, "alice", 0), newKey(t, "bob", 0)
	expired, revoked := newKey(t, "expired", 365*24*time.Hour), newKey(t, "revoked", 0)
	retired := newKey(t, "retired", 0)
	stale := exported(t, revoked)
	if err := revoked.Revoke(packet.KeyCompromised, "stolen", &packet.Config{Time: at(now.AddDate(0, -1, 0))}); err != nil {
		t.Fatal(err)
	}
	retiredDoc := clearsigned(t, body, signed, retired)
	if err := retired.Revoke(packet.KeyRetired, "", &packet.Config{Time: at(now.AddDate(0, -1, 0))}); err != nil {
		t.Fatal(err)
	}
	both, err := ParseKeyring("both", append(stale, exported(t, revoked)...))
	if err != nil {
		t.Fatal(err)
	}
	alices := fingerprint(alice.PrimaryKey)
	doc := clearsigned(t, body, signed, alice)

	tests := []struct {
		name    string
		policy  Policy
		doc     string
		want    error
		message string
	}{
		{"the zero policy", Policy{}, doc, ErrUntrusted, "no keyring is given"},
		{"any key of the ring", Policy{Keys: keyringOf(t, bob, alice)}, doc, nil, ""},
		{"allowed", Policy{Keys: keyringOf(t, bob, alice), Fingerprints: []string{"0x" + strings.ToLower(alices)}}, doc, nil, ""},
		{"allowed, with blanks", Policy{Keys: keyringOf(t, alice), Fingerprints: []string{alices[:20] + "  " + alices[20:]}}, doc, nil, ""},
		{"not allowed", Policy{Keys: keyringOf(t, bob, alice), Fingerprints: []string{fingerprint(bob.PrimaryKey)}}, doc, ErrUntrusted, "not one of those allowed"},
		{"allowed but unknown", Policy{Keys: keyringOf(t, bob), Fingerprints: []string{alices}}, doc, ErrUntrusted, "none of the keyrings"},
		{"signed before it expired", Policy{Keys: keyringOf(t, expired)}, clearsigned(t, body, made.AddDate(0, 6, 0), expired), nil, ""},
		{"signed after it expired", Policy{Keys: keyringOf(t, expired)}, clearsigned(t, body, signed, expired), ErrUntrusted, "(expired <expired@example.com>), which expired on 2020-12-31, before it was made (2022-01-01)"},
		{"revoked", Policy{Keys: keyringOf(t, revoked)}, clearsigned(t, body, signed, revoked), ErrUntrusted, "which is revoked"},
		{"revoked in one of two copies", Policy{Keys: both}, clearsigned(t, body, signed, revoked), ErrUntrusted, "which is revoked"},
		{"retired", Policy{Keys: keyringOf(t, retired)}, retiredDoc, ErrUntrusted, "which is revoked"},
		{"text after, allowed", Policy{Keys: keyringOf(t, alice), AllowTrailing: true}, doc + "\n{\"evil\": 1}\n", nil, ""},
		{"a block after, never allowed", Policy{Keys: keyringOf(t, alice), AllowTrailing: true}, doc + doc, ErrBadSignature, "second block"},
		{"not verified", Policy{NoVerify: true}, strings.Replace(doc, "Hash: SHA256\n", "", 1) + "garbage", nil, ""},
		{"not verified, not signed", Policy{NoVerify: true}, body, ErrNotSigned, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.policy.Now = at(now)
			got, _, err := test.policy.Clearsigned([]byte(test.doc))
			if !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
				t.Fatalf("error is %v, want %v", err, test.want)
			}
			if err != nil && !strings.Contains(err.Error(), test.message) {
				t.Errorf("message %q, want %q", err, test.message)
			}
			if err == nil && string(got) != body {
				t.Errorf("body is %q", got)
			}
		})
	}

	policy := Policy{Keys: keyringOf(t, alice), Fingerprints: []string{alices[32:]}}
	if _, _, err := policy.Clearsigned([]byte(doc)); !errors.Is(err, ErrUntrusted) || !strings.Contains(err.Error(), "all 40 digits") {
		t.Errorf("a key id as a fingerprint: %v", err)
	}
}

func TestDetached(t *testing.T) {
	alice, eve := newKey(t, "alice", 0), newKey(t, "eve", 0)
	raw := detached(t, body, alice)
	block := armored(t, raw)
	tests := []struct {
		name, sig, body string
		want            error
	}{
		{"binary", string(raw), body, nil},
		{"armored", block, body, nil},
		{"armored, carriage returns", strings.ReplaceAll(block, "\n", "\r\n"), body, nil},
		{"changed", block, body + "\n", ErrBadSignature},
		{"empty", "", body, ErrNotSigned},
		{"a web page", "<html>", body, ErrNotSigned},
		{"cut off", block[:len(block)-30], body, ErrNotSigned},
		{"cut off, binary", string(raw[:40]), body, ErrBadSignature},
		{"text before", "x\n" + block, body, ErrBadSignature},
		{"text after", block + "x", body, ErrBadSignature},
		{"too large", block + strings.Repeat("\n", maxSignature), body, ErrBadSignature},
		{"another key", string(detached(t, body, eve)), body, ErrUntrusted},
	}
	policy := Policy{Keys: keyringOf(t, alice), Now: at(now)}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			sig, err := policy.Detached([]byte(test.body), []byte(test.sig))
			if !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
				t.Fatalf("error is %v, want %v", err, test.want)
			}
			if err == nil && !sig.Created.Equal(signed) {
				t.Errorf("signature is %+v", sig)
			}
		})
	}
	if _, err := (&Policy{NoVerify: true}).Detached([]byte(body), nil); err != nil {
		t.Errorf("not verified: %v", err)
	}
}

func TestKeyrings(t *testing.T) {
	alice, bob := newKey(t, "alice", 0), newKey(t, "bob", 0)
	home, elsewhere := t.TempDir(), t.TempDir()
	t.Setenv("GNUPGHOME", home)
	write := func(path string, data []byte) string {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	public := func(key *openpgp.Entity) []byte {
		block, err := enarmor(exported(t, key), armorPublic)
		if err != nil {
			t.Fatal(err)
		}
		return block
	}
	binary := write(filepath.Join(elsewhere, "a.gpg"), exported(t, alice))
	block := write(filepath.Join(elsewhere, "ab.asc"), append(append([]byte("Our keys:\n"), public(alice)...), public(bob)...))
	write(filepath.Join(home, "b.gpg"), exported(t, bob))
	junk := write(filepath.Join(elsewhere, "junk"), []byte("hello"))

	tests := []struct {
		paths   []string
		keys    int
		message string
	}{
		{[]string{binary}, 1, ""},
		{[]string{block}, 2, ""},
		{[]string{binary, "b.gpg"}, 2, ""},
		{[]string{binary, block}, 2, ""},
		{[]string{"a.gpg"}, 0, "cannot read keyring a.gpg (write ./a.gpg for a file in the working directory): open " + home},
		{[]string{elsewhere + "/none"}, 0, "no such file"},
		{[]string{junk}, 0, `junk: it is no OpenPGP key file (it begins with "hello")`},
	}
	for _, test := range tests {
		ring, err := LoadKeyring(test.paths...)
		if test.message != "" {
			if err == nil || !strings.Contains(err.Error(), test.message) {
				t.Errorf("%v: error %v, want %q", test.paths, err, test.message)
			}
			continue
		}
		if err != nil {
			t.Errorf("%v: %v", test.paths, err)
			continue
		}
		if keys, err := ring.Fingerprints(); err != nil || len(keys) != test.keys {
			t.Errorf("%v: keys %v, %v", test.paths, keys, err)
		}
	}
}

func TestDefaultKeyring(t *testing.T) {
	alice := newKey(t, "alice", 0)
	home := t.TempDir()
	getenv := func(name string) string {
		if name == "HOME" {
			return home
		}
		return ""
	}
	policy := Policy{Keys: DefaultKeyring(getenv), Now: at(now)}
	doc := []byte(clearsigned(t, body, signed, alice))
	if _, _, err := policy.Clearsigned(doc); !errors.Is(err, ErrUntrusted) || errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "no keyring is given and gpg has none in "+home+"/.gnupg") {
		t.Errorf("without keys: %v", err)
	}
	if err := os.MkdirAll(filepath.Join(home, ".gnupg"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, ".gnupg", "pubring.gpg"), exported(t, alice), 0o600); err != nil {
		t.Fatal(err)
	}
	policy.Keys = DefaultKeyring(getenv)
	if _, _, err := policy.Clearsigned(doc); err != nil {
		t.Errorf("with pubring.gpg: %v", err)
	}
}
