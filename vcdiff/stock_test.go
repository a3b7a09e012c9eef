package vcdiff

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// stock is the path of xdelta3, which tests that compare with it need.
func stock(t testing.TB) string {
	t.Helper()
	path, err := exec.LookPath("xdelta3")
	if err == nil {
		return path
	}
	if os.Getenv("CI_REAL") == "1" {
		t.Fatal("CI_REAL=1 but xdelta3 is not installed: apt-get install xdelta3")
	}
	t.Skip("needs xdelta3: apt-get install xdelta3")
	return ""
}

func writeFile(t testing.TB, path string, content []byte) string {
	t.Helper()
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// open writes a file and opens it until the end of the test.
func open(t testing.TB, path string, content []byte) *os.File {
	t.Helper()
	f, err := os.Open(writeFile(t, path, content))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// stockDecode applies a delta as LXD and Incus do.
func stockDecode(t testing.TB, source, delta []byte) ([]byte, error) {
	t.Helper()
	xdelta3, dir := stock(t), t.TempDir()
	out := filepath.Join(dir, "out")
	cmd := exec.Command(xdelta3, "-f", "-d", "-s",
		writeFile(t, filepath.Join(dir, "source"), source), writeFile(t, filepath.Join(dir, "delta"), delta), out)
	if said, err := cmd.CombinedOutput(); err != nil {
		return said, err
	}
	return os.ReadFile(out)
}

// stockEncode makes a delta with the given options.
func stockEncode(t testing.TB, source, target []byte, options ...string) []byte {
	t.Helper()
	xdelta3, dir := stock(t), t.TempDir()
	out := filepath.Join(dir, "delta")
	args := append(append([]string{"-e", "-f"}, options...), "-s",
		writeFile(t, filepath.Join(dir, "source"), source), writeFile(t, filepath.Join(dir, "target"), target), out)
	if said, err := exec.Command(xdelta3, args...).CombinedOutput(); err != nil {
		t.Fatalf("xdelta3 %v: %v: %s", options, err, said)
	}
	delta, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return delta
}

func encode(t testing.TB, source, target []byte, o *Options) []byte {
	t.Helper()
	var delta bytes.Buffer
	s, err := NewEncoder(&delta, bytes.NewReader(source), int64(len(source)), o).Encode(context.Background(), bytes.NewReader(target), int64(len(target)))
	if err != nil {
		t.Fatal(err)
	}
	if s.Delta != int64(delta.Len()) || s.Target != int64(len(target)) || s.Copied+s.Added > s.Target {
		t.Fatalf("stats %+v for a delta of %d bytes", s, delta.Len())
	}
	return delta.Bytes()
}

func decode(source, delta []byte) ([]byte, error) {
	var out bytes.Buffer
	n, err := Decode(context.Background(), &out, bytes.NewReader(source), onlyReader{bytes.NewReader(delta)}, nil)
	if err == nil && n != int64(out.Len()) {
		panic("wrong count")
	}
	return out.Bytes(), err
}

type onlyReader struct{ io.Reader }

func TestStockDecodesOurs(t *testing.T) {
	for _, p := range pairs() {
		for name, o := range map[string]*Options{
			"default": nil, "small windows": {WindowSize: 1 << 16}, "largest windows": {WindowSize: mostWindow}, "no secondary": {NoSecondary: true},
		} {
			delta := encode(t, p.source, p.target, o)
			got, err := stockDecode(t, p.source, delta)
			if err != nil {
				t.Fatalf("%s, %s: %v: %s", p.name, name, err, got)
			}
			if !bytes.Equal(got, p.target) {
				t.Fatalf("%s, %s: stock xdelta3 makes something else of it", p.name, name)
			}
		}
	}
}

func TestWeDecodeStock(t *testing.T) {
	for _, p := range pairs() {
		for _, options := range [][]string{{}, {"-9"}, {"-1"}, {"-0", "-S", "none"}, {"-9", "-S", "none"}, {"-n"}, {"-A"}, {"-W", "16384"}} {
			decodesStock(t, p, options...)
		}
	}
}

func decodesStock(t *testing.T, p pair, options ...string) {
	t.Helper()
	delta := stockEncode(t, p.source, p.target, options...)
	if got, err := decode(p.source, delta); err != nil || !bytes.Equal(got, p.target) {
		t.Fatalf("%s: xdelta3 %v: %v", p.name, options, err)
	}
}

// TestStockOptions decodes what stock xdelta3 writes at each level, with and without LZMA, checksums and an application
// header. What it compresses with its own coders is refused by name, and is decoded where it found nothing to compress.
func TestStockOptions(t *testing.T) {
	r := rand.New(rand.NewPCG(53, 54))
	source := append(text(r, 200_000), randomBytes(r, 100_000)...)
	p := pair{"edits and new text", source, append(edited(r, source, 100, 300), text(r, 30_000)...)}
	for level := range 10 {
		for _, secondary := range []string{"none", "lzma", "djw", "fgk"} {
			options := []string{fmt.Sprint("-", level), "-S", secondary}
			if secondary == "djw" || secondary == "fgk" {
				if _, err := decode(p.source, stockEncode(t, p.source, p.target, options...)); !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), secondary) {
					t.Errorf("xdelta3 %v: %v", options, err)
				}
				continue
			}
			for _, more := range [][]string{nil, {"-n"}, {"-A=about"}, {"-A"}} {
				decodesStock(t, p, append(options, more...)...)
			}
		}
	}
	for _, secondary := range []string{"djw", "fgk"} {
		decodesStock(t, pair{"equal", source, source}, "-S", secondary)
	}
	info, err := Inspect(bytes.NewReader(stockEncode(t, p.source, p.target, "-A=about", "-n")))
	if err != nil || string(info.AppHeader) != "about" || info.Checksums != 0 || info.Windows == 0 {
		t.Errorf("%+v, %v", info, err)
	}
	// What is written here has neither a header that names files nor a window without checksum.
	for _, o := range []*Options{nil, {NoSecondary: true}} {
		info, err := Inspect(bytes.NewReader(encode(t, p.source, p.target, o)))
		if err != nil || info.AppHeader != nil || info.Checksums != info.Windows || (info.Secondary == None) != (o != nil) {
			t.Errorf("%+v, %v", info, err)
		}
	}
}
