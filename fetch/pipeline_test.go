package fetch_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
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
		items = append(items, fetch.Item{Path: path, Size: int64(len(body)), Digest: streams.Digest{
			Algorithm: "sha256", Hex: fmt.Sprintf("%x", sha256.Sum256([]byte(body))),
		}})
	}
	return files, items
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

// paths are what was asked for, as often as it was.
func paths(requests []string) (all []string) {
	for _, r := range requests {
		all = append(all, strings.TrimPrefix(r, "GET /"))
	}
	return all
}

// TestPipeline: everything is asked for once, in order, over one connection, by whichever pipeline.
func TestPipeline(t *testing.T) {
	files, items := many(100)
	s := fetchtest.New(t, files)
	m := open(t, s.URL, never())
	var want []string
	for _, it := range items {
		want = append(want, it.Path)
	}
	readThrough(t, m, items)
	readThrough(t, m, items)
	log := s.Log()
	var got []string
	for _, r := range log {
		got = append(got, strings.TrimPrefix(r.URL.Path, "/"))
		if r.RemoteAddr != log[0].RemoteAddr {
			t.Fatalf("%s came over another connection", r.URL)
		}
	}
	if !slices.Equal(got, slices.Concat(want, want)) {
		t.Errorf("%q", got)
	}
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

// TestPipelineDepth: a new server is asked for two items at once, one that has answered for many.
func TestPipelineDepth(t *testing.T) {
	files, items := many(100)
	depths := make(chan int, len(items))
	root := scripted(t, func(_ int, c net.Conn) {
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
			for wait := 0; wait < 20 && len(requests) < 31; wait++ { // whatever is coming comes in this time
				time.Sleep(time.Millisecond)
			}
			depths <- 1 + len(requests)
			body := files[r.URL.Path[1:]]
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		}
	})
	readThrough(t, open(t, root, never()), items)
	close(depths)
	var all []int
	for d := range depths {
		all = append(all, d)
	}
	if all[0] > 2 || slices.Max(all) > 32 || slices.Max(all) < 16 {
		t.Errorf("under way: %d", all)
	}
}

// TestPipelineFaults: whatever a server does, every item is there in the end, as if it had been asked for alone.
func TestPipelineFaults(t *testing.T) {
	files, items := many(40)
	wrong := strings.Repeat("x", len(files["f020"]))
	tests := []struct {
		name  string
		fault fetchtest.Fault
		times int
	}{
		{"busy", fetchtest.Status(503), 2},
		{"not there, or so it says", fetchtest.Status(404), 1},
		{"cut", fetchtest.Cut(5), 2},
		{"reset", fetchtest.Reset(5), 2},
		{"reset at once", fetchtest.Reset(0), 2},
		{"wrong", fetchtest.Instead(wrong), 1},
		{"short", fetchtest.Short(5), 1},
		{"endless", fetchtest.Endless, 1},
		{"chunked", fetchtest.Chunked, -1},
		{"packed", fetchtest.Packed, -1},
		{"labelled as packed", fetchtest.Labelled, -1},
		{"hangs up after it", closing, -1},
		{"informs first", func(w http.ResponseWriter, r *http.Request, _ []byte, next http.Handler) {
			w.WriteHeader(http.StatusEarlyHints)
			next.ServeHTTP(w, r)
		}, -1},
	}
	for _, test := range tests {
		for _, match := range []string{"f000", "f001", "f020", "f039", "f"} {
			t.Run(test.name+" "+match, func(t *testing.T) {
				s := fetchtest.New(t, files)
				s.Fail(match, test.times, test.fault)
				readThrough(t, open(t, s.URL, quick(nil)), items)
				if n := len(s.Log()); n > 3*len(items) {
					t.Errorf("%d requests for %d items", n, len(items))
				}
			})
		}
	}
}

func closing(w http.ResponseWriter, r *http.Request, _ []byte, next http.Handler) {
	w.Header().Set("Connection", "close")
	next.ServeHTTP(w, r)
}

// TestPipelineLimits: servers that hang up after so many requests are asked for the rest over another connection.
func TestPipelineLimits(t *testing.T) {
	files, items := many(100)
	for _, limit := range []int{1, 2, 3, 10, 33} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			s, served := fetchtest.New(t, files), 0
			s.Fail("", -1, func(w http.ResponseWriter, r *http.Request, body []byte, next http.Handler) {
				if served++; served%limit == 0 {
					closing(w, r, body, next)
					return
				}
				next.ServeHTTP(w, r)
			})
			readThrough(t, open(t, s.URL, never()), items)
			connections := map[string]bool{}
			for _, r := range s.Log() {
				connections[r.RemoteAddr] = true
			}
			if n := len(connections); n > len(items)/limit+1 {
				t.Errorf("%d connections", n)
			}
			if n := s.Sent(); n != len(items) {
				t.Errorf("%d items were sent", n)
			}
		})
	}
}

// TestPipelineOldServer: one that answers once and hangs up, whether it says so or not, is soon asked in the old way.
func TestPipelineOldServer(t *testing.T) {
	files, items := many(40)
	for _, header := range []string{"HTTP/1.0 200 OK\r\n", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n", "HTTP/1.1 200 OK\r\n"} {
		var mu sync.Mutex
		connections := 0
		root := scripted(t, func(n int, c net.Conn) {
			mu.Lock()
			connections = max(connections, n+1)
			mu.Unlock()
			in := bufio.NewReader(c)
			r, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			body := files[r.URL.Path[1:]]
			fmt.Fprintf(c, "%sContent-Length: %d\r\n\r\n%s", header, len(body), body)
		})
		readThrough(t, open(t, root, never()), items)
		mu.Lock()
		if connections > len(items)+1 {
			t.Errorf("%q: %d connections for %d items", header, connections, len(items))
		}
		mu.Unlock()
	}
}

// TestPipelineMixedUp: answers that come in another order are found out, and the items asked for again one by one.
func TestPipelineMixedUp(t *testing.T) {
	files := map[string]string{}
	var items []fetch.Item
	for i := range 40 {
		path, body := fmt.Sprintf("f%02d", i), fmt.Sprintf("content %02d", i)
		files[path] = body
		items = append(items, fetch.Item{Path: path, Size: int64(len(body)), Digest: streams.Digest{
			Algorithm: "sha256", Hex: fmt.Sprintf("%x", sha256.Sum256([]byte(body))),
		}})
	}
	root := scripted(t, func(n int, c net.Conn) {
		var before string
		for in := bufio.NewReader(c); ; {
			r, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			body := files[r.URL.Path[1:]]
			if in.Buffered() > 0 || before != "" { // more than one under way: each gets the one before
				body, before = before, body
			}
			if body == "" {
				body = before
			}
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		}
	})
	readThrough(t, open(t, root, never()), items)
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
	big[3] = fetch.Item{Path: "large", Size: int64(len(large)), Digest: streams.Digest{
		Algorithm: "sha256", Hex: fmt.Sprintf("%x", sha256.Sum256([]byte(large))),
	}}
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
		if got := s.Requests(); len(got) != 1 {
			t.Errorf("%s: %q", name, got)
		}
		readThrough(t, m, test.items)
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

// TestPipelineStalls: a server that says no more is soon asked in the old way, which has more patience.
func TestPipelineStalls(t *testing.T) {
	files, items := many(20)
	for name, fault := range map[string]func(s *fetchtest.Server) fetchtest.Fault{
		"no answer": func(s *fetchtest.Server) fetchtest.Fault { return s.Stall(0) },
		"no more":   func(s *fetchtest.Server) fetchtest.Fault { return s.Stall(5) },
	} {
		for _, match := range []string{"f001", "f012"} {
			t.Run(name+" "+match, func(t *testing.T) {
				bubble(t, files, func(t *testing.T, s *fetchtest.Server, m *fetch.Mirror) {
					s.Fail(match, 1, fault(s))
					start := time.Now()
					readThrough(t, m, items)
					about(t, start, 10*time.Second)
				})
			})
		}
	}
}

// TestPipelineCancel: who is told to end does not wait for a server, not even to leave the pipeline in order.
func TestPipelineCancel(t *testing.T) {
	files, items := many(20)
	why := errors.New("interrupted")
	for name, fault := range map[string]func(s *fetchtest.Server) fetchtest.Fault{
		"before the answer": func(s *fetchtest.Server) fetchtest.Fault { return s.Stall(0) },
		"in the middle":     func(s *fetchtest.Server) fetchtest.Fault { return s.Stall(5) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, files, func(t *testing.T, s *fetchtest.Server, m *fetch.Mirror) {
				s.Fail("f012", -1, fault(s))
				p := m.Pipeline(items)
				defer p.Close()
				start := time.Now()
				for i := range 12 { // each with a context of its own
					ctx, cancel := context.WithCancel(t.Context())
					if err := read(ctx, p, items, i); err != nil {
						t.Fatal(err)
					}
					cancel()
				}
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(5*time.Second, func() { cancel(why) })
				if err := read(ctx, p, items, 12); !errors.Is(err, why) || time.Since(start) != 5*time.Second {
					t.Errorf("%v after %v", err, time.Since(start))
				}
				again := m.Pipeline(items)
				defer again.Close()
				if err := read(t.Context(), again, items, 0); err != nil {
					t.Errorf("the next pipeline: %v", err)
				}
			})
		})
	}
}

// TestPipelineStale: that a server ends idle connections, in whichever way, is nobody's fault.
func TestPipelineStale(t *testing.T) {
	files, items := many(100)
	for _, last := range []string{"", "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"} {
		first, ended := make(chan net.Conn, 1), make(chan bool)
		root := scripted(t, func(n int, c net.Conn) {
			if n == 0 {
				first <- c
				defer close(ended)
			}
			for in := bufio.NewReader(c); ; {
				r, err := http.ReadRequest(in)
				if err != nil {
					return
				}
				body := files[r.URL.Path[1:]]
				fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
			}
		})
		o, log := never(), new(bytes.Buffer)
		o.Logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		o.Bearer = strings.Repeat("x", 1000) // so that requests take several packets
		m := open(t, root, o)
		readThrough(t, m, items)
		c := <-first
		_, _ = io.WriteString(c, last)
		c.Close()
		<-ended
		readThrough(t, m, items)
		readThrough(t, m, items)
		if log.Len() > 0 {
			t.Error(log)
		}
	}
}

// TestPipelineDeaf: a server that does not read what it is asked is given up as well.
func TestPipelineDeaf(t *testing.T) {
	files, items := many(10)
	ended := make(chan bool)
	defer close(ended)
	root := scripted(t, func(n int, c net.Conn) {
		_ = c.(*net.TCPConn).SetReadBuffer(16 << 10)
		in := bufio.NewReader(c)
		for answers := 0; n > 0 || answers < 2; answers++ {
			r, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			body := files[r.URL.Path[1:]]
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		}
		<-ended
	})
	o := never()
	o.HeaderTimeout = time.Second
	o.Bearer = strings.Repeat("x", 64<<10)
	o.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, address)
		if err == nil {
			_ = c.(*net.TCPConn).SetWriteBuffer(16 << 10)
		}
		return c, err
	}
	readThrough(t, open(t, root, o), items)
}

// TestPipelineMemory: a header that never ends is given up long before it fills the memory.
func TestPipelineMemory(t *testing.T) {
	files, items := many(10)
	var most int64
	var mu sync.Mutex
	root := scripted(t, func(n int, c net.Conn) {
		in := bufio.NewReader(c)
		for {
			r, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			if body := files[r.URL.Path[1:]]; n > 0 || r.URL.Path != "/f005" {
				fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
				continue
			}
			sent, _ := io.Copy(c, io.MultiReader(strings.NewReader("HTTP/1.1 200 OK\r\nX: "), zeros{}))
			mu.Lock()
			most = max(most, sent)
			mu.Unlock()
			return
		}
	})
	readThrough(t, open(t, root, never()), items)
	mu.Lock()
	defer mu.Unlock()
	if most > 64<<20 { // most of that is in the buffers of the kernel
		t.Errorf("%d bytes of header were sent", most)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}

// FuzzPipeline: nothing that a server sends gets past the size and the digest, or hangs.
func FuzzPipeline(f *testing.F) {
	files, items := many(4)
	good := ""
	for _, it := range items {
		good += fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", it.Size, files[it.Path])
	}
	f.Add([]byte(good))
	f.Add([]byte(strings.Replace(good, "1.1", "1.0", 1)))
	f.Add([]byte(strings.Replace(good, "200 OK\r\n", "200 OK\r\nConnection: close\r\n", 1)))
	f.Add([]byte(strings.Replace(good, "200 OK\r\n", "404 Not Found\r\n", 2)))
	f.Add([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"))
	f.Fuzz(func(t *testing.T, answer []byte) {
		o := never()
		o.Dial = func(context.Context, string, string) (net.Conn, error) {
			here, there := net.Pipe()
			go io.Copy(io.Discard, there)
			go func() {
				_, _ = io.Copy(there, bytes.NewReader(answer))
				there.Close()
			}()
			return here, nil
		}
		m, err := fetch.Open("http://mirror.example/", o)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		p := m.Pipeline(items)
		defer p.Close()
		for i, it := range items {
			in, err := p.Content(i).Open(t.Context(), 0)
			if err != nil {
				continue
			}
			if got, err := io.ReadAll(in); err == nil && int64(len(got)) != it.Size {
				t.Errorf("item %d has %d bytes, want %d", i, len(got), it.Size)
			}
			in.Close()
		}
	})
}
