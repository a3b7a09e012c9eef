package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
)

const (
	twoDocuments = `{"format": "index:1.0", "index": {"a": {"path": "a.json", "format": "products:1.0"}, "b": {"path": "b.json", "format": "products:1.0"}}}`
	oneItem      = `{"format": "products:1.0", "content_id": "c", "products": {"p": {"versions": {"1": {"items": {"i": {"path": "x"}}}}}}}`
)

// TestRowsComeEarly reads the first row, in every format that can have one then, while the second document is held back.
func TestRowsComeEarly(t *testing.T) {
	for _, format := range []string{"--format=table", "--format=jsonl", "--format=yaml", "--format=csv", "--format=tsv", "--template={{.path}}", "-o%(path)s", "--pretty"} {
		t.Run(format, func(t *testing.T) {
			release := make(chan struct{})
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch r.URL.Path {
				case "/index.json":
					io.WriteString(w, twoDocuments)
				case "/b.json":
					<-release
					fallthrough
				default:
					io.WriteString(w, oneItem)
				}
			}))
			defer server.Close()
			out, in := io.Pipe()
			done := make(chan int, 1)
			a, _, errs := testApp(t)
			a.stdout = in
			go func() {
				code := a.run(t.Context(), []string{"sstream", "query", "--path=index.json", format, server.URL})
				in.Close()
				done <- code
			}()
			lines := bufio.NewReader(out)
			if line, err := lines.ReadString('\n'); err != nil {
				t.Errorf("%q, %v", line, err)
			}
			close(release)
			rest, err := io.ReadAll(lines)
			if code := <-done; code != 0 || err != nil || len(rest) == 0 {
				t.Errorf("exit code %d, %v, %q", code, err, errs)
			}
		})
	}
}

// TestLongListBegins shows that a JSON list that cannot be taken back any more is seen to be cut off.
func TestLongListBegins(t *testing.T) {
	var items strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&items, `,"i%d": {"path": "x"}`, i)
	}
	long := strings.Replace(oneItem, `"i": {"path": "x"}`, items.String()[1:], 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/index.json":
			io.WriteString(w, twoDocuments)
		case "/a.json":
			io.WriteString(w, long)
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	a, out, errs := testApp(t)
	if code := a.run(t.Context(), []string{"sstream-query", "--path=index.json", "--json", server.URL}); code != exitFailed {
		t.Errorf("exit code %d: %s", code, errs)
	}
	if text := out.String(); !strings.HasPrefix(text, "[\n") || strings.HasSuffix(text, "]\n") {
		t.Errorf("printed %d bytes, the last: %q", len(text), text[max(0, len(text)-20):])
	}
	if !strings.Contains(errs.String(), "b.json") {
		t.Errorf("said %s", errs)
	}
}

// brokenPipe is what nobody reads any more.
type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, fmt.Errorf("write: %w", syscall.EPIPE) }

// fullDisk is another reason.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestOutputThatFails(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, oneItem) }))
	defer server.Close()
	for _, c := range []struct {
		out  io.Writer
		code int
		says string
	}{
		{brokenPipe{}, exitPipe, ""},
		{fullDisk{}, exitFailed, "sstream-query: error: no space left on device\n"},
	} {
		a, _, errs := testApp(t)
		a.stdout = c.out
		if code := a.run(t.Context(), []string{"sstream-query", "--path=c.json", server.URL}); code != c.code || errs.String() != c.says {
			t.Errorf("exit code %d, %q; want %d, %q", code, errs, c.code, c.says)
		}
	}
}

func TestCompareValues(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"9", "10", -1}, {"1.5", "1.50", -1}, {"a", "b", -1}, {"10", "a", -1}, {"a", "10", 1}, {"", "1", 1}, {"x", "x", 0}, {"24.04", "24.10", -1},
	} {
		if got := compareValues(c.a, c.b); got != c.want {
			t.Errorf("%q and %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
