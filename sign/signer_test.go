package sign

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestSignable(t *testing.T) {
	long := strings.Repeat("x", maxLine)
	list := strings.Repeat(`1.50, `, 5_000) + "1e400"
	tests := []struct{ name, body, want, message string }{
		{"short lines", "{\"b\": 1.0,\n \"a\":2}", "{\"b\": 1.0,\n \"a\":2}", ""},
		{"as long as gpg takes", long + "\n" + long, long + "\n" + long, ""},
		{"not JSON", long + "x", "", "a text that is not JSON"},
		{"one long value", `{"a": "` + long + `"}`, "", "a single value of 20001 bytes"},
		{"one long line", `{"b":[` + list + `],"a":"<\u00e9>","a":{}}` + "\n",
			"{\n \"b\": [\n" + strings.Repeat("  1.50,\n", 5_000) + "  1e400\n ],\n \"a\": \"<\\u00e9>\",\n \"a\": {}\n}\n", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := Signable([]byte(test.body))
			if test.message != "" {
				if err == nil || !strings.Contains(err.Error(), test.message) {
					t.Errorf("error is %v, want %q", err, test.message)
				}
				return
			}
			if err != nil || string(got) != test.want {
				t.Errorf("got %.100q, %v", got, err)
			}
		})
	}
}

// TestSecretKeyIsDeterministic: publishing the same document twice gives the same bytes.
func TestSecretKeyIsDeterministic(t *testing.T) {
	key, err := GenerateKey("Us", "us@example.com", KeyOptions{Algorithm: "ed25519", Now: at(made)})
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ParseSecretKey(key.Secret, SecretKeyOptions{Now: at(signed)})
	if err != nil {
		t.Fatal(err)
	}
	first, err := signer.Clearsign(t.Context(), []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	second, err := signer.Clearsign(t.Context(), []byte(body+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	if string(first) != string(second) {
		t.Errorf("%s\nand\n%s", first, second)
	}
	if !strings.HasPrefix(string(first), clearHeader+"\nHash: SHA512\n\n"+body+"\n"+signatureHeader+"\n") {
		t.Errorf("it is laid out otherwise than by gpg:\n%s", first)
	}
}

func TestGenerateKeyRefuses(t *testing.T) {
	for _, test := range []struct {
		name    string
		options KeyOptions
		message string
	}{
		{"Us", KeyOptions{Algorithm: "rsa1024"}, `of the kind "rsa1024": there are [rsa3072 rsa4096 ed25519]`},
		{"Us", KeyOptions{Lifetime: -time.Hour}, "at most 136 years"},
		{"Us <them>", KeyOptions{Algorithm: "ed25519"}, "invalid characters"},
	} {
		if _, err := GenerateKey(test.name, "us@example.com", test.options); err == nil || !strings.Contains(err.Error(), test.message) {
			t.Errorf("%+v: %v, want %q", test.options, err, test.message)
		}
	}
}

func TestGPGFrom(t *testing.T) {
	for batch, want := range map[string]string{"": "gpg --default-key K --batch", "0": "gpg --default-key K", "False": "gpg --default-key K", "1": "gpg --default-key K --batch"} {
		g := GPGFrom(func(name string) string {
			return map[string]string{"SS_GPG_DEFAULT_KEY": "K", "SS_GPG_BATCH": batch}[name]
		})
		if got := strings.Join(g.args(), " "); got != want {
			t.Errorf("SS_GPG_BATCH=%q: %q", batch, got)
		}
	}
}

func TestProgramsThatFail(t *testing.T) {
	shell := func(script string) *Command { return &Command{Args: []string{"sh", "-c", script}} }
	key := newKey(t, "alice", 0)
	other := filepath.Join(t.TempDir(), "other")
	if err := os.WriteFile(other, []byte(clearsigned(t, "other", signed, key)), 0o600); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(t.TempDir(), "binary")
	if err := os.WriteFile(binary, detached(t, body, key), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		signer  Signer
		message string
	}{
		{"not installed", &Command{Args: []string{"no-such-program"}}, "cannot sign: the program no-such-program is not installed"},
		{"no gpg", &GPG{Program: "no-such-gpg"}, "the program no-such-gpg is not installed"},
		{"it fails", shell("echo no token >&2; echo; echo >&2; echo plug it in >&2; exit 3"), "cannot sign: sh: exit status 3: no token: plug it in"},
		{"it reads nothing and fails", shell("exit 1"), "exit status 1"},
		{"nothing", shell("cat >/dev/null"), "what sh wrote cannot be used: no signature found: the signature is empty"},
		{"text", shell("cat"), `it is no OpenPGP signature (it begins with "{\n`},
		{"another text", shell("cat '" + other + "'"), "it covers another text than the one to be signed"},
		{"a signature over bytes", shell("cat '" + binary + "'"), "needs a text signature (gpg --textmode)"},
	}
	for _, test := range tests {
		_, err := test.signer.Clearsign(t.Context(), []byte(body))
		if err == nil || !strings.Contains(err.Error(), test.message) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", test.name, err, test.message)
		}
	}
	if _, err := shell("cat '"+other+"'").Detach(t.Context(), []byte(body)); err == nil {
		t.Error("a clear-signed document was taken for a detached signature")
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := shell("sleep 60").Detach(ctx, []byte(body)); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}
