package web_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/store/storetest"
	"github.com/seed-43fb3962/sstream/web"
)

// tree makes a directory with files and returns its path.
func tree(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "root")
	for name, body := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(body), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func handler(t testing.TB, dir string) http.Handler {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return web.Handler(root)
}

func gzipped(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, text)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// ask sends a request with headers given as "Name: value".
func ask(h http.Handler, method, target string, headers ...string) *http.Response {
	r := httptest.NewRequest(method, target, nil)
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func bodyOf(t testing.TB, r *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestHandler(t *testing.T) {
	dir := tree(t, map[string]string{
		"index.html":              "<p>",
		"sub/index.html":          "<p>sub",
		"bare/file.txt":           "text",
		"streams/v1/index.json":   "{}",
		"streams/v1/index.sjson":  "signed",
		"images/a b%c?.img":       "disk",
		"images/rootfs.squashfs":  "0123456789",
		".data/references.json":   "secret",
		"streams/v1/.index.tmp":   "secret",
		"images/.hidden/x.img":    "secret",
		"images/name..with..dots": "dots",
	})
	link := func(target, name string) {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	link("images/rootfs.squashfs", "inside.squashfs")
	link("/etc/passwd", "passwd")
	link("../", "up")
	link("gone", "dangling")
	h := handler(t, dir)
	for _, c := range []struct {
		method, target string
		status         int
		body           string
	}{
		{"GET", "/", 200, "<p>"},
		{"GET", "/index.html", 200, "<p>"},
		{"GET", "/sub/", 200, "<p>sub"},
		{"GET", "/sub", 301, ""},
		{"GET", "/bare", 404, ""},
		{"GET", "/bare/", 404, ""},
		{"GET", "/bare/file.txt", 200, "text"},
		{"GET", "/bare/file.txt/", 404, ""},
		{"GET", "/index.html/", 404, ""},
		{"HEAD", "/bare/file.txt", 200, ""},
		{"POST", "/", 405, ""},
		{"DELETE", "/index.html", 405, ""},
		{"GET", "/streams/v1/index.json", 200, "{}"},
		{"GET", "/images/a%20b%25c%3F.img", 200, "disk"},
		{"GET", "/images/name..with..dots", 200, "dots"},
		{"GET", "/inside.squashfs", 200, "0123456789"},
		{"GET", "/passwd", 404, ""},
		{"GET", "/up/", 404, ""},
		{"GET", "/dangling", 404, ""},
		{"GET", "/gone", 404, ""},
		{"GET", "/images//rootfs.squashfs", 404, ""},
		{"GET", "/images/../index.html", 404, ""},
		{"GET", "/%2e%2e/%2e%2e/etc/passwd", 404, ""},
		{"GET", "/images/rootfs.squashfs%00.img", 404, ""},
		{"GET", "/.data/references.json", 404, ""},
		{"GET", "/streams/v1/.index.tmp", 404, ""},
		{"GET", "/images/.hidden/x.img", 404, ""},
		{"GET", "/" + strings.Repeat("long", 2000), 404, ""},
	} {
		r := ask(h, c.method, c.target)
		body := bodyOf(t, r)
		if r.StatusCode != c.status || c.status == 200 && body != c.body {
			t.Errorf("%s %s: %d %q, want %d %q", c.method, c.target, r.StatusCode, body, c.status, c.body)
		}
		if strings.Contains(body, "secret") || strings.Contains(body, "root:") {
			t.Errorf("%s %s leaks %q", c.method, c.target, body)
		}
	}
}

func TestHandlerHeaders(t *testing.T) {
	h := handler(t, tree(t, map[string]string{
		"index.html": "<p>", "streams/v1/index.json": "{}", "streams/v1/index.sjson": "s", "streams/v1/index.json.gpg": "g",
		"i/rootfs.squashfs": "r", "i/lxd.tar.xz": "l", "i/SHA256SUMS": "s", "i/boot-kernel": "k",
	}))
	const again, day = "no-cache", "public, max-age=86400, immutable"
	for path, want := range map[string][2]string{
		"/":                          {"text/html; charset=utf-8", again},
		"/streams/v1/index.json":     {"application/json", again},
		"/streams/v1/index.sjson":    {"text/plain; charset=utf-8", again},
		"/streams/v1/index.json.gpg": {"application/pgp-signature", again},
		"/i/rootfs.squashfs":         {"application/octet-stream", day},
		"/i/lxd.tar.xz":              {"application/x-xz", day},
		"/i/SHA256SUMS":              {"text/plain; charset=utf-8", again},
		"/i/boot-kernel":             {"application/octet-stream", again},
	} {
		head := ask(h, "HEAD", path).Header
		got := [2]string{head.Get("Content-Type"), head.Get("Cache-Control")}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
		if head.Get("ETag") == "" || head.Get("Last-Modified") == "" || head.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: headers %v", path, head)
		}
	}
}

func TestHandlerConditions(t *testing.T) {
	h := handler(t, tree(t, map[string]string{"i/rootfs.squashfs": "0123456789"}))
	const path = "/i/rootfs.squashfs"
	first := ask(h, "GET", path).Header
	etag, modified := first.Get("ETag"), first.Get("Last-Modified")
	for _, c := range []struct {
		headers []string
		status  int
		body    string
	}{
		{[]string{"Range: bytes=2-4"}, 206, "234"},
		{[]string{"Range: bytes=7-"}, 206, "789"},
		{[]string{"Range: bytes=-1"}, 206, "9"},
		{[]string{"Range: bytes=10-"}, 416, ""},
		{[]string{"Range: bytes=2-4", "If-Range: " + etag}, 206, "234"},
		{[]string{"Range: bytes=2-4", `If-Range: "other"`}, 200, "0123456789"},
		{[]string{"If-None-Match: " + etag}, 304, ""},
		{[]string{`If-None-Match: "other"`}, 200, "0123456789"},
		{[]string{"If-Match: " + etag}, 200, "0123456789"},
		{[]string{`If-Match: "other"`}, 412, ""},
		{[]string{"If-Modified-Since: " + modified}, 304, ""},
	} {
		r := ask(h, "GET", path, c.headers...)
		if body := bodyOf(t, r); r.StatusCode != c.status || c.status < 300 && body != c.body {
			t.Errorf("%q: %d %q, want %d %q", c.headers, r.StatusCode, body, c.status, c.body)
		}
	}
}

func TestHandlerCompressed(t *testing.T) {
	text := strings.Repeat("catalogue ", 1000)
	packed := gzipped(t, text)
	dir := tree(t, map[string]string{
		"a.json": text, "a.json.gz": packed,
		"old.json": text + "newer", "old.json.gz": packed, // as the old tool's prune leaves it
		"same.json": strings.ToUpper(text), "same.json.gz": packed, // as long as what is packed
		"broken.json": text, "broken.json.gz": "no gzip",
		"image.img": text, "image.img.gz": packed, // an image of its own, by another name
	})
	h := handler(t, dir)
	for _, c := range []struct {
		path, accept string
		packed       bool
	}{
		{"/a.json", "gzip", true},
		{"/a.json", "br, GZIP;q=0.5", true},
		{"/a.json", "gzip;q=0", false},
		{"/a.json", "gzip;q=x", false},
		{"/a.json", "", false},
		{"/a.json", "deflate", false},
		{"/old.json", "gzip", false},
		{"/same.json", "gzip", false},
		{"/broken.json", "gzip", false},
		{"/image.img", "gzip", false},
	} {
		r := ask(h, "GET", c.path, "Accept-Encoding: "+c.accept)
		body := bodyOf(t, r)
		if got := r.Header.Get("Content-Encoding") == "gzip"; got != c.packed || got != (body == packed) {
			t.Errorf("%s accepting %q: packed %v, %d bytes", c.path, c.accept, got, len(body))
		}
	}
	plain, zipped := ask(h, "GET", "/a.json").Header, ask(h, "GET", "/a.json", "Accept-Encoding: gzip").Header
	if plain.Get("ETag") == zipped.Get("ETag") {
		t.Errorf("both forms have the ETag %s", plain.Get("ETag"))
	}
	if plain.Get("Vary") != "Accept-Encoding" || zipped.Get("Vary") != "Accept-Encoding" {
		t.Errorf("Vary: %q, %q", plain.Get("Vary"), zipped.Get("Vary"))
	}
	// a new text is noticed, although the answer was remembered
	if err := os.WriteFile(filepath.Join(dir, "a.json"), []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	if body := bodyOf(t, ask(h, "GET", "/a.json", "Accept-Encoding: gzip")); body != "{}" {
		t.Errorf("after a change: %d bytes", len(body))
	}
}

func TestHandlerBelowAPath(t *testing.T) {
	h := handler(t, tree(t, map[string]string{"sub/index.html": "sub"}))
	server := httptest.NewServer(http.StripPrefix("/mirror", h))
	defer server.Close()
	r, err := http.Get(server.URL + "/mirror/sub?x=1")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if got := r.Request.URL.String(); got != server.URL+"/mirror/sub/?x=1" || bodyOf(t, r) != "sub" {
		t.Errorf("%d at %s", r.StatusCode, got)
	}
}

// fileWriter notes whether an answer came as a file, which the kernel can send by itself.
type fileWriter struct {
	*httptest.ResponseRecorder
	files int
}

func (w *fileWriter) ReadFrom(r io.Reader) (int64, error) {
	if limited, ok := r.(*io.LimitedReader); ok {
		if _, ok := limited.R.(*os.File); ok {
			w.files++
		}
	}
	return io.Copy(w.ResponseRecorder, r)
}

func TestLogKeepsSendfile(t *testing.T) {
	log, lines := testLog()
	h := web.Log(handler(t, tree(t, map[string]string{"a.img": "0123456789"})), log)
	w := &fileWriter{ResponseRecorder: httptest.NewRecorder()}
	h.ServeHTTP(w, httptest.NewRequest("GET", "/a.img", nil))
	if w.files != 1 {
		t.Error("the file was copied through the program")
	}
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/gone?x", nil))
	want := []string{
		"level=INFO msg=request remote=192.0.2.1:1234 method=GET path=/a.img status=200 bytes=10 took=T agent=\"\"",
		"level=INFO msg=request remote=192.0.2.1:1234 method=GET path=/gone status=404 bytes=10 took=T agent=\"\"",
	}
	if diff := cmp.Diff(want, lines()); diff != "" {
		t.Error(diff)
	}
}

func FuzzHandler(f *testing.F) {
	dir := tree(f, map[string]string{"a/b.json": "{}", "index.html": "<p>", ".secret": "secret", "a/.secret": "secret"})
	if err := os.WriteFile(filepath.Join(filepath.Dir(dir), "outside"), []byte("secret"), 0o644); err != nil {
		f.Fatal(err)
	}
	h := handler(f, dir)
	for _, path := range []string{"/", "/a/b.json", "/a", "/../outside", "//outside", "/a/../../outside", "/.secret", "/a/./.secret", "/a\x00", "outside"} {
		f.Add(path, "gzip")
	}
	f.Fuzz(func(t *testing.T, path, accept string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.URL.Path = path
		r.Header.Set("Accept-Encoding", accept)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if strings.Contains(w.Body.String(), "secret") || w.Code >= 500 {
			t.Errorf("%q: %d %q", path, w.Code, w.Body)
		}
	})
}

func BenchmarkHandler(b *testing.B) {
	dir := tree(b, map[string]string{"a/b/c.img": strings.Repeat("x", 4096), "s.json": strings.Repeat("x", 1<<20)})
	if err := os.WriteFile(filepath.Join(dir, "s.json.gz"), []byte(gzipped(b, strings.Repeat("x", 1<<20))), 0o644); err != nil {
		b.Fatal(err)
	}
	h := handler(b, dir)
	for name, c := range map[string][2]string{"image": {"/a/b/c.img", ""}, "compressed": {"/s.json", "gzip"}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if r := ask(h, "GET", c[0], "Accept-Encoding: "+c[1]); r.StatusCode != 200 {
					b.Fatal(r.Status)
				}
			}
		})
	}
}

// TestHandlerDuringPublication asks for a document while it is replaced, again and again, together with its directory.
func TestHandlerDuringPublication(t *testing.T) {
	dir := tree(t, map[string]string{"streams/v1/index.json": "{}"})
	h := handler(t, dir)
	s, err := store.OpenDir(dir, store.DirOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	published := make(chan error, 1)
	go func() {
		for i := range 200 {
			if err := s.Replace(t.Context(), storetest.Contents(map[string][]byte{"streams/v1/index.json": []byte(strings.Repeat(" ", i) + "{}"), "streams/v1/images.json": nil}), nil); err != nil {
				published <- err
				return
			}
		}
		published <- nil
	}()
	for asked := 0; ; asked++ {
		r := ask(h, "GET", "/streams/v1/index.json")
		if body := bodyOf(t, r); r.StatusCode != 200 || strings.TrimSpace(body) != "{}" {
			t.Fatalf("after %d answers: %s %q", asked, r.Status, body)
		}
		select {
		case err := <-published:
			if err != nil {
				t.Error(err)
			}
			return
		default:
		}
	}
}
