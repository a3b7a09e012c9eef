package vcdiff

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// TestDamaged cuts a delta off at every place and changes every byte of it. No change may go unnoticed: the result is
// an error, or what it was.
func TestDamaged(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 16))
	source := text(r, lean(20_000))
	target := append(edited(r, source, 20, 50), text(r, lean(3000))...)
	for name, delta := range map[string][]byte{
		"lzma":    encode(t, source, target, &Options{WindowSize: 1 << 13}),
		"none":    encode(t, source, target, &Options{WindowSize: 1 << 13, NoSecondary: true}),
		"xdelta3": stockEncode(t, source, target, "-9"),
	} {
		for n := range delta {
			got, err := decode(source, delta[:n])
			if err == nil && !bytes.HasPrefix(target, got) || err != nil && !errors.Is(err, ErrCorrupt) {
				t.Fatalf("%s: cut off at %d: %v", name, n, err)
			}
		}
		for n := range delta {
			damaged := bytes.Clone(delta)
			damaged[n] ^= byte(1 << r.IntN(8))
			got, err := decode(source, damaged)
			if err == nil && !bytes.Equal(got, target) && !(n < 64 && bytes.HasPrefix(target, got)) {
				// The bit that says that there is a checksum may be lost.
				if windows := windowsOf(t, damaged); !lacksChecksum(windows) {
					t.Fatalf("%s: byte %d changed: another result and no error", name, n)
				}
			}
			_, _ = Inspect(bytes.NewReader(damaged))
		}
	}
}

func lacksChecksum(windows []window) bool {
	for _, w := range windows {
		if !w.hasAdler {
			return true
		}
	}
	return false
}

func TestWrongSource(t *testing.T) {
	r := rand.New(rand.NewPCG(17, 18))
	source := randomBytes(r, 100_000)
	delta := encode(t, source, source[5000:], nil)
	for name, wrong := range map[string][]byte{"other": randomBytes(r, 100_000), "short": source[:50_000], "empty": {}} {
		if _, err := decode(wrong, delta); !errors.Is(err, ErrWrongSource) || errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Decode(t.Context(), io.Discard, nil, bytes.NewReader(delta), nil); !errors.Is(err, ErrWrongSource) {
		t.Errorf("none: %v", err)
	}
}

func TestMaxSize(t *testing.T) {
	delta := encode(t, nil, make([]byte, 1<<20), nil)
	n, err := Decode(t.Context(), io.Discard, nil, bytes.NewReader(delta), &DecodeOptions{MaxSize: 1<<20 - 1})
	if n != 0 || !errors.Is(err, ErrCorrupt) {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := Decode(t.Context(), io.Discard, nil, bytes.NewReader(delta), &DecodeOptions{MaxWindow: 1 << 10}); !errors.Is(err, ErrUnsupported) {
		t.Errorf("%v", err)
	}
}

func TestVerify(t *testing.T) {
	r := rand.New(rand.NewPCG(19, 20))
	source := randomBytes(r, 300_000)
	target := append(edited(r, source, 10, 1000), make([]byte, 5000)...)
	delta := encode(t, source, target, nil)
	damaged := bytes.Clone(delta)
	damaged[bytes.LastIndex(delta, binary.BigEndian.AppendUint32(nil, adler32(target)))]++
	other := bytes.Clone(target)
	other[len(other)-1]++
	longer := append(bytes.Clone(target), 0)
	dir := t.TempDir()
	for _, c := range []struct {
		name                  string
		source, delta, target []byte
		want                  error
	}{
		{"same", source, delta, target, nil},
		{"by xdelta3", source, stockEncode(t, source, target, "-9"), target, nil},
		{"nothing of a source", nil, encode(t, nil, target, nil), target, nil},
		{"changed", source, delta, other, ErrMismatch},
		{"longer", source, delta, longer, ErrMismatch},
		{"shorter", source, delta, target[:len(target)-1], ErrCorrupt},
		{"another checksum", source, damaged, target, ErrCorrupt},
		{"cut off", source, delta[:len(delta)-1], target, ErrCorrupt},
		{"another source", target, delta, target, ErrMismatch},
		{"a shorter source", source[:200_000], delta, target, ErrMismatch},
		{"no source", nil, delta, target, ErrMismatch},
	} {
		size := int64(len(c.target))
		err := Verify(t.Context(), bytes.NewReader(c.source), bytes.NewReader(c.delta), bytes.NewReader(c.target), size)
		if !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		files := []*os.File{open(t, filepath.Join(dir, c.name+".source"), c.source), open(t, filepath.Join(dir, c.name+".target"), c.target)}
		err = Verify(t.Context(), files[0], bytes.NewReader(c.delta), files[1], size)
		if !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s, files: %v", c.name, err)
		}
	}
}

// readerFunc is a ReaderAt.
type readerFunc func(p []byte, off int64) (int, error)

func (f readerFunc) ReadAt(p []byte, off int64) (int, error) { return f(p, off) }

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// TestFailures has each read and each write fail, and cancels at each of them.
func TestFailures(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	source := text(r, lean(300_000))
	target := edited(r, source, lean(100), 100)
	broken := errors.New("broken")
	run := func(fail int, what func() error) (calls int, err error) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		step := func() error {
			if calls++; calls == fail {
				if what == nil {
					cancel()
					return nil
				}
				return what()
			}
			return nil
		}
		reader := func(b []byte) readerFunc {
			return func(p []byte, off int64) (int, error) {
				if err := step(); err != nil {
					return 0, err
				}
				return bytes.NewReader(b).ReadAt(p, off)
			}
		}
		_, err = NewEncoder(writerFunc(func(p []byte) (int, error) {
			if err := step(); err != nil {
				return 0, err
			}
			return len(p), nil
		}), reader(source), int64(len(source)), &Options{Workers: 1, WindowSize: lean(1 << 16)}).Encode(ctx, reader(target), int64(len(target)))
		return calls, err
	}
	all, err := run(0, nil)
	if err != nil || all < 20 {
		t.Fatalf("%d calls, %v", all, err)
	}
	for fail := 1; fail <= all; fail++ {
		if _, err := run(fail, func() error { return broken }); !errors.Is(err, broken) {
			t.Errorf("call %d fails: %v", fail, err)
		}
		if calls, err := run(fail, nil); !errors.Is(err, context.Canceled) || calls > fail+200 {
			t.Errorf("cancelled at call %d: %v, after %d calls", fail, err, calls)
		}
	}
}

func TestSourceShorterThanSaid(t *testing.T) {
	_, err := NewEncoder(io.Discard, bytes.NewReader(nil), 100_000, nil).Encode(t.Context(), bytes.NewReader([]byte("x")), 1)
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v", err)
	}
}

// TestTruncatedWhileMapped has a file become shorter after it was mapped: that must not kill the program.
func TestTruncatedWhileMapped(t *testing.T) {
	r := rand.New(rand.NewPCG(23, 24))
	content := randomBytes(r, 3<<20)
	size := int64(len(content))
	delta := encode(t, content, content, nil)
	// truncating is content, and makes the file shorter when it is read.
	truncating := func(f *os.File) readerFunc {
		return func(p []byte, off int64) (int, error) {
			if err := os.Truncate(f.Name(), 0); err != nil {
				t.Error(err)
			}
			return bytes.NewReader(content).ReadAt(p, off)
		}
	}
	for name, run := range map[string]func(f *os.File) error{
		"source": func(f *os.File) error {
			_, err := NewEncoder(io.Discard, f, size, nil).Encode(t.Context(), truncating(f), size)
			return err
		},
		"target": func(f *os.File) error {
			_, err := NewEncoder(io.Discard, truncating(f), size, nil).Encode(t.Context(), f, size)
			return err
		},
		"source of a delta": func(f *os.File) error {
			return Verify(t.Context(), f, bytes.NewReader(delta), truncating(f), size)
		},
		"target of a delta": func(f *os.File) error {
			return Verify(t.Context(), truncating(f), bytes.NewReader(delta), f, size)
		},
	} {
		f := open(t, filepath.Join(t.TempDir(), "file"), content)
		if newInput(f, size).data == nil {
			t.Skip("files are not mapped here")
		}
		if err := run(f); !errors.Is(err, errTruncated) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestMapped: a file may be mapped once for several calls, by encoders and by Verify.
func TestMapped(t *testing.T) {
	r := rand.New(rand.NewPCG(41, 42))
	old := randomBytes(r, 3<<20)
	new := append(randomBytes(r, 1000), old[1<<20:]...)
	source := Map(open(t, filepath.Join(t.TempDir(), "source"), old))
	defer source.Close()
	target := Map(open(t, filepath.Join(t.TempDir(), "target"), new))
	defer target.Close()
	var mapped, plain bytes.Buffer
	for range 2 {
		mapped.Reset()
		if _, err := NewEncoder(&mapped, source, int64(len(old)), nil).Encode(t.Context(), target, int64(len(new))); err != nil {
			t.Fatal(err)
		}
		if err := Verify(t.Context(), source, bytes.NewReader(mapped.Bytes()), target, int64(len(new))); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := NewEncoder(&plain, bytes.NewReader(old), int64(len(old)), nil).Encode(t.Context(), bytes.NewReader(new), int64(len(new))); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(mapped.Bytes(), plain.Bytes()) {
		t.Error("the delta depends on how the files are read")
	}
	if err := Verify(t.Context(), source, bytes.NewReader(plain.Bytes()), target, int64(len(new))+1); err == nil {
		t.Error("a target that is shorter than it is said to be was verified")
	}
	empty := Map(open(t, filepath.Join(t.TempDir(), "empty"), nil))
	defer empty.Close()
	if err := Verify(t.Context(), empty, bytes.NewReader(plain.Bytes()), target, int64(len(new))); err == nil {
		t.Error("a delta from another source was verified")
	}
}

func TestNotWorthwhile(t *testing.T) {
	tooSlowRaced(t)
	r := rand.New(rand.NewPCG(25, 26))
	source := make([]byte, 64<<20)
	rand.NewChaCha8([32]byte{1}).Read(source)
	target := make([]byte, 64<<20)
	rand.NewChaCha8([32]byte{2}).Read(target)
	copy(target[:20<<20], source[30<<20:])
	for _, c := range []struct {
		name   string
		target []byte
		ratio  float64
		want   error
		writes bool
	}{
		{"known after a look", target, 0.5, ErrNotWorthwhile, false},
		{"known after a while", target, 0.65, ErrNotWorthwhile, true},
		{"good enough", target, 0.7, nil, true},
		{"any", target, 0, nil, true},
		{"small", randomBytes(r, 100_000), 0.8, ErrNotWorthwhile, true},
		{"compresses", text(r, 20<<20), 0.8, nil, true},
	} {
		reads, wrote := 0, false
		enc := NewEncoder(writerFunc(func(p []byte) (int, error) { wrote = true; return len(p), nil }), bytes.NewReader(source), int64(len(source)), &Options{MaxRatio: c.ratio, Workers: 1})
		s, err := enc.Encode(t.Context(), readerFunc(func(p []byte, off int64) (int, error) {
			reads += len(p)
			return bytes.NewReader(c.target).ReadAt(p, off)
		}), int64(len(c.target)))
		if !errors.Is(err, c.want) || c.want == nil && err != nil || wrote != c.writes {
			t.Errorf("%s: %v, wrote: %v, ratio %.2f", c.name, err, wrote, s.Ratio())
		}
		if !wrote && reads > len(c.target)/4 {
			t.Errorf("%s: %d bytes were read", c.name, reads)
		}
	}
}

// TestCancelled: Decode and Verify end at the next window when they are cancelled, wherever they are.
func TestCancelled(t *testing.T) {
	r := rand.New(rand.NewPCG(27, 28))
	source := randomBytes(r, 300_000)
	target := edited(r, source, 50, 1000)
	const window = 1 << 14
	delta := encode(t, source, target, &Options{WindowSize: window})
	for name, run := range map[string]func(ctx context.Context, source io.ReaderAt) error{
		"decode": func(ctx context.Context, source io.ReaderAt) error {
			_, err := Decode(ctx, io.Discard, source, bytes.NewReader(delta), nil)
			return err
		},
		"verify": func(ctx context.Context, source io.ReaderAt) error {
			return Verify(ctx, source, bytes.NewReader(delta), bytes.NewReader(target), int64(len(target)))
		},
	} {
		for _, at := range []int64{0, 1, 100_000, 250_000} {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var last int64 // byte of the source that was read
			err := run(ctx, readerFunc(func(p []byte, off int64) (int, error) {
				if last = max(last, off+int64(len(p))); last > at {
					cancel()
				}
				return bytes.NewReader(source).ReadAt(p, off)
			}))
			if !errors.Is(err, context.Canceled) || last > at+2*window+2*cacheBlock+50_000 {
				t.Errorf("%s, cancelled at byte %d: %v, after byte %d was read", name, at, err, last)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		reads := readerFunc(func([]byte, int64) (int, error) { t.Error(name, "reads when it is cancelled before"); return 0, io.EOF })
		if err := run(ctx, reads); !errors.Is(err, ctx.Err()) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
