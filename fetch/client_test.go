package fetch_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-43fb3962/sstream/fetch"
	"github.com/seed-43fb3962/sstream/fetch/fetchtest"
	"github.com/seed-43fb3962/sstream/streams"
)

func TestWaits(t *testing.T) {
	ms := time.Millisecond
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	tests := []struct {
		name  string
		fault fetchtest.Fault
		http  func(h *fetch.HTTP)
		want  []time.Duration
	}{
		{"doubling, three quarters of it", fetchtest.Status(503), nil, []time.Duration{375 * ms, 750 * ms, 1500 * ms, 3000 * ms}},
		{"up to a limit", fetchtest.Status(503), func(h *fetch.HTTP) { h.MaxBackoff = time.Second }, []time.Duration{375 * ms, 750 * ms, 750 * ms, 750 * ms}},
		{"retries", fetchtest.Status(503), func(h *fetch.HTTP) { h.Retries = 1 }, []time.Duration{375 * ms}},
		{"no retries", fetchtest.Status(503), func(h *fetch.HTTP) { h.Retries = -1 }, nil},
		{"the server asks", fetchtest.Status(429, "Retry-After", "7"), nil, []time.Duration{7 * time.Second, 7 * time.Second, 7 * time.Second, 7 * time.Second}},
		{"the server asks for too much", fetchtest.Status(429, "Retry-After", "86400"), nil, []time.Duration{time.Minute, time.Minute, time.Minute, time.Minute}},
		{"the server names a time", fetchtest.Status(503, "Retry-After", "Thu, 01 Jan 2026 00:00:09 GMT"), func(h *fetch.HTTP) { h.Retries = 1 }, []time.Duration{9 * time.Second}},
		{"the server asks for nonsense", fetchtest.Status(503, "Retry-After", "-5"), func(h *fetch.HTTP) { h.Retries = 1 }, []time.Duration{375 * ms}},
		{"of no use", fetchtest.Status(403, "Retry-After", "7"), nil, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := fetchtest.New(t, map[string]string{"a": "x"})
			s.Fail("", -1, test.fault)
			var waits []time.Duration
			o := quick(&waits)
			o.Now = func() time.Time { return now }
			if test.http != nil {
				test.http(&o.HTTP)
			}
			if _, err := readItem(open(t, s.URL, o), "a", 1, 0); err == nil {
				t.Fatal("no error")
			}
			if !slices.Equal(waits, test.want) {
				t.Errorf("waited %v, want %v", waits, test.want)
			}
		})
	}
}

// A server that is not there is a mistyped address, one that was there is being restarted.
func TestRefusedConnections(t *testing.T) {
	var waits []time.Duration
	if _, err := open(t, "http://127.0.0.1:1/", quick(&waits)).Document(context.Background(), "a.json"); err == nil ||
		err.Error() != "cannot read http://127.0.0.1:1/a.json: cannot connect: connect: connection refused" || len(waits) > 0 {
		t.Errorf("%v after %v", err, waits)
	}
	s := fetchtest.New(t, map[string]string{"a.json": products})
	o, closed := quick(&waits), false
	o.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if closed { // another program may have the port
			addr = "127.0.0.1:1"
		}
		return new(net.Dialer).DialContext(ctx, network, addr)
	}
	m := open(t, s.URL, o)
	if _, err := m.Document(context.Background(), "a.json"); err != nil {
		t.Fatal(err)
	}
	closed = true
	s.Server.Close()
	if _, err := m.Document(context.Background(), "a.json"); err == nil || len(waits) != 4 {
		t.Errorf("%v after %v", err, waits)
	}
	o = quick(nil)
	o.Dial = noSuchHost
	_, err := open(t, "http://localhost/", o).Document(context.Background(), "a.json")
	if err == nil || !strings.Contains(err.Error(), "cannot look up host localhost: ") || strings.Contains(err.Error(), "lookup localhost") {
		t.Error(err)
	}
}

func noSuchHost(_ context.Context, _, addr string) (net.Conn, error) {
	host, _, _ := net.SplitHostPort(addr)
	return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Name: host, Err: "no such host", IsNotFound: true}}
}

// After a failure others are asked first for a while, but documents always begin with the root.
func TestFailuresAreRemembered(t *testing.T) {
	one := fetchtest.New(t, map[string]string{"a": "x", "b": "y", "c.json": products})
	two := fetchtest.New(t, map[string]string{"a": "x", "b": "y", "c.json": products})
	one.Fail("a", 1, fetchtest.Status(500))
	now := time.Now()
	o := quick(nil)
	o.Now = func() time.Time { return now }
	o.Mirrors = []string{two.URL}
	m := open(t, one.URL, o)
	for _, path := range []string{"a", "b"} {
		if _, err := readItem(m, path, 1, 0); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := m.Document(context.Background(), "c.json"); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Minute)
	if _, err := readItem(m, "b", 1, 0); err != nil {
		t.Fatal(err)
	}
	if got, want := one.Requests(), []string{"GET /a", "GET /c.json", "GET /b"}; !slices.Equal(got, want) {
		t.Errorf("the first was asked %q", got)
	}
}

func TestSlash(t *testing.T) {
	files := map[string]string{"x/streams/v1/i.json": products, "prefix-streams/v1/i.json": products}
	s := fetchtest.New(t, files)
	dir := t.TempDir()
	write(t, dir, files)
	for _, base := range []string{s.URL, dir + "/", "file://" + dir + "/"} {
		for _, root := range []string{"x", "x/", "prefix-"} {
			m := open(t, base+root, quick(nil))
			for range 2 {
				if _, err := m.Document(context.Background(), "streams/v1/i.json"); err != nil {
					t.Error(err)
				}
			}
			want := base + root
			if root == "x" {
				want += "/"
			}
			if got := m.URL("a b"); got != want+"a b" {
				t.Errorf("URL %s, want %s", got, want+"a b")
			}
		}
	}
	if got := len(s.Requests()); got != 7 { // one more, once, for the prefix
		t.Errorf("%d requests", got)
	}
	t.Chdir(filepath.Join(dir, "x"))
	m := open(t, "", quick(nil))
	if _, err := m.Document(context.Background(), "streams/v1/i.json"); err != nil {
		t.Error(err)
	}
	if got := m.URL("d/x"); got != "d/x" {
		t.Error(got)
	}
}

// A web server that answers 403 for what is not there is asked both ways, too.
func TestSlashForbidden(t *testing.T) {
	s := fetchtest.New(t, map[string]string{"prefix-a.json": products})
	s.Fail("prefix-/", -1, fetchtest.Status(403))
	m := open(t, s.URL+"prefix-", quick(nil))
	if _, err := m.Document(context.Background(), "a.json"); err != nil {
		t.Error(err)
	}
}

func TestRootWithQuery(t *testing.T) {
	var asked string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { asked = r.FormValue("f") }))
	defer s.Close()
	if _, err := readItem(open(t, s.URL+"/get?f=", quick(nil)), "a/b c&d%", 0, 0); err != nil {
		t.Error(err)
	}
	if asked != "a/b c&d%" {
		t.Errorf("%q", asked)
	}
}

func TestBadRoots(t *testing.T) {
	for root, want := range map[string]string{
		"ftp://host/x":         "cannot use mirror ftp://host/x: ftp: cannot be read: use http:, https:, file: or a directory",
		"http://":              "cannot use mirror http://: the URL has no host",
		"http://ho st/":        "cannot use mirror http://ho st/: it is not a valid URL",
		"file://":              "cannot use mirror file://: the URL has no path: use file:///directory/",
		"https://host:123x/a/": "it is not a valid URL",
	} {
		if _, err := fetch.Open(root, fetch.Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", root, err)
		}
	}
	if _, err := fetch.Open("dir", fetch.Options{Mirrors: []string{"ftp://host/"}}); err == nil {
		t.Error("a bad mirror was taken")
	}
	for _, h := range []fetch.HTTP{{CAFile: "none"}, {CAFile: "client_test.go"}, {CertFile: "none"}, {Netrc: "none"}} {
		if _, err := fetch.Open("dir", fetch.Options{HTTP: h}); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%+v: %v", h, err)
		}
	}
}

// caFile is the name of a file with the certificate of a server.
func caFile(t *testing.T, s *httptest.Server) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, map[string]string{"ca.pem": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))})
	return filepath.Join(dir, "ca.pem")
}

func TestTLS(t *testing.T) {
	handler := fetchtest.Handler(map[string]string{"a": "x"})
	s := httptest.NewUnstartedServer(handler)
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	s.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	s.StartTLS()
	defer s.Close()
	dir := t.TempDir()
	certificate, key := s.TLS.Certificates[0].Certificate[0], s.TLS.Certificates[0].PrivateKey
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}))
	secret := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	write(t, dir, map[string]string{"ca.pem": cert, "both.pem": cert + secret, "key.pem": secret})
	file := func(name string) string { return filepath.Join(dir, name) }
	read := func(h fetch.HTTP) (int, error) {
		var waits []time.Duration
		o := quick(&waits)
		h.Sleep = o.Sleep
		o.HTTP = h
		_, err := readItem(open(t, s.URL, o), "a", 1, 0)
		return len(waits), err
	}
	if waits, err := read(fetch.HTTP{}); err == nil || !strings.Contains(err.Error(), "unknown authority") || waits > 0 {
		t.Errorf("%v after %d waits", err, waits)
	}
	if waits, err := read(fetch.HTTP{CAFile: file("ca.pem")}); err == nil || !strings.Contains(err.Error(), "certificate required") || waits > 0 {
		t.Errorf("%v after %d waits", err, waits)
	}
	for _, h := range []fetch.HTTP{{CertFile: file("both.pem")}, {CertFile: file("ca.pem"), KeyFile: file("key.pem")}} {
		h.CAFile = file("ca.pem")
		if _, err := read(h); err != nil {
			t.Error(err)
		}
	}
	if r := handler.Log()[0]; r.ProtoMajor != 1 {
		t.Errorf("HTTP/%d", r.ProtoMajor)
	}
}

// Connections are used again, also after errors and items of unknown length.
func TestConnections(t *testing.T) {
	connections := 0
	bubble(t, map[string]string{"a.json": products, "b": "1", "c": "2"}, func(t *testing.T, s *fetchtest.Server, m *fetch.Mirror) {
		s.Fail("b", 1, fetchtest.Status(503))
		s.Fail("c", 1, fetchtest.Chunked)
		if _, err := m.Document(context.Background(), "a.json"); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"b", "c", "b"} {
			if _, err := readItem(m, path, 1, 0); err != nil {
				t.Fatal(err)
			}
		}
		if connections != 1 {
			t.Errorf("%d connections", connections)
		}
	}, counting(&connections))
}

// The proxy of the environment is read once a process, and never used for this machine: so another process asks it.
func TestProxy(t *testing.T) {
	if root := os.Getenv("FETCH_TEST_ROOT"); root != "" {
		m := open(t, root, quick(nil))
		if _, err := readItem(m, "a", 1, 0); err != nil {
			t.Fatal(err)
		}
		x := fetch.Item{Path: "a", Size: 1, Digest: streams.Digest{Algorithm: "md5", Hex: "9dd4e461268c8034f5c8564e155c67a6"}}
		readThrough(t, m, []fetch.Item{x, x})
		return
	}
	var asked []string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.String()+" "+r.Header.Get("Proxy-Authorization"))
		_, _ = w.Write([]byte("x"))
	}))
	defer proxy.Close()
	cmd := exec.Command(os.Args[0], "-test.run=^TestProxy$")
	cmd.Env = append(os.Environ(), "FETCH_TEST_ROOT=http://mirror.example/", "HTTP_PROXY="+withUser(proxy.URL, "u:p"), "http_proxy=", "NO_PROXY=", "no_proxy=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if len(asked) != 3 || slices.ContainsFunc(asked, func(r string) bool { return !strings.HasPrefix(r, "http://mirror.example/a Basic ") }) {
		t.Errorf("%q", asked)
	}
}

// What a proxy will not do is not said to be the server's fault, nor that a file is missing there.
func TestProxyRefuses(t *testing.T) {
	if root := os.Getenv("FETCH_TEST_ROOT"); root != "" {
		_, err := readItem(open(t, root, quick(nil)), "a", 1, 0)
		if want := os.Getenv("FETCH_TEST_WANT"); err == nil || !strings.Contains(err.Error(), want) || errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("%v, want %q", err, want)
		}
		return
	}
	asked := 0
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		w.WriteHeader(http.StatusNotFound)
	}))
	defer proxy.Close()
	host := strings.TrimPrefix(proxy.URL, "http://")
	for address, want := range map[string]string{
		withUser(proxy.URL, "u:p"): "cannot read https://mirror.example/a: the proxy " + host + " does not connect: 404 Not Found",
		"http://127.0.0.1:1":       "cannot read https://mirror.example/a: cannot connect to the proxy: ",
	} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestProxyRefuses$")
		cmd.Env = append(os.Environ(), "FETCH_TEST_ROOT=https://mirror.example/", "FETCH_TEST_WANT="+want,
			"HTTPS_PROXY="+address, "https_proxy=", "NO_PROXY=", "no_proxy=")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
}
