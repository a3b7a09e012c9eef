package lzma2

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/ulikunitz/xz/lzma"
)

// streamed compresses src as segments of a stream, all at once, with an encoder for each. A segment is three pieces.
func streamed(src []byte, dict, piece int) [][]byte {
	s := NewStream(dict, dict)
	defer s.Close()
	packed := make([][]byte, (len(src)+3*piece-1)/(3*piece))
	var all sync.WaitGroup
	for k := range packed {
		e := new(Encoder)
		var pieces []int
		var efforts [][]Effort
		for b := range slices.Chunk(src[3*piece*k:min(3*piece*(k+1), len(src))], piece) {
			how := e.Look(b, nil)
			if how == nil {
				how = make([]Effort, (len(b)+blockSize-1)/blockSize)
			}
			s.Add(b, how)
			pieces, efforts = append(pieces, len(b)), append(efforts, how)
		}
		g := s.Cut()
		all.Go(func() {
			defer g.Release()
			e.Start(g)
			for i, n := range pieces {
				e.Piece(n, efforts[i])
				for more := true; more; {
					packed[k], more = e.Next(packed[k])
				}
			}
		})
	}
	all.Wait()
	return packed
}

// repetitive is data in which much comes back, from near and far, among other data of all kinds.
func repetitive(n int) []byte {
	r := rand.New(rand.NewPCG(3, 4))
	m := samples()
	var b []byte
	for len(b) < n {
		switch r.IntN(4) {
		case 0:
			s := m[[]string{"random", "text", "biased"}[r.IntN(3)]]
			at := r.IntN(len(s) - 5000)
			b = append(b, s[at:at+r.IntN(5000)]...)
		default:
			at := r.IntN(len(b) + 1)
			b = append(b, b[at:at+min(r.IntN(300), len(b)-at)]...)
		}
	}
	return b[:n]
}

// TestStream: segments that are compressed at the same time make one stream, which is read by an independent
// implementation and in pieces by the decoder, and which is the same each time. The dictionary is so small that the
// buffers of the stream are turned over many times.
func TestStream(t *testing.T) {
	all := repetitive(3 << 20)
	for _, c := range []struct{ dict, piece, size int }{{4 << 10, 1000, 60_000}, {64 << 10, 20_000, 800_000}, {256 << 10, 100_001, 3 << 20}, {16 << 20, 400_000, 3 << 20}} {
		src := all[:c.size]
		packed := streamed(src, c.dict, c.piece)
		whole := bytes.Join(packed, nil)
		r, err := lzma.Reader2Config{DictCap: c.dict}.NewReader2(bytes.NewReader(append(bytes.Clone(whole), controlEnd)))
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		if _, err := got.ReadFrom(r); err != nil || !bytes.Equal(got.Bytes(), src) {
			t.Fatalf("%+v: peer reads %d bytes of %d: %v", c, got.Len(), len(src), err)
		}
		d := NewDecoder(c.dict)
		at := 0
		for k, p := range packed {
			want := src[at:min(at+3*c.piece, len(src))]
			if got, err := d.Decode(p, len(want)); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%+v: segment %d: %v", c, k, err)
			}
			at += len(want)
		}
		if !bytes.Equal(bytes.Join(streamed(src, c.dict, c.piece), nil), whole) {
			t.Errorf("%+v: not the same the second time", c)
		}
		t.Logf("%+v: %d", c, len(whole))
	}
}

// TestFar: what was seen long before costs next to nothing, up to the size of the dictionary and not beyond.
func TestFar(t *testing.T) {
	text := samples()["text"][:200_000]
	biased := bytes.Repeat(samples()["biased"], 20) // repeats itself nearby
	src := append(append(bytes.Clone(text), biased...), text...)
	size := func(dict int) int { return len(bytes.Join(streamed(src, dict, 500_000), nil)) }
	far, short := size(16<<20), size(2<<20)
	if once := len(new(Encoder).Encode(nil, text)); short-far < once*3/4 {
		t.Errorf("%d bytes with a dictionary that reaches back to it, %d with one that does not; it takes %d", far, short, once)
	}
}

func FuzzStream(f *testing.F) {
	f.Add([]byte("abcabcabcabcxabcabc"), uint16(300), uint16(50))
	f.Fuzz(func(t *testing.T, src []byte, times, piece uint16) {
		src = bytes.Repeat(src, 1+int(times%1000))
		src = src[:min(len(src), 100_000)]
		n := 1 + int(piece)
		d := NewDecoder(4 << 10)
		for k, p := range streamed(src, 4<<10, n) {
			want := src[3*n*k : min(3*n*(k+1), len(src))]
			if got, err := d.Decode(p, len(want)); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("segment %d: %v", k, err)
			}
		}
	})
}
