package vcdiff

import (
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestLongRun(t *testing.T) {
	noise := randomBytes(rand.New(rand.NewPCG(61, 62)), 3*runGranule)
	noise[1000], noise[1001] = 1, 2
	zeros := make([]byte, 4*runGranule)
	for _, c := range []struct {
		name           string
		b              []byte
		start, at, end int
	}{
		{"empty", nil, 0, 0, 0},
		{"none", noise, 0, len(noise), len(noise)},
		{"all", zeros, 0, 0, len(zeros)},
		{"from inside", zeros, 777, 777, len(zeros)},
		{"too short", append(bytes.Clone(noise[:1001]), zeros[:runGranule]...), 0, 1001 + runGranule, 1001 + runGranule},
		{"between", append(append(bytes.Clone(noise[:1001]), zeros[:2*runGranule]...), noise...), 0, 1001, 1001 + 2*runGranule},
		{"after the start", append(append(bytes.Clone(noise[:1001]), zeros[:2*runGranule]...), noise...), 1500, 1500, 1001 + 2*runGranule},
	} {
		if c.end > 1001 && c.end < len(c.b) && c.b[c.end] == 0 {
			c.b[c.end] = 1
		}
		if at, end := longRun(c.b, c.start); at != c.at || end != c.end {
			t.Errorf("%s: %d to %d, not %d to %d", c.name, at, end, c.at, c.end)
		}
	}
}

// TestZeros: images are full of zeros, which must cost neither time nor copies.
func TestZeros(t *testing.T) {
	r := rand.New(rand.NewPCG(63, 64))
	noise := randomBytes(r, 50_000)
	zeros := make([]byte, lean(32<<20))
	source := append(append(bytes.Clone(zeros), noise...), zeros...)
	target := append(append(append(bytes.Clone(noise[:20_000]), zeros...), noise[20_000:]...), bytes.Repeat(append(noise[:99:99], zeros[:3000]...), 300)...)
	delta := encode(t, source, target, nil)
	info, err := Inspect(bytes.NewReader(delta))
	if err != nil || info.Copies > 1000 || len(delta) > 4000 {
		t.Errorf("%d bytes, %d copies: %v", len(delta), info.Copies, err)
	}
	if got, err := decode(source, delta); err != nil || !bytes.Equal(got, target) {
		t.Error(err)
	}
}

// TestSparse goes both ways between two files above 4 GiB that are mostly holes.
func TestSparse(t *testing.T) {
	tooSlowRaced(t)
	r := rand.New(rand.NewPCG(65, 66))
	piece := randomBytes(r, 1<<20)
	edits := edited(r, piece, 10, 1000)
	const at = 4<<30 + 50<<20
	source := &islands{size: at + 20<<20, at: []int64{9 << 20, at}, data: [][]byte{piece[:7000], piece}}
	target := &islands{size: at + 10<<20, at: []int64{4 << 20, at + 3000}, data: [][]byte{edits[:9000], edits}}
	var ours bytes.Buffer
	if _, err := NewEncoder(&ours, source, source.size, nil).Encode(t.Context(), target, target.size); err != nil {
		t.Fatal(err)
	}
	if ours.Len() > 40_000 {
		t.Errorf("delta of %d bytes", ours.Len())
	}
	dir := t.TempDir()
	from, to := source.file(t, filepath.Join(dir, "source")), target.file(t, filepath.Join(dir, "target"))
	// Stock decodes ours.
	cmd := exec.Command(stock(t), "-d", "-c", "-s", from.Name())
	c := &comparer{want: target}
	cmd.Stdin, cmd.Stdout = &ours, c
	if err := cmd.Run(); err != nil || c.at != target.size || c.differs {
		t.Errorf("stock decodes ours: %v, %d bytes, differ: %v", err, c.at, c.differs)
	}
	// We decode stock's.
	delta := filepath.Join(dir, "delta")
	if said, err := exec.Command(stock(t), "-e", "-f", "-s", from.Name(), to.Name(), delta).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	stocks, err := os.Open(delta)
	if err != nil {
		t.Fatal(err)
	}
	defer stocks.Close()
	c = &comparer{want: target}
	if n, err := Decode(t.Context(), c, source, stocks, nil); err != nil || n != target.size || c.differs {
		t.Errorf("ours decodes stock: %v, %d bytes, differ: %v", err, n, c.differs)
	}
}

// file is f with holes where it is zero.
func (f *islands) file(t *testing.T, path string) *os.File {
	t.Helper()
	sparse, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sparse.Close() })
	for i, at := range f.at {
		if _, err := sparse.WriteAt(f.data[i], at); err != nil {
			t.Fatal(err)
		}
	}
	if err := sparse.Truncate(f.size); err != nil {
		t.Fatal(err)
	}
	return sparse
}

// comparer takes what should be there.
type comparer struct {
	want    io.ReaderAt
	at      int64
	differs bool
	buf     []byte
}

func (c *comparer) Write(p []byte) (int, error) {
	c.buf = append(c.buf[:0], p...)
	n, err := c.want.ReadAt(c.buf, c.at)
	c.differs = c.differs || n < len(p) || !bytes.Equal(p, c.buf)
	c.at += int64(len(p))
	if err == io.EOF {
		err = nil
	}
	return len(p), err
}
