package fetch

import (
	"bufio"
	"compress/flate"
	"compress/zlib"
	"fmt"
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
	head := bufio.NewReaderSize(a.body, 64<<10)
	magic, _ := head.Peek(2)
	var plain io.Reader
	var err error
	switch e := strings.ToLower(resp.Header.Get("Content-Encoding")); {
	case e != "gzip" && e != "x-gzip" && e != "deflate":
		return permanentError(fmt.Sprintf("the server sends the file in the encoding %q, which was not asked for", e))
	case len(magic) < 2:
		plain = head
	case magic[0] == 0x1f && magic[1] == 0x8b:
		plain, err = gzip.NewReader(head)
	case e != "deflate":
		plain = head
	case magic[0]&0x0f == 8 && (int(magic[0])<<8|int(magic[1]))%31 == 0:
		plain, err = zlib.NewReader(head)
	default:
		plain = flate.NewReader(head)
	}
	if err != nil {
		return fmt.Errorf("the server sends damaged compressed data: %w", err)
	}
	if plain != head {
		a.size, a.tag, a.ranges = -1, "", false
	}
	a.body = &decodedBody{plain, a.body}
	return nil
}

// decodedBody reads what is decoded and closes what that comes from.
type decodedBody struct {
	io.Reader
	io.Closer
}
