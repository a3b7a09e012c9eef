package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"io/fs"
	stdlog "log"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/seed-43fb3962/sstream/fetch/fetchtest"
)

// serveSite is a command of the scripts: site NAME DIR [OPTION...] serves DIR, until the script ends, at the address that
// is in $NAME from then on, and in $NAME_HOST without its scheme. What is asked for is written to NAME.log, with all headers.
// The options:
//
//	basic=USER:PASSWORD   what opens the site
//	bearer=TOKEN          likewise
//	busy=N                the first so many requests are answered 503
//	stall=PATH            this file never comes
//	pause=PATH            this file comes in two halves, with four seconds between them
//	tls                   over TLS; NAME.pem is who can be trusted to say so
//	client                likewise, and only to who has NAME-client.pem and NAME-client.key
func serveSite(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: site NAME DIR [OPTION...]")
	}
	s := &site{Server: fetchtest.Handler(readTree(ts, ts.MkAbs(args[1])))}
	log, err := os.Create(ts.MkAbs(args[0] + ".log"))
	ts.Check(err)
	s.log = log
	server := httptest.NewUnstartedServer(s)
	server.Config.ErrorLog = stdlog.New(io.Discard, "", 0) // of clients that do not trust it
	secure := false
	for _, option := range args[2:] {
		key, value, _ := strings.Cut(option, "=")
		switch key {
		case "basic":
			user, password, _ := strings.Cut(value, ":")
			r := &http.Request{Header: http.Header{}}
			r.SetBasicAuth(user, password)
			s.wanted = r.Header.Get("Authorization")
		case "bearer":
			s.wanted = "Bearer " + value
		case "busy":
			n, err := strconv.Atoi(value)
			ts.Check(err)
			s.Fail("", n, fetchtest.Status(http.StatusServiceUnavailable, "Retry-After", "0"))
		case "stall":
			s.Fail(value, -1, s.Stall(0))
		case "pause":
			s.Fail(value, -1, pause)
		case "tls":
			secure = true
		case "client":
			secure = true
			server.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: makeClient(ts, args[0])}
		default:
			ts.Fatalf("unknown option %q", option)
		}
	}
	if secure {
		server.StartTLS()
		writePEM(ts, args[0]+".pem", "CERTIFICATE", server.Certificate().Raw)
	} else {
		server.Start()
	}
	address, err := url.Parse(server.URL)
	ts.Check(err)
	ts.Setenv(args[0], server.URL)
	ts.Setenv(args[0]+"_HOST", address.Host)
	ts.Defer(func() {
		server.Close()
		log.Close()
	})
}

// site is a server that wants a secret and writes down what it is asked.
type site struct {
	*fetchtest.Server
	wanted string // Authorization; "": none
	mu     sync.Mutex
	log    *os.File
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	line := r.Method + " " + r.URL.String()
	for _, key := range slices.Sorted(maps.Keys(r.Header)) {
		line += fmt.Sprintf(" %s=%q", key, strings.Join(r.Header[key], ", "))
	}
	s.mu.Lock()
	fmt.Fprintln(s.log, line)
	s.mu.Unlock()
	if s.wanted != "" && r.Header.Get("Authorization") != s.wanted {
		w.Header().Set("WWW-Authenticate", "Basic")
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	s.Server.ServeHTTP(w, r)
}

func pause(w http.ResponseWriter, r *http.Request, body []byte, _ http.Handler) {
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body[:len(body)/2])
	_ = http.NewResponseController(w).Flush()
	select {
	case <-time.After(4 * time.Second):
	case <-r.Context().Done():
	}
	_, _ = w.Write(body[len(body)/2:])
}

func readTree(ts *testscript.TestScript, dir string) map[string]string {
	files := map[string]string{}
	root := os.DirFS(dir)
	ts.Check(fs.WalkDir(root, ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := fs.ReadFile(root, path)
		files[path] = string(data)
		return err
	}))
	return files
}

// makeClient writes a client's certificate and its key, and returns what it is checked against.
func makeClient(ts *testscript.TestScript, name string) *x509.CertPool {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	ts.Check(err)
	cert, err := x509.ParseCertificate(der)
	ts.Check(err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	ts.Check(err)
	writePEM(ts, name+"-client.pem", "CERTIFICATE", der)
	writePEM(ts, name+"-client.key", "PRIVATE KEY", secret)
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return pool
}

func writePEM(ts *testscript.TestScript, name, kind string, der []byte) {
	ts.Check(os.WriteFile(ts.MkAbs(name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
}
