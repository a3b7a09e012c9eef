package mirror_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"

	"github.com/seed-43fb3962/sstream/fetch"
	"github.com/seed-43fb3962/sstream/mirror"
	"github.com/seed-43fb3962/sstream/store"
)

// pattern is what a long file repeats; it is not empty, so that no hole is made of it.
var pattern = []byte("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\n")

// repeated reads pattern over and over.
type repeated struct{ at int }

func (r *repeated) Read(p []byte) (int, error) {
	for n := 0; n < len(p); {
		c := copy(p[n:], pattern[r.at:])
		n, r.at = n+c, (r.at+c)%len(pattern)
	}
	return len(p), nil
}

// TestMemory: a file is never in memory, whatever its size.
func TestMemory(t *testing.T) {
	const size = 128 << 20
	h := sha256.New()
	if _, err := io.CopyN(h, new(repeated), size); err != nil {
		t.Fatal(err)
	}
	document := fmt.Sprintf(`{"format": "products:1.0", "content_id": "x", "products": {"p": {"versions": {"1": {"items": {
			"a": {"path": "f", "size": %d, "sha256": "%x"}}}}}}}`, size, h.Sum(nil))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/x.json" {
			_, _ = io.WriteString(w, document)
			return
		}
		w.Header().Set("Content-Length", fmt.Sprint(size))
		_, _ = io.CopyN(w, new(repeated), size)
	}))
	defer server.Close()
	src, err := fetch.Open(server.URL, fetch.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	dir, err := store.OpenDir(t.TempDir(), store.DirOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	report, err := mirror.Run(t.Context(), src, dir, mirror.Options{Path: "x.json"})
	runtime.ReadMemStats(&after)
	if err != nil || report.Bytes != size {
		t.Fatalf("%+v, %v", report, err)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > size/2 { // freed or not, and the server's too
		t.Errorf("a file of %d bytes takes %d", size, n)
	}
}
