package vcdiff

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/seed-43fb3962/sstream/vcdiff/internal/lzma2"
)

// byHand is a window that no encoder would write.
type byHand struct {
	bits              byte // windowSource and others
	segment, position uint64
	size              int
	packed            byte // sections that are compressed
	section           [sections][]byte
}

func (h byHand) bytes() []byte {
	body := append(appendVarint(nil, uint64(h.size)), h.packed)
	for _, s := range h.section {
		body = appendVarint(body, uint64(len(s)))
	}
	if h.bits&windowAdler != 0 {
		body = binary.BigEndian.AppendUint32(body, 0)
	}
	body = append(body, bytes.Join(h.section[:], nil)...)
	b := []byte{h.bits}
	if h.bits&(windowSource|windowTarget) != 0 {
		b = appendVarint(appendVarint(b, h.segment), h.position)
	}
	return append(appendVarint(b, uint64(len(body))), body...)
}

// delta puts windows behind a head.
func delta(head string, windows ...byHand) []byte {
	b := []byte(magic + head)
	for _, w := range windows {
		b = append(b, w.bytes()...)
	}
	return b
}

// runs makes n times the letter A.
func runs(n int) byHand {
	return byHand{size: n, section: [sections][]byte{[]byte("A"), appendVarint([]byte{codeRun}, uint64(n)), nil}}
}

// copies copies n bytes from the start of a segment.
func copies(bits byte, segment uint64, n int) byHand {
	return byHand{bits: bits, segment: segment, size: n, section: [sections][]byte{nil, appendVarint([]byte{codeCopy}, uint64(n)), {0}}}
}

// adds adds the bytes that packed was compressed from.
func adds(raw, packed []byte) byHand {
	data := append(appendVarint(nil, uint64(len(raw))), packed...)
	return byHand{size: len(raw), packed: 1 << dataSection, section: [sections][]byte{data, appendVarint([]byte{codeAdd}, uint64(len(raw))), nil}}
}

// TestStockRefuses has stock xdelta3 decode what is just within its rules and what is just beyond. These are the reasons
// for what the encoder does not do: TestRules and others show that it does not. Where this decoder takes more, that is
// what the RFC allows.
func TestStockRefuses(t *testing.T) {
	const source = "0123456789"
	words := text(rand.New(rand.NewPCG(51, 52)), 2000)
	first := new(lzma2.Encoder).Encode(appendXZHeader(nil, 1<<20), words)
	further := new(lzma2.Encoder).Encode(nil, words)
	lzma := string([]byte{headSecondary, byte(LZMA)})
	for _, c := range []struct {
		name  string
		delta []byte
		stock string // what stock says, "" if it decodes
		ours  error
	}{
		{"no checksum", delta("\x00", runs(9)), "", nil},
		{"wrong checksum", delta("\x00", byHand{bits: windowAdler, size: 1, section: [sections][]byte{{'A'}, {codeAdd + 1}, nil}}), "checksum", ErrWrongSource},
		{"application header", delta("\x04\x05//a//", runs(9)), "", nil},
		{"no window", delta("\x00"), "nothing to output", nil},
		{"empty window", delta("\x00", byHand{}), "", nil},
		{"window of 16 MiB", delta("\x00", runs(mostWindow)), "", nil},
		{"window of more", delta("\x00", runs(mostWindow+1)), "hard window size exceeded", nil},
		{"copy within the source", delta("\x00", copies(windowSource, 10, 10)), "", nil},
		{"copy from the source and on", delta("\x00", copies(windowSource, 10, 12)), "size too large", nil},
		{"segment of 32 bits", delta("\x00", copies(windowSource, 1<<32-1-8, 8)), "", nil},
		{"segment and window of more", delta("\x00", copies(windowSource, 1<<32-8, 8)), "overflow", nil},
		{"copy from earlier windows", delta("\x00", runs(9), copies(windowTarget, 9, 5)), "VCD_TARGET", ErrUnsupported},
		{"code table", delta("\x02\x01\x00", runs(9)), "code table", ErrUnsupported},
		{"one stream", delta(lzma, adds(words, first), adds(words, further)), "", nil},
		{"two streams", delta(lzma, adds(words, first), adds(words, first)), "lzma decoding error", ErrCorrupt},
		{"no stream", delta(lzma, adds(words, further)), "lzma", ErrCorrupt},
		{"compressed section too long", delta(lzma, adds(words, append(bytes.Clone(first), further...))), "secondary decoder", ErrCorrupt},
		{"compressed section too short", delta(lzma, adds(words, new(lzma2.Encoder).Encode(appendXZHeader(nil, 1<<20), words[:1999]))), "lzma decoding error", ErrCorrupt},
	} {
		got, err := stockDecode(t, []byte(source), c.delta)
		if (err != nil) != (c.stock != "") || err != nil && !strings.Contains(string(got), c.stock) {
			t.Errorf("%s: stock: %v: %.100q", c.name, err, got)
		}
		ours, oursErr := decode([]byte(source), c.delta)
		if !errors.Is(oursErr, c.ours) || (c.ours == nil) != (oursErr == nil) {
			t.Errorf("%s: %v", c.name, oursErr)
		}
		if err == nil && oursErr == nil && !bytes.Equal(got, ours) {
			t.Errorf("%s: %.50q, stock %.50q", c.name, ours, got)
		}
	}
}
