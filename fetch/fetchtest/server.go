// Package fetchtest is a web server that fails as web servers do, to test what reads from one.
package fetchtest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"
)

// Server serves files from memory, with ranges and ETags, and fails where a test tells it to.
type Server struct {
	URL string // with a slash at its end
	*httptest.Server

	mu     sync.Mutex
	files  fstest.MapFS
	rules  []*rule
	log    []*http.Request
	sent   int
	closed chan struct{} // so that a stalled answer ends with the test
}

type rule struct {
	match string
	after int // requests that are still served well
	times int // requests that still fail; negative: all
	fault Fault
}

// Fault answers a request in a wrong way. The right one is what next would do, body what the file holds (nil: no such file).
type Fault func(w http.ResponseWriter, r *http.Request, body []byte, next http.Handler)

// Modified is when the files were changed: before any test, whatever the clock of the machine says.
var Modified = time.Date(1999, 1, 2, 3, 4, 5, 0, time.UTC)

// New starts a server of files, which ends with the test.
func New(t testing.TB, files map[string]string) *Server {
	s := Handler(files)
	s.Server = httptest.NewServer(s)
	s.URL = s.Server.URL + "/"
	t.Cleanup(func() {
		close(s.closed)
		s.Server.Close()
	})
	return s
}

// Handler is a server that does not listen yet.
func Handler(files map[string]string) *Server {
	s := &Server{files: fstest.MapFS{}, closed: make(chan struct{})}
	for name, body := range files {
		s.Put(name, body)
	}
	return s
}

// Put changes a file.
func (s *Server) Put(name, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	tag := fmt.Sprintf(`"%x"`, sha256.Sum256([]byte(body)))
	s.files[name] = &fstest.MapFile{Data: []byte(body), ModTime: Modified, Sys: tag}
}

// Remove removes a file.
func (s *Server) Remove(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.files, name)
}

// Fail makes the next so many requests (negative: all) for paths that contain match fail.
func (s *Server) Fail(match string, times int, fault Fault) { s.FailAfter(match, 0, times, fault) }

// FailAfter is Fail after so many requests that are served well. The first rule that matches counts.
func (s *Server) FailAfter(match string, after, times int, fault Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules = append(s.rules, &rule{match, after, times, fault})
}

// Requests returns what was asked for since the last call, as "GET /path", with the range in brackets.
func (s *Server) Requests() []string {
	var all []string
	for _, r := range s.Log() {
		text := r.Method + " " + r.URL.RequestURI()
		if part := r.Header.Get("Range"); part != "" {
			text += " [" + part + "]"
		}
		all = append(all, text)
	}
	return all
}

// Log returns the requests since the last call.
func (s *Server) Log() []*http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	log := s.log
	s.log = nil
	return log
}

// Sent returns how many answers there have been that were files (200).
func (s *Server) Sent() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sent
}

// statusWriter counts the answers that are files.
type statusWriter struct {
	http.ResponseWriter
	s     *Server
	begun bool
}

func (w *statusWriter) WriteHeader(status int) {
	w.s.mu.Lock()
	if !w.begun && status == http.StatusOK {
		w.s.sent++
	}
	w.begun = true
	w.s.mu.Unlock()
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(p []byte) (int, error) {
	if !w.begun {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap is for [http.ResponseController].
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// ServeHTTP answers as New says.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w = &statusWriter{ResponseWriter: w, s: s}
	path := strings.TrimPrefix(r.URL.Path, "/")
	s.mu.Lock()
	s.log = append(s.log, r)
	var body []byte
	file := s.files[path]
	if file != nil {
		body = file.Data
	}
	fault := s.fault(path)
	s.mu.Unlock()
	serve := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if file == nil {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("ETag", file.Sys.(string))
		http.ServeContent(w, r, path, file.ModTime, bytes.NewReader(body))
	})
	if fault == nil {
		serve(w, r)
		return
	}
	fault(w, r, body, serve)
}

func (s *Server) fault(path string) Fault {
	for _, f := range s.rules {
		switch {
		case !strings.Contains(path, f.match) || f.times == 0:
		case f.after > 0:
			f.after--
			return nil
		default:
			f.times--
			return f.fault
		}
	}
	return nil
}
