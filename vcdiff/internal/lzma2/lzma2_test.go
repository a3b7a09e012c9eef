package lzma2

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/ulikunitz/xz/lzma"
)

// samples are data of all the kinds that the encoder tells apart.
func samples() map[string][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	random := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return b
	}
	var text bytes.Buffer
	for i := range 60000 {
		fmt.Fprintf(&text, "%d: the %x quick %d\n", i, r.Uint32N(1000), r.Uint32N(7))
	}
	m := map[string][]byte{
		"empty":  {},
		"one":    {7},
		"random": random(300_000),
		"zeros":  make([]byte, 5<<20),
		"text":   text.Bytes(),
		"biased": nil,
	}
	for range 200_000 {
		m["biased"] = append(m["biased"], byte(r.Uint32())&byte(r.Uint32()|0xf))
	}
	for _, name := range []string{"random", "text", "zeros", "biased", "random", "text"} {
		m["mixed"] = append(m["mixed"], m[name][:150_000]...)
	}
	for n := range 40 {
		m[fmt.Sprint("short", n)] = text.Bytes()[:n]
	}
	return m
}

func TestRoundTrip(t *testing.T) {
	var e Encoder
	d := NewDecoder(8 << 20)
	for range 2 { // the second time with tables that know the first
		for name, src := range samples() {
			packed := e.Encode(nil, src)
			got, err := d.Decode(packed, len(src))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if !bytes.Equal(got, src) {
				t.Fatalf("%s: differs", name)
			}
			if most := len(src) + len(src)/1000 + 8; len(packed) > most {
				t.Errorf("%s: %d bytes became %d", name, len(src), len(packed))
			}
			if again := new(Encoder).Encode(nil, src); !bytes.Equal(again, packed) {
				t.Errorf("%s: a used encoder writes something else than a new one", name)
			}
		}
	}
}

// TestPeer has an independent implementation read what the encoder writes, and the decoder read what that one writes.
func TestPeer(t *testing.T) {
	for name, src := range samples() {
		packed := append(new(Encoder).Encode(nil, src), controlEnd)
		r, err := lzma.Reader2Config{DictCap: 8 << 20}.NewReader2(bytes.NewReader(packed))
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		if _, err := got.ReadFrom(r); err != nil || !bytes.Equal(got.Bytes(), src) {
			t.Fatalf("%s: peer reads %d bytes of %d: %v", name, got.Len(), len(src), err)
		}
		if len(src) > 1<<20 {
			src = src[:1<<20]
		}
		var theirs bytes.Buffer
		w, err := lzma.Writer2Config{DictCap: 1 << 20}.NewWriter2(&theirs)
		if err != nil {
			t.Fatal(err)
		}
		d := NewDecoder(1 << 20)
		for len(src) > 0 {
			n := min(len(src), 100_000)
			if _, err := w.Write(src[:n]); err != nil {
				t.Fatal(err)
			}
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
			got, err := d.Decode(theirs.Bytes(), n)
			if err != nil || !bytes.Equal(got, src[:n]) {
				t.Fatalf("%s: reads the peer's wrongly: %v", name, err)
			}
			theirs.Reset()
			src = src[n:]
		}
	}
}

func FuzzDecode(f *testing.F) {
	for name, src := range samples() {
		if len(src) < 1000 || name == "text" {
			src = src[:min(len(src), 2000)]
			f.Add(new(Encoder).Encode(nil, src), uint16(len(src)))
		}
	}
	f.Fuzz(func(t *testing.T, packed []byte, n uint16) {
		d := NewDecoder(1 << 12)
		for range 2 {
			got, err := d.Decode(packed, int(n))
			if err == nil && len(got) != int(n) {
				t.Fatalf("%d bytes, not %d", len(got), n)
			}
		}
	})
}

func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte("abcabcabcabcxabcabc"), uint8(3))
	f.Fuzz(func(t *testing.T, src []byte, times uint8) {
		src = bytes.Repeat(src, int(times))
		packed := new(Encoder).Encode(nil, src)
		got, err := NewDecoder(8<<20).Decode(packed, len(src))
		if err != nil || !bytes.Equal(got, src) {
			t.Fatalf("%v", err)
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	for _, name := range []string{"random", "text", "zeros", "biased"} {
		src := samples()[name]
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(src)))
			var e Encoder
			var out []byte
			for b.Loop() {
				out = e.Encode(out[:0], src)
			}
			b.ReportMetric(float64(len(out))/float64(len(src)), "ratio")
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, name := range []string{"text", "biased"} {
		src := samples()[name]
		packed := new(Encoder).Encode(nil, src)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(src)))
			d := NewDecoder(8 << 20)
			for b.Loop() {
				if _, err := d.Decode(packed, len(src)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
