package vcdiff

import (
	"bytes"
	"math/rand/v2"
	"os/exec"
	"testing"
)

// FuzzDecode gives the decoder whatever there is.
func FuzzDecode(f *testing.F) {
	r := rand.New(rand.NewPCG(31, 32))
	source := text(r, 3000)
	for _, target := range [][]byte{nil, edited(r, source, 5, 20), make([]byte, 5000), text(r, 2000)} {
		for _, o := range []*Options{nil, {WindowSize: leastWindow}, {NoSecondary: true}} {
			f.Add(source, encode(f, source, target, o))
		}
	}
	if _, err := exec.LookPath("xdelta3"); err == nil {
		target := edited(r, source, 5, 20)
		f.Add(source, stockEncode(f, source, target, "-9"))
		f.Add(source, stockEncode(f, source, target, "-S", "none", "-n"))
	}
	f.Fuzz(func(t *testing.T, source, delta []byte) {
		o := &DecodeOptions{MaxWindow: 1 << 20, MaxSize: 1 << 22}
		var made bytes.Buffer
		n, err := Decode(t.Context(), &made, bytes.NewReader(source), bytes.NewReader(delta), o)
		if n > o.MaxSize || n != int64(made.Len()) {
			t.Fatalf("%d bytes, %d written", n, made.Len())
		}
		target := made.Bytes()
		verify := func() error {
			return Verify(t.Context(), bytes.NewReader(source), bytes.NewReader(delta), bytes.NewReader(target), n)
		}
		if verifyErr := verify(); (err == nil) != (verifyErr == nil) && o.MaxSize-n > 1<<20 {
			t.Fatalf("decodes: %v; is verified: %v", err, verifyErr)
		}
		if n > 0 {
			target[int(n)*7919%len(target)]++
			if verify() == nil {
				t.Fatal("anything is verified")
			}
		}
		if info, inspectErr := Inspect(bytes.NewReader(delta)); err == nil && (inspectErr != nil || info.Target != n) {
			t.Fatalf("decodes to %d bytes but: %+v, %v", n, info, inspectErr)
		}
	})
}

// fuzzTarget makes of data a target that has some things in common with source.
func fuzzTarget(source, data []byte, plan uint64) []byte {
	r := rand.New(rand.NewPCG(plan, 0))
	target := bytes.Clone(data)
	for range plan % 8 {
		switch piece := source[r.IntN(len(source)+1):]; r.IntN(4) {
		case 0:
			target = append(target, piece...)
		case 1:
			target = append(target, piece[:r.IntN(len(piece)+1)]...)
		case 2:
			target = append(target, make([]byte, r.IntN(3000))...)
		case 3:
			target = append(target, target[r.IntN(len(target)+1):]...)
		}
	}
	return target
}

func FuzzRoundTrip(f *testing.F) {
	r := rand.New(rand.NewPCG(33, 34))
	f.Add(text(r, 3000), text(r, 500), uint64(7))
	f.Add(randomBytes(r, 10_000), []byte{}, uint64(13))
	f.Fuzz(func(t *testing.T, source, data []byte, plan uint64) {
		source = bytes.Repeat(source, 1+int(plan>>8%16))
		target := fuzzTarget(source, data, plan)
		o := &Options{WindowSize: leastWindow << (plan >> 16 % 4), NoSecondary: plan>>20%2 == 0}
		delta := encode(t, source, target, o)
		if got, err := decode(source, delta); err != nil || !bytes.Equal(got, target) {
			t.Fatalf("%v", err)
		}
	})
}

// FuzzStock has stock xdelta3 decode what is encoded here, and the reverse.
func FuzzStock(f *testing.F) {
	stock(f)
	r := rand.New(rand.NewPCG(35, 36))
	f.Add(text(r, 3000), text(r, 500), uint64(7))
	f.Add(randomBytes(r, 10_000), []byte{}, uint64(13))
	f.Fuzz(func(t *testing.T, source, data []byte, plan uint64) {
		target := fuzzTarget(source, data, plan)
		delta := encode(t, source, target, &Options{WindowSize: leastWindow << (plan >> 16 % 4)})
		if got, err := stockDecode(t, source, delta); err != nil || !bytes.Equal(got, target) {
			t.Fatalf("stock decodes ours: %v: %.200s", err, got)
		}
		option := []string{"-9", "-1", "-Snone", "-5"}[plan>>20%4]
		if got, err := decode(source, stockEncode(t, source, target, option)); err != nil || !bytes.Equal(got, target) {
			t.Fatalf("ours decodes stock's: %v", err)
		}
	})
}
