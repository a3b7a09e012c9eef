package web

import (
	"encoding/binary"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"sync"
)

// twin is what was found out about a text file and the .gz beside it.
type twin struct {
	text, packed stamp
	same         bool // the .gz holds the text
}

// stamp tells one content of a path from the next.
type stamp struct{ size, modified int64 }

func stampOf(info fs.FileInfo) stamp { return stamp{info.Size(), info.ModTime().UnixNano()} }

// twins remembers what was found out, by path.
type twins struct {
	mu    sync.Mutex
	known map[string]twin
}

// maxTwins bounds the memory; beyond it everything is found out anew.
const maxTwins = 10_000

// compressed returns the .gz beside a text file, nil if there is none or it is of another text: some tools that rewrite
// a catalogue leave the old .gz behind.
func (h *handler) compressed(name string, f *os.File, info fs.FileInfo) (*os.File, fs.FileInfo) {
	z, zInfo, err := h.open(name + ".gz")
	if err != nil {
		return nil, nil
	}
	if !zInfo.Mode().IsRegular() || !h.twins.same(name, f, info, z, zInfo) {
		z.Close()
		return nil, nil
	}
	return z, zInfo
}

func (t *twins) same(name string, f *os.File, info fs.FileInfo, z *os.File, zInfo fs.FileInfo) bool {
	now := twin{text: stampOf(info), packed: stampOf(zInfo)}
	t.mu.Lock()
	was, ok := t.known[name]
	t.mu.Unlock()
	if ok && was.text == now.text && was.packed == now.packed {
		return was.same
	}
	now.same = holds(z, zInfo.Size(), f, info.Size())
	t.mu.Lock()
	if len(t.known) >= maxTwins {
		clear(t.known)
	}
	t.known[name] = now
	t.mu.Unlock()
	return now.same
}

// holds tells by the end of a gzip file, its CRC-32 and length, whether it holds the text.
func holds(z io.ReaderAt, zSize int64, f io.ReaderAt, size int64) bool {
	var trailer [8]byte
	if _, err := z.ReadAt(trailer[:], max(0, zSize-8)); err != nil {
		return false
	}
	if binary.LittleEndian.Uint32(trailer[4:]) != uint32(size) {
		return false
	}
	sum := crc32.NewIEEE()
	if n, err := io.Copy(sum, io.NewSectionReader(f, 0, size)); err != nil || n != size {
		return false
	}
	return sum.Sum32() == binary.LittleEndian.Uint32(trailer[:4])
}

// acceptsGzip tells whether an Accept-Encoding header allows gzip.
func acceptsGzip(header string) bool {
	for coding := range strings.SplitSeq(header, ",") {
		name, params, _ := strings.Cut(coding, ";")
		if !strings.EqualFold(strings.TrimSpace(name), "gzip") {
			continue
		}
		_, weight, given := strings.Cut(params, "=")
		q, err := strconv.ParseFloat(strings.TrimSpace(weight), 64)
		return !given || err == nil && q > 0
	}
	return false
}
