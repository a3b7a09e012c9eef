package fetch

import (
	"bufio"
	"compress/flate"
	"compress/zlib"
	"io"
	"net/http"
	"strings"

	"github.com/klauspost/compress/gzip"
)

// isEncoded tells whether a server says that it compressed what it sends.
func isEncoded(resp *http.Response) bool {
	e := resp.Header.Get("Content-Encoding")
	return e != "" && !strings.EqualFold(e, "identity")
}

// decode undoes the Content-Encoding of a whole file. Many servers take the name of a .tar.gz for its encoding and label
// it so: what has the listed size already, or is not compressed at all, is left as it is.
func decode(a *answer, resp *http.Response, rq request) error {
	if !isEncoded(resp) || resp.ContentLength >= 0 && resp.ContentLength == rq.size {
		return nil
	}
	if rq.size < 0 && !rq.pack && (strings.HasSuffix(rq.path, ".gz") || strings.HasSuffix(rq.path, ".tgz")) {
		return nil
	}
	packed := &counter{Reader: a.body}
	head := bufio.NewReaderSize(packed, 64<<10)
	magic, _ := head.Peek(2)
	var plain io.Reader = head
	var err error
	switch e := strings.ToLower(resp.Header.Get("Content-Encoding")); {
	case e != "gzip" && e != "x-gzip" && e != "deflate":
		return permanent("the server sends the file in the encoding %q, which was not asked for", e)
	case len(magic) < 2:
	case magic[0] == 0x1f && magic[1] == 0x8b:
		plain, err = gzip.NewReader(head)
	case e != "deflate":
	case magic[0]&0x0f == 8 && (int(magic[0])<<8|int(magic[1]))%31 == 0:
		plain, err = zlib.NewReader(head)
	default:
		plain = flate.NewReader(head)
	}
	if err != nil {
		return wrong("the server sends damaged compressed data: %w", err)
	}
	if plain == head {
		a.body = &body{plain, a.body}
		return nil
	}
	a.size, a.tag = -1, ""
	a.body = &body{&unpacker{plain: counter{Reader: plain}, packed: packed}, a.body}
	return nil
}

// body reads what is decoded and closes what that comes from.
type body struct {
	io.Reader
	io.Closer
}

type counter struct {
	io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	return n, err
}

// unpacker refuses what only exists to fill the memory: catalogues shrink to a tenth or a thirtieth.
type unpacker struct {
	plain  counter
	packed *counter
}

const (
	maxRatio   = 300
	harmlessUp = 16 << 20 // bytes up to which the ratio does not matter
)

func (u *unpacker) Read(p []byte) (int, error) {
	n, err := u.plain.Read(p)
	if u.plain.n > harmlessUp && u.plain.n > maxRatio*u.packed.n {
		return 0, permanent("it is packed more than %d times smaller than it is, as only an attack would", maxRatio)
	}
	return n, err
}
