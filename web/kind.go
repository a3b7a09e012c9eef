package web

import (
	"path"
	"strings"
)

// kind is how a file is served.
type kind struct {
	media string
	cache string
	text  bool // may have a .gz beside it that holds the same
}

// How long a client may use an answer without asking again. A file of an image never changes under its path; of
// everything else the next generation may be there at any moment.
const (
	askAgain = "no-cache"
	forADay  = "public, max-age=86400, immutable"
)

// kinds by the ending of the name: the first that fits. What the system says of endings is not
// asked: the answer would differ between machines.
var kinds = []struct {
	ending string
	kind
}{
	{".json", kind{"application/json", askAgain, true}},
	{".sjson", kind{"text/plain; charset=utf-8", askAgain, true}},
	{".html", kind{"text/html; charset=utf-8", askAgain, true}},
	{".yaml", kind{"text/plain; charset=utf-8", askAgain, true}},
	{".txt", kind{"text/plain; charset=utf-8", askAgain, true}},
	{".log", kind{"text/plain; charset=utf-8", askAgain, true}},
	{".manifest", kind{"text/plain; charset=utf-8", askAgain, true}},
	{"sums", kind{"text/plain; charset=utf-8", askAgain, true}}, // SHA256SUMS, MD5SUMS
	{".gpg", kind{"application/pgp-signature", askAgain, false}},
	{".asc", kind{"application/pgp-signature", askAgain, false}},
	{".svg", kind{"image/svg+xml", askAgain, true}},
	{".png", kind{"image/png", askAgain, false}},
	{".tar.gz", kind{"application/gzip", forADay, false}},
	{".gz", kind{"application/gzip", askAgain, false}},
	{".tgz", kind{"application/gzip", forADay, false}},
	{".xz", kind{"application/x-xz", forADay, false}},
	{".zst", kind{"application/zstd", forADay, false}},
	{".squashfs", kind{"application/octet-stream", forADay, false}},
	{".img", kind{"application/octet-stream", forADay, false}},
	{".qcow2", kind{"application/octet-stream", forADay, false}},
	{".vcdiff", kind{"application/octet-stream", forADay, false}},
	{".vmdk", kind{"application/octet-stream", forADay, false}},
	{".ova", kind{"application/octet-stream", forADay, false}},
	{".iso", kind{"application/octet-stream", forADay, false}},
}

// kindOf returns how the file of that name is served.
func kindOf(name string) kind {
	base := strings.ToLower(path.Base(name))
	for _, k := range kinds {
		if strings.HasSuffix(base, k.ending) {
			return k.kind
		}
	}
	return kind{"application/octet-stream", askAgain, false}
}
