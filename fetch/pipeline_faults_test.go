package fetch_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-43fb3962/sstream/fetch"
	"github.com/seed-43fb3962/sstream/fetch/fetchtest"
)

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
				// Answers may be lost when a server hangs up, but each connection brings two, or items are asked for alone from then on.
				if n := len(s.Log()); n > len(items)*len(items) {
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
			connections := 0
			bubble(t, files, func(t *testing.T, s *fetchtest.Server, m *fetch.Mirror) {
				s.Fail("", -1, limited(limit))
				readThrough(t, m, items)
				if n, want := s.Sent(), (len(items)+limit-1)/limit; n != len(items) || connections != want {
					t.Errorf("%d items were sent over %d connections, want %d over %d", n, connections, len(items), want)
				}
			}, counting(&connections))
			// With requests unread, the kernel resets the connection that a server closes, and what it has not yet sent is lost.
			s := fetchtest.New(t, files)
			s.Fail("", -1, limited(limit))
			readThrough(t, open(t, s.URL, never()), items)
		})
	}
}

// limited hangs up after every so many answers.
func limited(limit int) fetchtest.Fault {
	var served atomic.Int64
	return func(w http.ResponseWriter, r *http.Request, body []byte, next http.Handler) {
		if int(served.Add(1))%limit == 0 {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
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
		items = append(items, itemOf(path, body))
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
			respond(c, body)
		}
	})
	o := never()
	log := logged(&o)
	readThrough(t, open(t, root, o), items)
	if !strings.Contains(log.String(), " is not it") {
		t.Errorf("nothing was mixed up: %q", log)
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

// TestPipelineCancelledLate: who is told to end when an answer has come already has not met a fault of the server.
func TestPipelineCancelledLate(t *testing.T) {
	files, items := many(20)
	why := errors.New("interrupted")
	var cancel context.CancelCauseFunc
	var log *bytes.Buffer
	bubble(t, files, func(t *testing.T, _ *fetchtest.Server, m *fetch.Mirror) {
		p := m.Pipeline(items)
		defer p.Close()
		var ctx context.Context
		ctx, cancel = context.WithCancelCause(t.Context())
		if err := read(ctx, p, items, 0); !errors.Is(err, why) {
			t.Error(err)
		}
		for i := range items {
			if err := read(t.Context(), p, items, i); err != nil {
				t.Error(err)
			}
		}
		readThrough(t, m, items)
		if log.Len() > 0 {
			t.Error(log)
		}
	}, func(o *fetch.Options) {
		log = logged(o)
		dial := o.Dial
		o.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := dial(ctx, network, address)
			return &noticed{c, func() { cancel(why) }}, err
		}
	})
}

// noticed is a connection that tells when something has been read.
type noticed struct {
	net.Conn
	tell func()
}

func (c *noticed) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.tell()
	return n, err
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
				respond(c, files[r.URL.Path[1:]])
			}
		})
		o := never()
		log := logged(&o)
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

// TestPipelineDeaf: a server that reads no more of what it is asked is given up as soon as one that says no more, though it
// owes an answer.
func TestPipelineDeaf(t *testing.T) {
	files, items := many(40)
	var log *bytes.Buffer
	bubble(t, files, func(t *testing.T, s *fetchtest.Server, m *fetch.Mirror) {
		start := time.Now()
		readThrough(t, m, items)
		about(t, start, 10*time.Second)
		if n := s.Sent(); n != len(items)-2 || !strings.Contains(log.String(), "one by one") || !strings.Contains(log.String(), "timeout") {
			t.Errorf("%d items were asked for again: %q", n, log)
		}
	}, func(o *fetch.Options) {
		log = logged(o)
		dial, connections := o.Dial, 0
		o.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			if connections++; connections > 1 {
				return dial(ctx, network, address)
			}
			here, there := net.Pipe()
			go deaf(there, files)
			return here, nil
		}
	})
}

// deaf reads three requests, and answers as long as it is listened to.
func deaf(c net.Conn, files map[string]string) {
	requests := make(chan *http.Request)
	go func() {
		defer close(requests)
		in := bufio.NewReader(c)
		for range 3 {
			r, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			requests <- r
		}
	}()
	for r := range requests {
		respond(c, files[r.URL.Path[1:]])
	}
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
				respond(c, body)
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
		m, err := fetch.Open("http://localhost/", o)
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
