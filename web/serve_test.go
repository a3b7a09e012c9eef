package web_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-43fb3962/sstream/web"
)

// testLog returns a logger without times, and what it has written so far.
func testLog() (*slog.Logger, func() []string) {
	var mu sync.Mutex
	var b bytes.Buffer
	write := writerFunc(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return b.Write(p)
	})
	log := slog.New(slog.NewTextHandler(write, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		switch a.Key {
		case slog.TimeKey:
			return slog.Attr{}
		case "took":
			return slog.String("took", "T")
		}
		return a
	}}))
	return log, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return strings.Split(strings.TrimSpace(b.String()), "\n")
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// start serves h until the test ends or stop is called, which returns what Serve returned.
func start(t *testing.T, h http.Handler, o web.ServeOptions) (address string, stop func() error) {
	t.Helper()
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- web.Serve(ctx, l, h, o) }()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-done
	})
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String(), stop
}

func TestServe(t *testing.T) {
	const size = 9 << 20 // more than one stride
	dir := tree(t, map[string]string{"a.img": strings.Repeat("0123456789abcdef", size/16)})
	log, _ := testLog()
	address, _ := start(t, web.Log(handler(t, dir), log), web.ServeOptions{})
	r, err := http.Get("http://" + address + "/a.img")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	n, err := io.Copy(io.Discard, r.Body)
	if n != size || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
}

func TestServeLetsAnswersFinish(t *testing.T) {
	more := make(chan bool)
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "begun, ")
		http.NewResponseController(w).Flush()
		<-more
		fmt.Fprint(w, "done")
	})
	address, stop := start(t, h, web.ServeOptions{Grace: time.Hour})
	r, err := http.Get("http://" + address)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	ended := make(chan error)
	go func() { ended <- stop() }()
	for { // until nothing more is accepted
		conn, err := net.Dial("tcp", address)
		if err != nil {
			break
		}
		conn.Close()
	}
	more <- true
	if got := bodyOf(t, r); got != "begun, done" {
		t.Errorf("got %q", got)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestServeEndsAfterGrace(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "begun")
		http.NewResponseController(w).Flush()
		<-r.Context().Done() // for ever, unless the connection is closed
	})
	address, stop := start(t, h, web.ServeOptions{Grace: time.Nanosecond})
	r, err := http.Get("http://" + address)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if err := stop(); err != nil {
		t.Error(err)
	}
	if _, err := io.ReadAll(r.Body); err == nil {
		t.Error("the answer ended well")
	}
}

// writeCertificate writes a key pair for localhost in one file.
func writeCertificate(t *testing.T, name string, serial int64) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})...)
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
	modified := time.Unix(serial, 0) // two writes within a tick of the clock differ too
	if err := os.Chtimes(name, modified, modified); err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

func TestServeTLS(t *testing.T) {
	name := filepath.Join(t.TempDir(), "pair.pem")
	certificate := writeCertificate(t, name, 1)
	dir := tree(t, map[string]string{"streams/v1/index.json": "{}"})
	log, lines := testLog()
	address, _ := start(t, handler(t, dir), web.ServeOptions{Certificate: name, Log: log})
	_, port, _ := net.SplitHostPort(address)
	get := func() (serial int64) {
		pool := x509.NewCertPool()
		pool.AddCert(certificate)
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}}
		r, err := client.Get("https://localhost:" + port + "/streams/v1/index.json")
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		if got := bodyOf(t, r); got != "{}" {
			t.Errorf("got %q", got)
		}
		return r.TLS.PeerCertificates[0].SerialNumber.Int64()
	}
	if serial := get(); serial != 1 {
		t.Errorf("certificate %d", serial)
	}
	if err := os.WriteFile(name, []byte("half written"), 0o600); err != nil {
		t.Fatal(err)
	}
	if serial := get(); serial != 1 {
		t.Errorf("certificate %d while the file is broken", serial)
	}
	if got := lines()[0]; !strings.Contains(got, "cannot renew the certificate") {
		t.Errorf("log: %s", got)
	}
	certificate = writeCertificate(t, name, 2)
	if serial := get(); serial != 2 {
		t.Errorf("certificate %d after the renewal", serial)
	}
}

func TestServeErrors(t *testing.T) {
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	err = web.Serve(t.Context(), l, http.NotFoundHandler(), web.ServeOptions{Certificate: "/gone.pem"})
	if err == nil || !strings.Contains(err.Error(), "/gone.pem") {
		t.Errorf("without a certificate: %v", err)
	}
	err = web.Serve(t.Context(), l, http.NotFoundHandler(), web.ServeOptions{}) // closed by now
	if err == nil || !strings.Contains(err.Error(), "cannot serve") {
		t.Errorf("without a listener: %v", err)
	}
}
