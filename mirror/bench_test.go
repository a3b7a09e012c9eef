package mirror_test

import (
	"fmt"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/seed-43fb3962/sstream/fetch"
	"github.com/seed-43fb3962/sstream/mirror"
	"github.com/seed-43fb3962/sstream/web"
)

// manyFiles is a source of n files of 4 KiB.
func manyFiles(n int) stream {
	s := stream{}
	for i := range n {
		path := fmt.Sprintf("files/%03d/f%06d", i/1000, i)
		s[fmt.Sprintf("p%04d/1/i%d", i/20, i)] = struct{ path, data string }{path, fmt.Sprintf("%4096d", i)}
	}
	return s
}

func BenchmarkSmallFiles(b *testing.B) {
	root := directory(b, manyFiles(20000).files(b, 1))
	server := newFileServer(b, root)
	for b.Loop() {
		dir, err := os.MkdirTemp("", "mirror")
		if err != nil {
			b.Fatal(err)
		}
		o := options()
		o.Jobs = 8
		if _, err := mirror.Run(b.Context(), open(b, server), openDir(b, dir), o); err != nil {
			b.Fatal(err)
		}
		if err := os.RemoveAll(dir); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNothingNew(b *testing.B) {
	server := newFileServer(b, directory(b, manyFiles(20000).files(b, 1)))
	dst := openDir(b, b.TempDir())
	if _, err := mirror.Run(b.Context(), open(b, server), dst, options()); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		src, err := fetch.Open(server, fetch.Options{Cache: mirror.Published(dst)})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := mirror.Run(b.Context(), src, dst, options()); err != nil {
			b.Fatal(err)
		}
	}
}

// newFileServer serves a directory as sstream serve does.
func newFileServer(tb testing.TB, dir string) (url string) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		tb.Fatal(err)
	}
	server := httptest.NewServer(web.Handler(root))
	tb.Cleanup(func() { server.Close(); root.Close() })
	return server.URL + "/"
}
