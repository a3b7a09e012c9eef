package streams_test

import (
	"testing"

	"github.com/seed-43fb3962/sstream/streams"
)

func TestDigest(t *testing.T) {
	for _, c := range []struct {
		fields map[string]string
		want   string
	}{
		{map[string]string{"md5": "m", "sha256": "s", "sha512": "t", "sha1": "o"}, "sha512:t"},
		{map[string]string{"md5": "m", "sha256": "s"}, "sha256:s"},
		{map[string]string{"md5": "m", "sha256": ""}, "md5:m"},
		{map[string]string{"sha1": "o"}, ""},
	} {
		if got := streams.DigestOf(func(key string) string { return c.fields[key] }).String(); got != c.want {
			t.Errorf("%v: %s, want %s", c.fields, got, c.want)
		}
	}
	for algorithm, hex := range map[string]string{
		"md5":    "900150983cd24fb0d6963f7d28e17f72",
		"sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
		"sha512": "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
	} {
		d := streams.Digest{Algorithm: algorithm, Hex: hex}
		h, err := d.New()
		if err != nil {
			t.Fatal(err)
		}
		h.Write([]byte("abc"))
		if !d.Is(h.Sum(nil)) || (streams.Digest{Algorithm: algorithm, Hex: "AB"}).Is([]byte{0xab}) {
			t.Errorf("%s is wrong", algorithm)
		}
	}
	if _, err := (streams.Digest{Algorithm: "sha1"}).New(); err == nil {
		t.Error("sha1 is known")
	}
}
