package sign

import (
	"bytes"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
)

// FuzzClearsigned: whatever is done to signed documents, a text is returned only if it was signed, and go-crypto's
// decoder, where it takes the document at all, sees the same text.
func FuzzClearsigned(f *testing.F) {
	alice, eve := newKey(f, "alice", 0), newKey(f, "eve", 0)
	policy := Policy{Keys: keyringOf(f, alice), Now: at(now), AllowTrailing: true}
	genuine := make(map[string]bool)
	for _, text := range []string{body, "- dash\n-", "a\n\nb ", "x\ry\u2028z"} {
		f.Add([]byte(clearsigned(f, text, signed, alice)))
		f.Add([]byte(strings.ReplaceAll(clearsigned(f, text, signed, eve, alice), "\n", "\r\n")))
		want, err := clearText([]byte(text))
		if err != nil {
			f.Fatal(err)
		}
		genuine[string(want)] = true
	}
	f.Add([]byte(clearsigned(f, body, signed, eve) + clearsigned(f, body, signed, alice)))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, _, err := policy.Clearsigned(data)
		if err == nil && !genuine[string(got)] {
			t.Errorf("not signed by anyone: %q", got)
		}
		doc, err := splitClearsigned(data)
		if err != nil {
			return
		}
		if other, _ := clearsign.Decode(data); other != nil && string(trimLines(other.Plaintext)) != string(trimLines(doc.text)) {
			t.Errorf("we see %q, go-crypto sees %q", doc.text, other.Plaintext)
		}
	})
}

// trimLines takes the carriage returns off that go-crypto leaves where gpg does not.
func trimLines(text []byte) []byte {
	lines := bytes.Split(text, []byte("\n"))
	for i := range lines {
		lines[i] = trimBlanks(lines[i])
	}
	return bytes.Join(lines, []byte("\n"))
}

// FuzzClearText: any text can be signed, and comes back as it was signed.
func FuzzClearText(f *testing.F) {
	for _, text := range texts {
		f.Add([]byte(text[:min(len(text), 200)]))
	}
	key := newKey(f, "alice", 0)
	policy := Policy{Keys: keyringOf(f, key), Now: at(now)}
	var secret bytes.Buffer
	if err := key.SerializePrivateWithoutSigning(&secret, nil); err != nil {
		f.Fatal(err)
	}
	signer, err := ParseSecretKey(secret.Bytes(), SecretKeyOptions{Now: at(signed)})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		want, err := clearText(text)
		if err != nil {
			return // a line that is too long
		}
		doc, err := signer.Clearsign(t.Context(), text)
		if err != nil {
			t.Fatal(err)
		}
		if got, _, err := policy.Clearsigned(doc); err != nil || !bytes.Equal(got, want) {
			t.Errorf("signed %q, got %q, %v", want, got, err)
		}
		if bytes.Contains(text, []byte("\r")) {
			return // go-crypto's reader and writer do not agree on them
		}
		block, _ := clearsign.Decode(doc)
		if block == nil {
			t.Fatalf("go-crypto cannot read %q", doc)
		}
		if _, _, err := openpgp.VerifyDetachedSignature(openpgp.EntityList{key}, bytes.NewReader(block.Bytes), block.ArmoredSignature.Body, nil); err != nil {
			t.Errorf("go-crypto refuses %q: %v", doc, err)
		}
	})
}

// FuzzDetached: no signature packet breaks the reader, and none but the genuine ones is accepted for other content.
func FuzzDetached(f *testing.F) {
	alice := newKey(f, "alice", 0)
	policy := Policy{Keys: keyringOf(f, alice), Now: at(now)}
	raw := detached(f, body, alice)
	f.Add([]byte(body), raw)
	f.Add([]byte(body), []byte(armored(f, raw)))
	f.Add([]byte(body), append(raw, raw...))
	f.Fuzz(func(t *testing.T, data, sig []byte) {
		if _, err := policy.Detached(data, sig); err == nil && string(data) != body {
			t.Errorf("accepted for %q", data)
		}
	})
}

func FuzzKeyring(f *testing.F) {
	alice := newKey(f, "alice", 0)
	raw := exported(f, alice)
	block, err := enarmor(raw, armorPublic)
	if err != nil {
		f.Fatal(err)
	}
	blob := append([]byte{0, 0, 0, byte(16 + len(raw)>>8), 2, 1, 0, 0, 0, 0, 0, 16, 0, 0, byte(len(raw) >> 8), byte(len(raw))}, raw...)
	header := append([]byte{0, 0, 0, 32, 1, 1, 0, 0}, append([]byte(keyboxMagic), make([]byte, 20)...)...)
	f.Add(raw)
	f.Add(block)
	f.Add(append(header, blob...))
	f.Fuzz(func(t *testing.T, data []byte) {
		ring, err := ParseKeyring("fuzz", data)
		if err != nil {
			return
		}
		if keys, err := ring.Fingerprints(); err != nil || len(keys) == 0 {
			t.Errorf("a keyring without keys: %v, %v", keys, err)
		}
	})
}

// TestStricterThanGpgv changes signed documents at random; what we accept, gpgv must accept too.
func TestStricterThanGpgv(t *testing.T) {
	g := newGnuPG(t)
	g.newKey(t, "alice", "ed25519")
	keyring := g.gpg(t, "", "--export")
	policy := Policy{Keys: DefaultKeyring(os.Getenv), AllowTrailing: true}
	doc := string(g.gpg(t, "{\n - \"a\": 1\n\n- x\n}\n", "--clearsign"))
	pieces := []string{"\n", " ", "\t", "\r", "\r\n", "- ", "-", "\n\n", "\x00", "Hash: SHA512\n", "Hash: SHA1\n", clearHeader + "\n", signatureHeader + "\n",
		"-----END PGP SIGNATURE-----\n", "evil\n", "=AAAA\n", "Comment: x\n", "\u00a0", "\f", "Hash: SHA256, SHA512\n"}
	random := rand.New(rand.NewPCG(1, 2))
	accepted := 0
	for range 400 {
		changed := doc
		for range 1 + random.IntN(2) {
			from := random.IntN(len(changed) + 1)
			if random.IntN(2) == 0 { // most interesting at line ends
				from += max(strings.IndexByte(changed[from:], '\n'), 0)
			}
			to := min(from+random.IntN(3)*random.IntN(2), len(changed))
			changed = changed[:from] + pieces[random.IntN(len(pieces))] + changed[to:]
		}
		if _, _, err := policy.Clearsigned([]byte(changed)); err != nil {
			continue
		}
		accepted++
		if err := verify(t, keyring, []byte(changed)); err != nil && !strings.Contains(err.Error(), "CRC") { // its checksum says nothing
			t.Errorf("gpgv refuses %q: %v", changed, err)
		}
	}
	if accepted < 20 {
		t.Errorf("only %d changed documents were accepted: the test shows little", accepted)
	}
}

// BenchmarkClearsigned checks a catalogue of 60 MB, the size of the largest streams.
func BenchmarkClearsigned(b *testing.B) {
	key, err := GenerateKey("bench", "bench@example.com", KeyOptions{Algorithm: "rsa4096"})
	if err != nil {
		b.Fatal(err)
	}
	signer, err := ParseSecretKey(key.Secret, SecretKeyOptions{})
	if err != nil {
		b.Fatal(err)
	}
	ring, err := ParseKeyring("bench", key.Keyring)
	if err != nil {
		b.Fatal(err)
	}
	policy := Policy{Keys: ring}
	clean := bytes.Repeat([]byte("     \"sha256\": \"f4797060c79363d37129656e5069e817cfd144ba9a1db0a392eeba0c534316dd\",\n     \"size\": 38,\n"), 600_000)
	for name, text := range map[string][]byte{"clean": clean, "blanks at line ends": bytes.ReplaceAll(clean, []byte("8,\n"), []byte("8, \n"))} {
		doc, err := signer.Clearsign(b.Context(), text)
		if err != nil {
			b.Fatal(err)
		}
		if name != "clean" {
			doc = bytes.ReplaceAll(doc, []byte("8,\n"), []byte("8, \n"))
		}
		b.Run("check "+name, func(b *testing.B) {
			b.SetBytes(int64(len(doc)))
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := policy.Clearsigned(doc); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("split "+name, func(b *testing.B) {
			b.SetBytes(int64(len(doc)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := splitClearsigned(doc); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("go-crypto's decoder "+name, func(b *testing.B) {
			b.SetBytes(int64(len(doc)))
			b.ReportAllocs()
			for b.Loop() {
				if block, _ := clearsign.Decode(doc); block == nil {
					b.Fatal("not decoded")
				}
			}
		})
	}
	b.Run("sign", func(b *testing.B) {
		b.SetBytes(int64(len(clean)))
		for b.Loop() {
			if _, err := signer.Clearsign(b.Context(), clean); err != nil {
				b.Fatal(err)
			}
		}
	})
}
