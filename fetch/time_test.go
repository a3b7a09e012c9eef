package fetch_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-43fb3962/sstream/fetch"
	"github.com/seed-43fb3962/sstream/fetch/fetchtest"
	"github.com/seed-43fb3962/sstream/streams"
)

// bubble runs a test in which time passes only while all goroutines wait. No kernel and no proxy of the environment is between
// client and server: nothing is lost on the way.
func bubble(t *testing.T, files map[string]string, f func(t *testing.T, s *fetchtest.Server, m *fetch.Mirror), change ...func(o *fetch.Options)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := fetchtest.Handler(files)
		o := fetch.Options{HTTP: fetch.HTTP{Dial: s.Dial(t), Random: func() float64 { return 0 }}}
		for _, c := range change {
			c(&o)
		}
		m := open(t, "http://localhost/", o)
		f(t, s, m)
		m.Close()
	})
}

// counting counts the connections that are made.
func counting(n *int) func(o *fetch.Options) {
	return func(o *fetch.Options) {
		dial := o.Dial
		o.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			*n++
			return dial(ctx, network, address)
		}
	}
}

// about fails the test unless the time since then is want, but for the second of a wait.
func about(t *testing.T, since time.Time, want time.Duration) {
	t.Helper()
	if d := time.Since(since); d < want || d > want+5*time.Second {
		t.Errorf("it took %v, want %v", d, want)
	}
}

func TestStalls(t *testing.T) {
	body := noise(100_000)
	files := map[string]string{"a": body, "d.json": products + strings.Repeat(" ", 1000)}
	tests := []struct {
		name  string
		fault func(s *fetchtest.Server) fetchtest.Fault
		want  time.Duration
		err   string
	}{
		{"no answer", func(s *fetchtest.Server) fetchtest.Fault { return s.Stall(0) }, time.Minute, "no answer within 1m0s"},
		{"no more", func(s *fetchtest.Server) fetchtest.Fault { return s.Stall(50) }, time.Minute, "the server sent nothing for 1m0s"},
		{"too slow", func(s *fetchtest.Server) fetchtest.Fault { return drip(1, time.Second) }, time.Minute, "less than 1024 bytes a second"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, files, func(t *testing.T, s *fetchtest.Server, m *fetch.Mirror) {
				s.Fail("", 1, test.fault(s))
				start := time.Now()
				if got, err := readItem(m, "a", int64(len(body)), 0); got != body || err != nil {
					t.Fatalf("%d bytes, %v", len(got), err)
				}
				about(t, start, test.want)

				s.Fail("", 1, test.fault(s))
				start = time.Now()
				if _, err := m.Document(context.Background(), "d.json"); err != nil {
					t.Fatal(err)
				}
				about(t, start, test.want)
			})
			bubble(t, files, func(t *testing.T, s *fetchtest.Server, m *fetch.Mirror) {
				s.Fail("", -1, test.fault(s))
				start := time.Now()
				if _, err := readItem(m, "a", int64(len(body)), 0); err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("%v, want %q", err, test.err)
				}
				about(t, start, 5*test.want)
				if _, err := m.Document(context.Background(), "d.json"); err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("%v, want %q", err, test.err)
				}
			})
		})
	}
}

// drip sends so many bytes each time.
func drip(n int, every time.Duration) fetchtest.Fault {
	return func(w http.ResponseWriter, r *http.Request, body []byte, _ http.Handler) {
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		for len(body) > 0 && r.Context().Err() == nil {
			_, _ = w.Write(body[:n])
			_ = http.NewResponseController(w).Flush()
			body = body[n:]
			select {
			case <-time.After(every):
			case <-r.Context().Done():
			}
		}
	}
}

// Several documents are read at once, in their order; who wants to choose is asked for one after the other.
func TestWalkAtOnce(t *testing.T) {
	files := map[string]string{}
	var paths []string
	for i := range 8 {
		paths = append(paths, fmt.Sprintf("%d.json", i))
		files[paths[i]] = products
	}
	files["i.json"] = index(paths...)
	all := func(*streams.Index, string, *streams.Entry) (bool, error) { return true, nil }
	for want, took := range map[*fetch.Want]time.Duration{new(fetch.Want): 30 * time.Second, (*fetch.Want)(&all): 90 * time.Second} {
		bubble(t, files, func(t *testing.T, s *fetchtest.Server, m *fetch.Mirror) {
			s.Fail("", -1, func(w http.ResponseWriter, r *http.Request, _ []byte, next http.Handler) {
				time.Sleep(10 * time.Second)
				next.ServeHTTP(w, r)
			})
			start := time.Now()
			got, err := walk(m, "i.json", *want)
			if err != nil || len(got) != 9 || got[0] != "products 0.json" || got[7] != "products 7.json" {
				t.Errorf("%q, %v", got, err)
			}
			about(t, start, took)
			for range m.Walk(context.Background(), "i.json", *want) {
				break
			}
		})
	}
}

// An error page that does not end is not waited for.
func TestEndlessErrorPage(t *testing.T) {
	bubble(t, map[string]string{"a": "x"}, func(t *testing.T, s *fetchtest.Server, m *fetch.Mirror) {
		s.Fail("", 1, func(w http.ResponseWriter, r *http.Request, _ []byte, _ http.Handler) {
			w.WriteHeader(500)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		})
		start := time.Now()
		if _, err := readItem(m, "a", 1, 0); err != nil {
			t.Error(err)
		}
		about(t, start, time.Second)
	})
}

// A slow server is not a dead one.
func TestSlow(t *testing.T) {
	body := noise(1 << 20)
	bubble(t, map[string]string{"a": body}, func(t *testing.T, s *fetchtest.Server, m *fetch.Mirror) {
		s.Fail("", -1, func(w http.ResponseWriter, r *http.Request, body []byte, _ http.Handler) {
			for len(body) > 0 {
				n, _ := w.Write(body[:1024])
				_ = http.NewResponseController(w).Flush()
				body = body[n:]
				time.Sleep(time.Second / 4)
			}
		})
		if got, err := readItem(m, "a", int64(len(body)), 0); got != body || err != nil {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		if n := len(s.Requests()); n != 1 {
			t.Errorf("%d requests", n)
		}
	})
}

// A slow reader is nobody's fault.
func TestSlowReader(t *testing.T) {
	body := noise(1 << 20)
	bubble(t, map[string]string{"a": body}, func(t *testing.T, s *fetchtest.Server, m *fetch.Mirror) {
		r, err := m.Content("a", int64(len(body)), sha256Digest).Open(context.Background(), 0)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		got := 0
		for p := make([]byte, 100_000); ; {
			n, err := r.Read(p)
			got += n
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Minute)
		}
		if got != len(body) || len(s.Requests()) != 1 {
			t.Error(got)
		}
	})
}

// Who cancels does not wait for servers, nor for the next round.
func TestCancel(t *testing.T) {
	why := errors.New("interrupted")
	body := noise(100_000)
	for name, fault := range map[string]func(s *fetchtest.Server) fetchtest.Fault{
		"before the answer": func(s *fetchtest.Server) fetchtest.Fault { return s.Stall(0) },
		"in the middle":     func(s *fetchtest.Server) fetchtest.Fault { return s.Stall(50) },
		"while waiting":     func(*fetchtest.Server) fetchtest.Fault { return fetchtest.Status(503, "Retry-After", "50") },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, map[string]string{"a": body}, func(t *testing.T, s *fetchtest.Server, m *fetch.Mirror) {
				s.Fail("", -1, fault(s))
				for _, read := range []func(ctx context.Context) error{
					func(ctx context.Context) error {
						r, err := m.Content("a", int64(len(body)), sha256Digest).Open(ctx, 0)
						if err != nil {
							return err
						}
						defer r.Close()
						_, err = io.Copy(io.Discard, r)
						return err
					},
					func(ctx context.Context) error { _, err := m.Document(ctx, "a"); return err },
				} {
					ctx, cancel := context.WithCancelCause(context.Background())
					time.AfterFunc(20*time.Second, func() { cancel(why) })
					start := time.Now()
					if err := read(ctx); !errors.Is(err, why) {
						t.Error(err)
					}
					if d := time.Since(start); d != 20*time.Second {
						t.Errorf("it took %v", d)
					}
				}
			})
		})
	}
}

// A part that stalls is read again elsewhere; the others wait for it, and no longer.
func TestPartsStall(t *testing.T) {
	body := noise(12 << 20)
	bubble(t, map[string]string{"a": body}, func(t *testing.T, s *fetchtest.Server, m *fetch.Mirror) {
		s.FailAfter("", 1, 1, s.Stall(50))
		start := time.Now()
		if got, err := readItem(m, "a", int64(len(body)), 0); got != body || err != nil {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		about(t, start, time.Minute)
	}, func(o *fetch.Options) { o.SplitSize = 1 })
}

func TestMaxAge(t *testing.T) {
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	tests := []struct{ updated, err string }{
		{"Sun, 22 Nov 2026 00:00:00 +0000", ""},
		{"Fri, 20 Nov 2026 01:00:00 +0100", ""},
		{"20 Nov 2026 00:00:00 GMT", ""},
		{"2026-11-20T00:00:00Z", ""},
		{"2026-11-20T01:00:00+01:00", ""},
		{"2026-11-20T01:00:00+0100", ""},
		{"2026-11-20 00:00:00", ""},
		{"2026-11-20 01:00:00 +0100", ""},
		{"2026-11-20", ""},
		{"2027-01-01", ""},
		{"Thu, 19 Nov 2026 23:59:59 +0000", "it was last updated 2 days ago (2026-11-19T23:59:59Z), which is more than the 2 days that are allowed"},
		{"2026-10-22", "31 days ago"},
		{"", "it does not say when it was updated"},
		{"yesterday", `cannot read the date "yesterday"`},
	}
	for _, test := range tests {
		s := fetchtest.New(t, map[string]string{"i.json": strings.Replace(index(), "{", fmt.Sprintf(`{"updated":%q,`, test.updated), 1)})
		o := quick(nil)
		o.MaxAge, o.Now = 48*time.Hour, func() time.Time { return now }
		_, err := walk(open(t, s.URL, o), "i.json", nil)
		if test.err == "" && err != nil || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
			t.Errorf("%s: %v, want %q", test.updated, err, test.err)
		}
	}
}

func FuzzParseTime(f *testing.F) {
	for _, text := range []string{"Tue, 01 Sep 2026 12:00:00 +0000", "2026-09-01T12:00:00Z", "2026-09-01 12:00:00 +0100", " ", "2026-09-01 é"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if at, err := fetch.ParseTime(text); err == nil && at.Location() != time.UTC {
			t.Errorf("%q: %v", text, at)
		}
	})
}
