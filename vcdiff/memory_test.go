package vcdiff

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// blocks is a file of which each block of 4 KiB is made when it is read, so that it takes no memory.
type blocks struct {
	size int64
	fill func(n int64, b []byte)
}

func (f blocks) ReadAt(p []byte, off int64) (int, error) {
	const size = 4 << 10
	var buf [size]byte
	done := 0
	for done < len(p) && off < f.size {
		f.fill(off/size, buf[:])
		n := copy(p[done:], buf[off%size:min(size, f.size-off/size*size)])
		done, off = done+n, off+int64(n)
	}
	if done < len(p) {
		return done, io.EOF
	}
	return done, nil
}

// noise cannot be compressed; code can, to seven eighths; others is code that has nothing in common with it.
func noise(n int64, b []byte) {
	var seed [32]byte
	binary.LittleEndian.PutUint64(seed[:], uint64(n))
	rand.NewChaCha8(seed).Read(b)
}

func code(n int64, b []byte) {
	noise(n, b)
	for i := range b {
		b[i] &= 0x7f
	}
}

func others(n int64, b []byte) { code(^n, b) }

func zeros(_ int64, b []byte) { clear(b) }

// every changes one byte in so many.
func every(step int, fill func(int64, []byte)) func(int64, []byte) {
	return func(n int64, b []byte) {
		fill(n, b)
		for i := int(n) % step; i < len(b); i += step {
			b[i] ^= 0x15
		}
	}
}

// peak runs own in a process of its own, whose standard input is what feed, if it is not nil, writes. It returns the most
// memory that this process had at once, in bytes: all but what is in files. No test calls it twice.
func peak(t *testing.T, feed func(io.Writer), own func()) int64 {
	t.Helper()
	tooSlowRaced(t)
	const key, mark = "VCDIFF_MEMORY_OF", "anonymous: "
	if os.Getenv(key) == t.Name() {
		own()
		status, err := os.ReadFile("/proc/self/status")
		if err != nil {
			t.Fatal(err)
		}
		kib := func(name string) int64 {
			n, _ := strconv.ParseInt(regexp.MustCompile(name + `:\s*(\d+) kB`).FindStringSubmatch(string(status))[1], 10, 64)
			return n
		}
		fmt.Printf("%s%d\n", mark, (kib("VmHWM")-kib("RssFile"))<<10)
		os.Exit(0)
	}
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("memory is measured by /proc")
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+strings.ReplaceAll(t.Name(), "/", "$/^")+"$")
	cmd.Env = append(os.Environ(), key+"="+t.Name())
	if feed != nil {
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		go feed(in)
	}
	said, err := cmd.CombinedOutput()
	_, figure, ok := strings.Cut(string(said), mark)
	if err != nil || !ok {
		t.Fatalf("%v: %s", err, said)
	}
	n, err := strconv.ParseInt(strings.TrimSpace(figure), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestMemory: what is used at once, the program included, is what the options say, whatever there is to encode.
func TestMemory(t *testing.T) {
	for _, c := range []struct {
		name           string
		source, target blocks
		window         int
	}{
		{"nothing but holes", blocks{3 << 30, zeros}, blocks{3 << 30, zeros}, 0},
		{"edited everywhere", blocks{16 << 20, code}, blocks{16 << 20, every(20, code)}, 0},
		{"long matches, edited", blocks{256 << 20, noise}, blocks{256 << 20, every(300, noise)}, 0},
		{"nothing in common", blocks{30 << 20, code}, blocks{30 << 20, others}, 0},
		{"tiny windows", blocks{32 << 20, noise}, blocks{32 << 20, noise}, leastWindow},
	} {
		for _, memory := range []int64{leastMemory, defaultMemory} {
			t.Run(fmt.Sprintf("%s/%d MiB", c.name, memory>>20), func(t *testing.T) {
				n := peak(t, nil, func() {
					o := &Options{Memory: memory, Workers: 16, WindowSize: c.window}
					if _, err := NewEncoder(io.Discard, c.source, c.source.size, o).Encode(t.Context(), c.target, c.target.size); err != nil {
						t.Fatal(err)
					}
				})
				if t.Logf("%d MiB", n>>20); n > memory {
					t.Errorf("%d bytes, more than %d", n, memory)
				}
			})
		}
	}
}

// TestMemoryRefused: what the memory does not suffice for is an error.
func TestMemoryRefused(t *testing.T) {
	for _, c := range []struct {
		o              Options
		source, target int64
		says           string
	}{
		{Options{Memory: 64 << 20, WindowSize: 16 << 20}, 0, 0, "64 MiB of memory are not enough"},
		{Options{WindowSize: 4 << 10}, 0, 1 << 40, "256 MiB of memory are enough for"},
		{Options{}, -1, 0, "negative"},
		{Options{}, 0, -1, "negative"},
	} {
		_, err := NewEncoder(io.Discard, bytes.NewReader(nil), c.source, &c.o).Encode(t.Context(), bytes.NewReader(nil), c.target)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	for memory := int64(leastMemory); memory <= 4<<30; memory *= 2 {
		if s, err := (&Options{Memory: memory}).settled(); err != nil || s.Workers < 1 || s.WindowSize < 1<<20 {
			t.Errorf("%d MiB: %+v, %v", memory>>20, s, err)
		}
	}
}

// hostile writes a delta without end to w, until that fails. It makes a decoder hold as much as it does for any: all
// sections are as long as they may be, and none becomes shorter by being compressed; the dictionaries are the largest.
func hostile(w io.Writer, size int) {
	// Half of the window is added and the other half copied, byte by byte, with the longest instructions and addresses.
	section := [sections][]byte{
		bytes.Repeat([]byte{'A'}, size/2),
		bytes.Repeat([]byte{codeAdd, 1, codeCopy, 1}, size/2),
		bytes.Repeat([]byte{0x80, 0x80, 0x80, 0}, size/2),
	}
	h := byHand{size: size, packed: 1<<sections - 1}
	for i, raw := range section {
		h.section[i] = appendXZHeader(appendVarint(nil, uint64(len(raw))), maxDictionary)
		for k, chunk := range slices.Collect(slices.Chunk(raw, 1<<16)) {
			h.section[i] = append(h.section[i], byte(min(k, 1)+1)) // stored, the first one with a new dictionary
			h.section[i] = binary.BigEndian.AppendUint16(h.section[i], uint16(len(chunk)-1))
			h.section[i] = append(h.section[i], chunk...)
		}
	}
	_, err := w.Write(append([]byte(magic), headSecondary, byte(LZMA)))
	first := h.bytes()
	for i, raw := range section {
		head := appendXZHeader(appendVarint(nil, uint64(len(raw))), maxDictionary)
		n := len(appendVarint(nil, uint64(len(raw))))
		h.section[i] = append(h.section[i][:n], h.section[i][len(head):]...)
		h.section[i][n] = 2 // a stored chunk that goes on
	}
	for further := first; err == nil; further = h.bytes() {
		_, err = w.Write(further)
	}
}

// TestMemoryOfDecoder: no delta makes a decoder hold more than is said at [DecodeOptions].
func TestMemoryOfDecoder(t *testing.T) {
	const window = 8 << 20
	n := peak(t, func(w io.Writer) { hostile(w, window) }, func() {
		made, err := Decode(t.Context(), io.Discard, nil, os.Stdin, &DecodeOptions{MaxWindow: window, MaxSize: 40 * window})
		if made != 40*window || !errors.Is(err, ErrCorrupt) {
			t.Fatalf("%d bytes were made: %v", made, err)
		}
	})
	if most := int64(240<<20 + 12*window + programMemory); n > most || n < most/2 {
		t.Errorf("%d MiB, and not about %d", n>>20, most>>20)
	}
	t.Logf("%d MiB", n>>20)
}
