package vcdiff

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
)

type pair struct {
	name           string
	source, target []byte
}

// randomBytes are bytes that no compressor makes smaller.
func randomBytes(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	chacha := rand.NewChaCha8([32]byte{byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32())})
	chacha.Read(b)
	return b
}

// lean is n, or less of it with the race detector, which looks at each access to memory. What depends on size is left
// to runs without it.
func lean(n int) int {
	if raced {
		return n / 8
	}
	return n
}

// tooSlowRaced leaves a test that reads very much to runs without the race detector, of which .ci/run makes one.
func tooSlowRaced(t *testing.T) {
	t.Helper()
	if raced {
		t.Skip("takes minutes with the race detector: go test ./vcdiff runs it")
	}
}

// text is n bytes of something that compresses well.
func text(r *rand.Rand, n int) []byte {
	var b bytes.Buffer
	for b.Len() < n {
		fmt.Fprintf(&b, "/usr/lib/%x/lib%d.so.%d\t%d\n", r.Uint32N(5000), r.Uint32N(300), r.Uint32N(9), r.Uint32())
	}
	return b.Bytes()[:n]
}

// edited is b with some changes of the given size in it: bytes replaced, put in and taken out.
func edited(r *rand.Rand, b []byte, changes, size int) []byte {
	b = bytes.Clone(b)
	for range changes {
		at, n := r.IntN(len(b)), 1+r.IntN(size)
		end := min(at+n, len(b))
		switch r.IntN(3) {
		case 0:
			copy(b[at:end], randomBytes(r, end-at))
		case 1:
			b = append(b[:at:at], append(randomBytes(r, n), b[at:]...)...)
		case 2:
			b = append(b[:at:at], b[end:]...)
		}
	}
	return b
}

// shuffled is b with its blocks in another order.
func shuffled(r *rand.Rand, b []byte, block int) []byte {
	var out []byte
	for _, i := range r.Perm((len(b) + block - 1) / block) {
		out = append(out, b[i*block:min((i+1)*block, len(b))]...)
	}
	return out
}

// pairs are sources and targets of all the kinds that matter.
func pairs() []pair {
	r := rand.New(rand.NewPCG(3, 4))
	noise, words := randomBytes(r, lean(3<<20)), text(r, lean(2<<20))
	mixed := append(append(bytes.Clone(noise[:lean(500_000)]), words[:lean(700_000)]...), make([]byte, lean(300_000))...)
	return []pair{
		{"both empty", nil, nil},
		{"empty source", nil, words[:lean(100_000)]},
		{"empty target", noise, nil},
		{"one byte", []byte("a"), []byte("b")},
		{"tiny", []byte("hello, world"), []byte("hello, vcdiff world")},
		{"equal noise", noise, noise},
		{"equal words", words, words},
		{"nothing in common", noise[:lean(1<<20)], noise[lean(2<<20):]},
		{"runs", make([]byte, 100_000), append(make([]byte, lean(20<<20)), bytes.Repeat([]byte{'x'}, lean(1<<20))...)},
		{"few edits", mixed, edited(r, mixed, 30, 100)},
		{"many edits", mixed, edited(r, mixed, lean(3000), 30)},
		{"large edits", mixed, edited(r, mixed, 10, lean(100_000))},
		{"edited words", words, edited(r, words, lean(500), 200)},
		{"shuffled noise", noise, shuffled(r, noise, 70_001)},
		{"shuffled words", words, shuffled(r, words, 5000)},
		{"longer", mixed, bytes.Repeat(mixed, 8)},
		{"shorter", mixed, mixed[lean(600_000):lean(800_001)]},
	}
}

func TestRoundTrip(t *testing.T) {
	for _, p := range pairs() {
		for _, o := range []*Options{nil, {WindowSize: 1 << 16}, {NoSecondary: true}} {
			delta := encode(t, p.source, p.target, o)
			got, err := decode(p.source, delta)
			if err != nil || !bytes.Equal(got, p.target) {
				t.Fatalf("%s: %v", p.name, err)
			}
			t.Logf("%s: %d -> %d", p.name, len(p.target), len(delta))
		}
	}
}

// TestDeterministic: the same bytes whatever the number of workers, from files and from memory.
func TestDeterministic(t *testing.T) {
	r := rand.New(rand.NewPCG(41, 42))
	words := text(r, lean(3<<20))
	source := append(randomBytes(r, lean(3<<20)), words...)
	target := edited(r, shuffled(r, source, lean(100_000)), lean(1000), 50)
	want := encode(t, source, target, &Options{WindowSize: lean(1 << 18), Workers: 1})
	for _, workers := range []int{2, 3, 16} {
		if !bytes.Equal(encode(t, source, target, &Options{WindowSize: lean(1 << 18), Workers: workers}), want) {
			t.Errorf("another delta with %d workers", workers)
		}
	}
	dir := t.TempDir()
	var delta bytes.Buffer
	enc := NewEncoder(&delta, open(t, filepath.Join(dir, "source"), source), int64(len(source)), &Options{WindowSize: lean(1 << 18)})
	_, err := enc.Encode(t.Context(), open(t, filepath.Join(dir, "target"), target), int64(len(target)))
	if err != nil || !bytes.Equal(delta.Bytes(), want) {
		t.Errorf("another delta from files: %v", err)
	}
}

// TestRandomEdits makes many small pairs, has stock xdelta3 decode each delta, and decodes what that makes of them.
func TestRandomEdits(t *testing.T) {
	stock(t)
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 0))
		source := append(text(r, 1+r.IntN(30_000)), randomBytes(r, r.IntN(30_000))...)
		target := edited(r, source, r.IntN(50), 1+r.IntN(500))
		if r.IntN(2) == 0 && len(target) > 0 {
			target = shuffled(r, target, 1+r.IntN(5000))
		}
		target = append(target, bytes.Repeat([]byte{byte(seed)}, r.IntN(5000))...)
		delta := encode(t, source, target, &Options{WindowSize: leastWindow << r.IntN(6), NoSecondary: r.IntN(4) == 0})
		if got, err := stockDecode(t, source, delta); err != nil || !bytes.Equal(got, target) {
			t.Fatalf("seed %d: %v: %.200s", seed, err, got)
		}
		if got, err := decode(source, delta); err != nil || !bytes.Equal(got, target) {
			t.Fatalf("seed %d: %v", seed, err)
		}
		decodesStock(t, pair{fmt.Sprint("seed ", seed), source, target}, fmt.Sprint("-", seed%10))
	}
}

// BenchmarkEncode makes deltas of one small pair, of one with scattered edits, and of one with nothing in common.
func BenchmarkEncode(b *testing.B) {
	r := rand.New(rand.NewPCG(43, 44))
	large := make([]byte, 64<<20)
	rand.NewChaCha8([32]byte{1}).Read(large)
	other := make([]byte, 16<<20)
	rand.NewChaCha8([32]byte{2}).Read(other)
	words := text(r, 4<<20)
	for _, p := range []pair{
		{"tiny", []byte("hello, world"), []byte("hello, vcdiff")},
		{"few edits", large, edited(r, large[:32<<20], 10, 10_000)},
		{"nothing in common", large, other},
		{"words", words, edited(r, words, 1000, 100)},
	} {
		b.Run(p.name, func(b *testing.B) {
			b.SetBytes(int64(len(p.target)))
			b.ReportAllocs()
			for b.Loop() {
				encode(b, p.source, p.target, nil)
			}
		})
	}
}
