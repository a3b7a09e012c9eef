package vcdiff

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// These are the rules of stock xdelta3 3.0.11, found in its source and by trial, that what is written has to keep.

// windowsOf returns the windows of a delta.
func windowsOf(t testing.TB, delta []byte) []window {
	t.Helper()
	d, err := newDeltaReader(bytes.NewReader(delta), defaultMaxWindow)
	if err != nil {
		t.Fatal(err)
	}
	var all []window
	for {
		var w window
		if err := d.next(&w); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		for i, s := range w.section {
			w.section[i] = bytes.Clone(s)
		}
		all = append(all, w)
	}
}

func TestRules(t *testing.T) {
	for _, p := range pairs() {
		for _, size := range []int{0, 1 << 16, mostWindow} {
			delta := encode(t, p.source, p.target, &Options{WindowSize: size})
			windows := windowsOf(t, delta)
			if len(windows) == 0 {
				t.Errorf("%s: no window: stock has nothing to output", p.name)
			}
			for _, w := range windows {
				if w.size > 16<<20 {
					t.Errorf("%s: window of %d bytes", p.name, w.size)
				}
				if !w.hasAdler {
					t.Errorf("%s: window without checksum", p.name)
				}
				if w.segment+uint64(w.size) > 1<<32-1 {
					t.Errorf("%s: addresses of more than 32 bits", p.name)
				}
				if w.position+w.segment > uint64(len(p.source)) {
					t.Errorf("%s: segment is not in the source", p.name)
				}
				err := w.steps(func(s step) error {
					if s.kind == cpy && s.addr < w.segment && s.addr+uint64(s.n) > w.segment {
						t.Errorf("%s: copy from the source that goes on in the target", p.name)
					}
					return nil
				})
				if err != nil {
					t.Errorf("%s: %v", p.name, err)
				}
			}
		}
	}
}

// TestOneStream: the compressed sections of one kind are together one xz stream, which has one header.
func TestOneStream(t *testing.T) {
	words := text(rand.New(rand.NewPCG(5, 6)), 1<<20)
	delta := encode(t, nil, words, &Options{WindowSize: 1 << 16})
	if n := bytes.Count(delta, []byte(xzMagic)); n != 1 {
		t.Fatalf("%d xz headers in %d windows of data", n, len(windowsOf(t, delta)))
	}
	if got, err := stockDecode(t, nil, delta); err != nil || !bytes.Equal(got, words) {
		t.Fatalf("stock: %v: %.200s", err, got)
	}
}

// TestAcrossWindows: what a window holds is known when later ones are compressed, also by another worker.
func TestAcrossWindows(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	words, others := text(r, 1<<20), text(r, 2<<20)
	target := append(append(bytes.Clone(words), others...), words...)
	o := &Options{WindowSize: 1 << 18, Workers: 3}
	delta := encode(t, nil, target, o)
	once, before := len(encode(t, nil, words, o)), len(encode(t, nil, target[:len(words)+len(others)], o))
	if len(delta)-before > once/10 {
		t.Errorf("%d bytes where it comes for the first time, %d for the second", once, len(delta)-before)
	}
	if got, err := stockDecode(t, nil, delta); err != nil || !bytes.Equal(got, target) {
		t.Fatalf("stock: %v: %.200s", err, got)
	}
}

func TestNoSecondary(t *testing.T) {
	words := text(rand.New(rand.NewPCG(5, 6)), 100_000)
	delta := encode(t, nil, words, &Options{NoSecondary: true})
	info, err := Inspect(bytes.NewReader(delta))
	if err != nil || info.Secondary != None || info.Data.Stored != info.Data.Size {
		t.Fatalf("%+v, %v", info, err)
	}
}

// TestWithin: what a window copies lies within 32 bits.
func TestWithin(t *testing.T) {
	const limit = 100
	for _, c := range []struct {
		name string
		in   []match
		want []int // places
	}{
		{"none", nil, nil},
		{"fits", []match{{pos: 0, n: 10, src: 500}, {pos: 20, n: 10, src: 590}}, []int{0, 20}},
		{"more on one side", []match{{pos: 0, n: 10, src: 900}, {pos: 20, n: 30, src: 0}, {pos: 60, n: 20, src: 70}}, []int{20, 60}},
		{"one byte too far", []match{{pos: 0, n: 10, src: 500}, {pos: 20, n: 11, src: 590}}, []int{20}},
		{"its own bytes are always near", []match{{pos: 0, n: 10, src: 900}, {pos: 20, n: 30, src: 0}, {pos: 60, n: 20, src: 0, self: true}}, []int{20, 60}},
	} {
		var got []int
		for _, m := range within(c.in, limit) {
			got = append(got, m.pos)
		}
		if len(got) != len(c.want) || len(got) > 0 && (got[0] != c.want[0] || got[len(got)-1] != c.want[len(got)-1]) {
			t.Errorf("%s: %v, not %v", c.name, got, c.want)
		}
	}
}

// islands is a file of a size that is mostly zeros.
type islands struct {
	size int64
	at   []int64
	data [][]byte
}

func (f *islands) ReadAt(p []byte, off int64) (int, error) {
	n := int(min(int64(len(p)), max(f.size-off, 0)))
	clear(p[:n])
	for i, at := range f.at {
		if end := at + int64(len(f.data[i])); at < off+int64(n) && end > off {
			from := max(off-at, 0)
			copy(p[max(at-off, 0):n], f.data[i][from:])
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// TestBeyond32Bits makes a delta from a source above 4 GiB that copies from its start, from its end, and in one window
// from both, which does not go.
func TestBeyond32Bits(t *testing.T) {
	tooSlowRaced(t)
	r := rand.New(rand.NewPCG(9, 10))
	a, b := randomBytes(r, 1<<20), randomBytes(r, 1<<20)
	source := &islands{size: 5 << 30, at: []int64{100_000, 4<<30 + 600_000_001}, data: [][]byte{a, b}}
	var target []byte
	for _, part := range [][]byte{b, a[:500_000], a[:300_000], b[:900_000], randomBytes(r, 1000), b} {
		target = append(target, part...)
	}
	var delta bytes.Buffer
	_, err := NewEncoder(&delta, source, source.size, &Options{WindowSize: 1 << 20}).Encode(t.Context(), bytes.NewReader(target), int64(len(target)))
	if err != nil {
		t.Fatal(err)
	}
	if delta.Len() > 1<<20 {
		t.Errorf("delta of %d bytes", delta.Len())
	}
	var out bytes.Buffer
	if _, err := Decode(t.Context(), &out, source, bytes.NewReader(delta.Bytes()), nil); err != nil || !bytes.Equal(out.Bytes(), target) {
		t.Fatalf("%v", err)
	}
	sparse := source.file(t, filepath.Join(t.TempDir(), "source"))
	cmd := exec.Command(stock(t), "-d", "-c", "-s", sparse.Name())
	cmd.Stdin = bytes.NewReader(delta.Bytes())
	if got, err := cmd.Output(); err != nil || !bytes.Equal(got, target) {
		t.Fatalf("stock: %v, %d bytes of %d", err, len(got), len(target))
	}
}

// TestStockCache counts how often the stock decoder has to read a block of 2 MiB for a target whose pieces come from all
// over a source that is larger than its cache.
func TestStockCache(t *testing.T) {
	tooSlowRaced(t)
	r := rand.New(rand.NewPCG(11, 12))
	chacha := rand.NewChaCha8([32]byte{1})
	source := make([]byte, 160<<20)
	chacha.Read(source)
	for _, piece := range []int{300, 5000, 100_000} {
		var target []byte
		for len(target) < 4<<20 {
			at := r.IntN(len(source) - piece)
			target = append(target, source[at:at+piece]...)
		}
		delta := encode(t, source, target, nil)
		cache, misses := newStockCache(), 0
		for _, w := range windowsOf(t, delta) {
			err := w.steps(func(s step) error {
				if s.kind != cpy || s.addr >= w.segment {
					return nil
				}
				off := int64(w.position + s.addr)
				for b := off / stockBlock; b <= (off+int64(s.n)-1)/stockBlock; b++ {
					if cache.find(int32(b)) < 0 {
						misses++
					}
				}
				cache.use(off, s.n)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		t.Logf("pieces of %d: %d misses, delta of %d", piece, misses, len(delta))
		if most := len(target)/missWorth + freeMisses(int64(len(source)), len(target)); misses > most {
			t.Errorf("pieces of %d: %d blocks read for %d bytes", piece, misses, len(target))
		}
		if got, err := decode(source, delta); err != nil || !bytes.Equal(got, target) {
			t.Fatal(err)
		}
	}
}

// TestRefused: what stock xdelta3 can write and this package cannot read is named.
func TestRefused(t *testing.T) {
	for _, c := range []struct{ name, delta, says string }{
		{"djw", magic + "\x01\x01\x04\x0a\x01\x01\x01\x00\x00\x00\x00\x00\x01A", "djw"},
		{"fgk", magic + "\x01\x10\x04\x0a\x01\x01\x01\x00\x00\x00\x00\x00\x01A", "fgk"},
		{"VCD_TARGET", magic + "\x00\x02\x01\x00", "VCD_TARGET"},
		{"code table", magic + "\x02\x01\x00", "code table"},
		{"window", magic + "\x00\x00\x0c\x90\x80\x80\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00", "above"},
	} {
		_, err := decode(nil, []byte(c.delta))
		if !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	words := text(rand.New(rand.NewPCG(13, 14)), 100_000)
	for _, secondary := range []string{"djw", "fgk"} {
		_, err := decode(nil, stockEncode(t, []byte("x"), words, "-S", secondary))
		if !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "-S lzma") {
			t.Errorf("%s: %v", secondary, err)
		}
	}
}

// TestStockAgreesOnChecksums: stock refuses a delta of ours whose checksum is wrong, so it looks at it.
func TestStockAgreesOnChecksums(t *testing.T) {
	target := []byte("0123456789abcdef")
	delta := encode(t, nil, target, nil)
	at := bytes.Index(delta, target) - 4
	delta[at] ^= 1
	if said, err := stockDecode(t, nil, delta); err == nil || !strings.Contains(string(said), "checksum") {
		t.Errorf("%v: %s", err, said)
	}
	if _, err := decode(nil, delta); !errors.Is(err, ErrWrongSource) {
		t.Errorf("%v", err)
	}
}

func TestOptions(t *testing.T) {
	for _, size := range []int{1, leastWindow - 1, mostWindow + 1, -5} {
		_, err := NewEncoder(io.Discard, nil, 0, &Options{WindowSize: size}).Encode(context.Background(), nil, 0)
		if err == nil {
			t.Errorf("window size %d is taken", size)
		}
	}
	for memory, least := range map[int64]int{1: 1, 256 << 20: 2, 4 << 30: 16} {
		s, err := (&Options{Memory: memory, Workers: 16}).settled()
		if err != nil || s.Workers < least || int64(s.Workers)*workerMemory(s.WindowSize) > max(s.workMemory(), workerMemory(s.WindowSize)) {
			t.Errorf("%d MiB: %d workers, %v", memory>>20, s.Workers, err)
		}
		for section := range sections {
			if dict, slack := s.dictionary(section); dict > mostDictionary || slack < 0 {
				t.Errorf("%d MiB: section %d looks back over %d bytes, which is more than the header says", memory>>20, section, dict)
			}
		}
	}
}
