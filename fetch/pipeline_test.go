package fetch_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-43fb3962/sstream/fetch"
	"github.com/seed-43fb3962/sstream/fetch/fetchtest"
	"github.com/seed-43fb3962/sstream/streams"
)

// many are files f000, f001 and so on, each of another content and size, and as they are listed.
func many(n int) (map[string]string, []fetch.Item) {
	files, items := map[string]string{}, []fetch.Item{}
	for i := range n {
		path, body := fmt.Sprintf("f%03d", i), strings.Repeat(fmt.Sprint(i, " "), 5+i*7%100)
		if i == 30 {
			body = ""
		}
		files[path] = body
		items = append(items, itemOf(path, body))
	}
	return files, items
}

func itemOf(path, body string) fetch.Item {
	return fetch.Item{Path: path, Size: int64(len(body)), Digest: streams.Digest{
		Algorithm: "sha256", Hex: fmt.Sprintf("%x", sha256.Sum256([]byte(body))),
	}}
}

// read reads and checks item i of p, once more if it is not what it should be, as a mirror does.
func read(ctx context.Context, p *fetch.Pipeline, items []fetch.Item, i int) error {
	c := p.Content(i)
	var err error
	for range 2 {
		var in io.ReadCloser
		if in, err = c.Open(ctx, 0); err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, c.Verify(items[i].Path, in))
		in.Close()
		if err == nil {
			return nil
		}
	}
	return err
}

// readThrough reads items through one pipeline.
func readThrough(t *testing.T, m *fetch.Mirror, items []fetch.Item) {
	t.Helper()
	p := m.Pipeline(items)
	defer p.Close()
	for i := range items {
		if err := read(t.Context(), p, items, i); err != nil {
			t.Fatalf("item %d: %v", i, err)
		}
	}
}

// TestPipeline: everything is asked for once, in order, over one connection, by whichever pipeline.
func TestPipeline(t *testing.T) {
	files, items := many(100)
	var want []string
	for _, it := range items {
		want = append(want, "GET /"+it.Path)
	}
	connections := 0
	bubble(t, files, func(t *testing.T, s *fetchtest.Server, m *fetch.Mirror) {
		readThrough(t, m, items)
		readThrough(t, m, items)
		if got := s.Requests(); !slices.Equal(got, slices.Concat(want, want)) || connections != 1 {
			t.Errorf("over %d connections: %q", connections, got)
		}
	}, counting(&connections))
}

// logged returns the log of everything that goes wrong.
func logged(o *fetch.Options) *bytes.Buffer {
	log := new(bytes.Buffer)
	o.Logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	return log
}

// scripted is a server of connections.
func scripted(t *testing.T, serve func(n int, c net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	t.Cleanup(func() { l.Close(); all.Wait() })
	all.Go(func() {
		for n := 0; ; n++ {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { defer c.Close(); serve(n, c) })
		}
	})
	return "http://" + l.Addr().String() + "/"
}

// respond answers a request with a file.
func respond(c net.Conn, body string) {
	fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// TestPipelineDepth: a new server is asked for two items at once, one that has answered for many.
func TestPipelineDepth(t *testing.T) {
	files, items := many(100)
	var depths []int
	serve := func(c net.Conn) {
		requests := make(chan *http.Request, len(items))
		go func() {
			defer close(requests)
			for in := bufio.NewReader(c); ; {
				r, err := http.ReadRequest(in)
				if err != nil {
					return
				}
				requests <- r
			}
		}()
		for r := range requests {
			time.Sleep(time.Second) // until everybody waits: then what is to come has come
			depths = append(depths, 1+len(requests))
			respond(c, files[r.URL.Path[1:]])
		}
	}
	bubble(t, files, func(t *testing.T, _ *fetchtest.Server, m *fetch.Mirror) { readThrough(t, m, items) }, func(o *fetch.Options) {
		o.Dial = func(context.Context, string, string) (net.Conn, error) {
			here, there := net.Pipe()
			go serve(there)
			return here, nil
		}
	})
	if len(depths) != len(items) || depths[0] != 2 || slices.Max(depths) != 32 {
		t.Errorf("under way: %d", depths)
	}
}

// TestPipelineOrder: items may be read in any order, in part or not at all.
func TestPipelineOrder(t *testing.T) {
	files, items := many(60)
	s := fetchtest.New(t, files)
	m := open(t, s.URL, never())
	p := m.Pipeline(items)
	defer p.Close()
	for _, i := range []int{3, 4, 1, 2, 50, 51, 10, 4, 52, 53, 59, 0} {
		if i == 52 {
			in, err := p.Content(i).Open(t.Context(), 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(in, make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			in.Close()
			continue
		}
		if err := read(t.Context(), p, items, i); err != nil {
			t.Errorf("item %d: %v", i, err)
		}
	}
	early, err := p.Content(59).Open(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	p.Close()
	if got, err := io.ReadAll(early); string(got) != files["f059"] || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if err := read(t.Context(), p, items, 5); err != nil {
		t.Errorf("after the end: %v", err)
	}
}

// TestPipelineOfMany: several goroutines may share one, though that is of no use.
func TestPipelineOfMany(t *testing.T) {
	files, items := many(60)
	s := fetchtest.New(t, files)
	m := open(t, s.URL, never())
	p := m.Pipeline(items)
	var all sync.WaitGroup
	for start := range 4 {
		all.Go(func() {
			for i := start; i < len(items); i += 3 {
				if err := read(t.Context(), p, items, i); err != nil {
					t.Errorf("item %d: %v", i, err)
				}
			}
			p.Close()
		})
	}
	all.Wait()
}

// TestPipelineSecrets: what opens the server is told with every request.
func TestPipelineSecrets(t *testing.T) {
	files, items := many(10)
	s := fetchtest.Handler(files)
	h := httptest.NewTLSServer(s)
	defer h.Close()
	o := never()
	o.Header = http.Header{"X-Key": {"secret"}}
	o.CAFile = caFile(t, h)
	readThrough(t, open(t, withUser(h.URL, "user:secret")+"/", o), items)
	log := s.Log()
	for _, r := range log {
		if user, _, ok := r.BasicAuth(); !ok || user != "user" || r.Header.Get("X-Key") != "secret" || r.UserAgent() != "sstream" ||
			r.Header.Get("Accept-Encoding") != "identity" || r.RemoteAddr != log[0].RemoteAddr {
			t.Fatalf("%s from %s: %q", r.URL, r.RemoteAddr, r.Header)
		}
	}
	o.CAFile = ""
	m := open(t, h.URL, o)
	if err := read(t.Context(), m.Pipeline(items), items, 0); err == nil || !strings.Contains(err.Error(), "unknown authority") {
		t.Errorf("%v", err)
	}
}

// TestPipelineNot: what is not to be asked for ahead is not.
func TestPipelineNot(t *testing.T) {
	files, items := many(5)
	large := noise(fetch.MaxPipelined + 1)
	files["large"] = large
	unsized, unchecked, big := slices.Clone(items), slices.Clone(items), slices.Clone(items)
	unsized[3].Size, unchecked[3].Digest = -1, streams.Digest{}
	big[3] = itemOf("large", large)
	limited := never()
	limited.MaxConns = 1
	for name, test := range map[string]struct {
		items []fetch.Item
		o     fetch.Options
	}{
		"size not known": {unsized, never()}, "no digest": {unchecked, never()}, "large": {big, never()}, "few connections": {items, limited},
	} {
		s := fetchtest.New(t, files)
		m := open(t, s.URL, test.o)
		p := m.Pipeline(test.items)
		in, err := p.Content(0).Open(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		in.Close()
		readThrough(t, m, test.items)
		if got := s.Requests(); len(got) != 1+len(items) { // of one more the first pipeline would have asked ahead
			t.Errorf("%s: %q", name, got)
		}
	}
	dir := t.TempDir()
	write(t, dir, files)
	readThrough(t, open(t, dir, never()), items)
	readThrough(t, open(t, dir, never()), nil)
}

// TestPipelineBehind: other mirrors have what the root does not send.
func TestPipelineBehind(t *testing.T) {
	files, items := many(80)
	s, behind := fetchtest.New(t, files), fetchtest.New(t, files)
	s.Remove("f010")
	s.FailAfter("f05", 5, -1, fetchtest.Status(500))
	o := never()
	o.Mirrors = []string{behind.URL}
	readThrough(t, open(t, s.URL, o), items)
	if got := behind.Requests(); got[0] != "GET /f010" {
		t.Errorf("%q", got)
	}
}
