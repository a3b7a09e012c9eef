package vcdiff

import (
	"bytes"
	std "hash/adler32"
	"math/rand/v2"
	"testing"
)

func TestAdler32(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	full := bytes.Repeat([]byte{255}, 100_000)
	noise := randomBytes(r, 100_000)
	for n := range 1000 {
		for _, b := range [][]byte{full[:n], noise[n : 3*n], full[:n*n/10], noise[:n*n/10]} {
			if got, want := adler32(b), std.Checksum(b); got != want {
				t.Fatalf("%d bytes: %08x, not %08x", len(b), got, want)
			}
		}
	}
}

func BenchmarkAdler32(b *testing.B) {
	data := make([]byte, 8<<20)
	for name, f := range map[string]func([]byte) uint32{"ours": adler32, "standard": std.Checksum} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				f(data)
			}
		})
	}
}
