package vcdiff

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/seed-43fb3962/sstream/vcdiff/internal/lzma2"
)

// The sections of the windows may be compressed once more. xdelta3 does that with LZMA as its default, in a way of its
// own: all data sections together are the pieces of one xz stream, and so are all instruction and all address sections.
// A stream has its header before its first piece, and no end.

// Secondary names a way in which sections are compressed once more.
type Secondary byte

// The secondary compressors. A delta names at most one.
const (
	// None leaves the sections as they are. Any decoder can read that.
	None Secondary = 0
	// DJW is xdelta3's own static Huffman coder, which this package does not have.
	DJW Secondary = 1
	// LZMA is xdelta3's default. It needs a decoder that was built with liblzma, as those of the distributions are.
	LZMA Secondary = 2
	// FGK is xdelta3's own adaptive Huffman coder, which this package does not have.
	FGK Secondary = 16
)

// String is the name that xdelta3 has for s.
func (s Secondary) String() string {
	switch s {
	case None:
		return "none"
	case DJW:
		return "djw"
	case LZMA:
		return "lzma"
	case FGK:
		return "fgk"
	}
	return fmt.Sprintf("secondary compressor %d", byte(s))
}

// maxDictionary is the most that the presets of xz, which are what xdelta3 offers, ask for.
const maxDictionary = 64 << 20

const xzMagic = "\xfd7zXZ\x00"

// xzDecoder reads the sections of one kind.
type xzDecoder struct {
	lzma *lzma2.Decoder // nil before the first piece
}

// decode returns the section that piece, which begins with its length, is compressed from. It is valid until the next call.
func (d *xzDecoder) decode(piece []byte, most int) ([]byte, error) {
	n, piece, err := varint(piece)
	if err != nil {
		return nil, err
	}
	if n > uint64(most) {
		return nil, fmt.Errorf("%w: section of %d bytes is too long", ErrCorrupt, n)
	}
	if d.lzma == nil {
		dict, rest, err := xzHeader(piece)
		if err != nil {
			return nil, err
		}
		d.lzma, piece = lzma2.NewDecoder(dict), rest
	}
	out, err := d.lzma.Decode(piece, int(n))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return out, nil
}

// xzHeader cuts the headers of an xz stream and its block off the front of b.
func xzHeader(b []byte) (dict int, rest []byte, err error) {
	bad := fmt.Errorf("%w: bad xz header", ErrCorrupt)
	if len(b) < 12 || !bytes.HasPrefix(b, []byte(xzMagic)) || crc32.ChecksumIEEE(b[6:8]) != binary.LittleEndian.Uint32(b[8:]) {
		return 0, nil, bad
	}
	b = b[12:]
	if len(b) == 0 || b[0] == 0 {
		return 0, nil, bad
	}
	n := (int(b[0]) + 1) * 4
	if n > len(b) || crc32.ChecksumIEEE(b[:n-4]) != binary.LittleEndian.Uint32(b[n-4:]) {
		return 0, nil, bad
	}
	head, rest := b[1:n-4], b[n:]
	// No sizes and one filter, LZMA2 (0x21), which has one byte of properties.
	if head[0] != 0 || len(head) < 4 || head[1] != 0x21 || head[2] != 1 || head[3] > 40 {
		return 0, nil, fmt.Errorf("%w: xz filters other than LZMA2", ErrUnsupported)
	}
	if head[3] > xzDictionary(maxDictionary) {
		return 0, nil, fmt.Errorf("%w: xz dictionary above %d MiB", ErrUnsupported, maxDictionary>>20)
	}
	return int(2|head[3]&1) << (head[3]/2 + 11), rest, nil
}

// xzDictionary is how the size of a dictionary, a power of two from 4 KiB, is written.
func xzDictionary(size int) byte {
	p := byte(0)
	for 2<<(p/2+11) < size {
		p += 2
	}
	return p
}

// appendXZHeader appends what precedes the first piece of a stream.
func appendXZHeader(b []byte, dict int) []byte {
	const checkNone = "\x00\x00"
	b = append(b, xzMagic+checkNone...)
	b = binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE([]byte(checkNone)))
	block := []byte{2, 0, 0x21, 1, xzDictionary(dict), 0, 0, 0}
	b = append(b, block...)
	return binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(block))
}
