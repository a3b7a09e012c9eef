package fetch_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seed-43fb3962/sstream/fetch"
	"github.com/seed-43fb3962/sstream/fetch/fetchtest"
)

// withUser puts a user into a URL.
func withUser(root, user string) string { return strings.Replace(root, "://", "://"+user+"@", 1) }

func TestAuthorization(t *testing.T) {
	netrc := filepath.Join(t.TempDir(), "netrc")
	if err := os.WriteFile(netrc, []byte("machine 127.0.0.1 login me password mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	basic := func(user, password string) string {
		r := &http.Request{Header: http.Header{}}
		r.SetBasicAuth(user, password)
		return r.Header.Get("Authorization")
	}
	tests := []struct {
		name, user string
		http       fetch.HTTP
		want       string // Authorization
	}{
		{name: "none"},
		{"in the URL", "user:se%40cret", fetch.HTTP{}, basic("user", "se@cret")},
		{"user alone", "user", fetch.HTTP{}, basic("user", "")},
		{"netrc", "", fetch.HTTP{Netrc: netrc}, basic("me", "mine")},
		{"URL over netrc", "user:secret", fetch.HTTP{Netrc: netrc}, basic("user", "secret")},
		{"bearer", "", fetch.HTTP{Bearer: "token", Netrc: netrc}, "Bearer token"},
		{"header over all", "user:secret", fetch.HTTP{Bearer: "token", Header: http.Header{"authorization": {"Own x"}}}, "Own x"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := fetchtest.New(t, map[string]string{"a": "x"})
			root := s.URL
			if test.user != "" {
				root = withUser(root, test.user)
			}
			o := quick(nil)
			test.http.Sleep = o.Sleep
			o.HTTP = test.http
			if _, err := readItem(open(t, root, o), "a", 1, 0); err != nil {
				t.Fatal(err)
			}
			if got := s.Log()[0].Header.Get("Authorization"); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

// Who sent a password learns that it is wrong, not that one is needed.
func TestRefusedPassword(t *testing.T) {
	s := fetchtest.New(t, map[string]string{"a.json": products})
	s.Fail("", -1, fetchtest.Status(401))
	_, err := open(t, withUser(s.URL, "user:secret"), quick(nil)).Document(context.Background(), "a.json")
	if err == nil || !strings.HasSuffix(err.Error(), "401 Unauthorized (the user and password, or the token, that were sent are not accepted)") {
		t.Error(err)
	}
}

// What opens one server must not be told to another: not where it redirects to, not to the mirrors behind it.
func TestSecretsStayAtHome(t *testing.T) {
	other := fetchtest.New(t, map[string]string{"a": "x", "b": "y"})
	s := fetchtest.New(t, map[string]string{"a": "x"})
	s.Fail("a", 1, fetchtest.Redirect(other.URL))
	o := quick(nil)
	o.Header = http.Header{"X-Key": {"secret"}}
	o.UserAgent = "agent/1"
	o.Mirrors = []string{other.URL}
	m := open(t, withUser(s.URL, "user:secret"), o)
	for _, path := range []string{"a", "b"} { // by redirect, by fallback
		if _, err := readItem(m, path, 1, 0); err != nil {
			t.Fatal(err)
		}
	}
	if r := s.Log()[0]; r.Header.Get("Authorization") == "" || r.Header.Get("X-Key") != "secret" {
		t.Errorf("the server itself was told %v", r.Header)
	}
	log := other.Log()
	if len(log) != 2 {
		t.Fatal(len(log))
	}
	for _, r := range log {
		if r.Header.Get("Authorization") != "" || r.Header.Get("X-Key") != "" || strings.Contains(r.Header.Get("Referer"), "secret") {
			t.Errorf("the other was told %v", r.Header)
		}
		if r.Header.Get("User-Agent") != "agent/1" {
			t.Errorf("%v", r.Header)
		}
	}
}

// A redirect that leads back to the same server is given the secrets again.
func TestRedirectAtHome(t *testing.T) {
	s := fetchtest.New(t, map[string]string{"a": "x", "new/a": "x"})
	s.Fail("", 1, fetchtest.Redirect("/new/a"))
	if _, err := readItem(open(t, withUser(s.URL, "user:secret"), quick(nil)), "a", 1, 0); err != nil {
		t.Fatal(err)
	}
	for _, r := range s.Log() {
		if user, _, _ := r.BasicAuth(); user != "user" {
			t.Errorf("%s: %v", r.URL, r.Header)
		}
	}
}

// Mirrors on one server may have a user each, and where one redirects to is not told those of another.
func TestSecretsOfEachMirror(t *testing.T) {
	s := fetchtest.New(t, map[string]string{"one/x": "", "two/a": "x"})
	o := quick(nil)
	o.Mirrors = []string{withUser(s.URL+"two/", "second:2")}
	if _, err := readItem(open(t, withUser(s.URL+"one/", "first:1"), o), "a", 1, 0); err != nil {
		t.Fatal(err)
	}
	var users []string
	for _, r := range s.Log() {
		user, _, _ := r.BasicAuth()
		users = append(users, r.URL.Path+" "+user)
	}
	if want := []string{"/one/a first", "/two/a second"}; !slices.Equal(users, want) {
		t.Errorf("%q", users)
	}
}

// A transfer that breaks off behind a redirect resumes there.
func TestResumeBehindRedirect(t *testing.T) {
	body := noise(100_000)
	other := fetchtest.New(t, map[string]string{"a": body})
	other.Fail("", 1, fetchtest.Cut(60_000))
	s := fetchtest.New(t, nil)
	s.Fail("", -1, fetchtest.Redirect(other.URL))
	if got, err := readItem(open(t, s.URL, quick(nil)), "a", int64(len(body)), 0); got != body || err != nil {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	if got, want := other.Requests(), []string{"GET /a", "GET /a [bytes=60000-]"}; !slices.Equal(got, want) {
		t.Errorf("asked %q", got)
	}
}

// No message and no log line has a password in it.
func TestNoPasswordIsShown(t *testing.T) {
	s := fetchtest.New(t, nil)
	s.Fail("500", -1, fetchtest.Status(500))
	s.Fail("ring", -1, fetchtest.Redirect("/ring?token=secret"))
	s.Fail("away", -1, fetchtest.Redirect("http://other:secret@127.0.0.1:1/?token=secret"))
	s.Fail("page", -1, fetchtest.Instead("<html>"))
	var log bytes.Buffer
	o := quick(nil)
	o.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	roots := []string{
		withUser(s.URL, "user:secret"), withUser(s.URL, "user:se%63ret@secret"), withUser("http://127.0.0.1:1/", "user:secret"),
		s.URL + "?token=secret&path=", "http://user:sec/secret@host/", "ftp://user:secret@host/",
		"http://user:secret@host:port/", "http://us er:secret@host\x00/",
	}
	o.Mirrors = roots[:1]
	for _, root := range roots {
		m, err := fetch.Open(root, o)
		if err != nil {
			if strings.Contains(err.Error(), "secret") {
				t.Error(err)
			}
			continue
		}
		for _, path := range []string{"404", "500", "ring", "away", "page"} {
			_, err := m.Document(context.Background(), path+".json")
			if err == nil || strings.Contains(err.Error(), "secret") {
				t.Errorf("%v", err)
			}
			_, err = m.Open(context.Background(), path, 0)
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Error(err)
			}
		}
		m.Close()
	}
	if strings.Contains(log.String(), "secret") || log.Len() == 0 {
		t.Error(log.String())
	}
}

func TestRedact(t *testing.T) {
	for address, want := range map[string]string{
		"http://host/x":                  "http://host/x",
		"http://user:secret@host:80/x":   "http://host:80/x",
		"https://user@host":              "https://host",
		"http://user:p@ss@host/a@b":      "http://host/a@b",
		"http://user:p/ss@host/x":        "http://host/x",
		"http://host/x?token=secret":     "http://host/x?…",
		"http://user:p?ss@host/x":        "http://host/x",
		"s3://key:secret@bucket/x":       "s3://bucket/x",
		"dir/with@sign":                  "dir/with@sign",
		"file:///dir/with@sign":          "file:///dir/with@sign",
		"http://host/name with ? in it/": "http://host/name with ?…",
	} {
		if got := fetch.Redact(address); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
}

func FuzzRedact(f *testing.F) {
	f.Add("http", "user", "secret", "host", "/x?y#z@")
	f.Fuzz(func(t *testing.T, scheme, user, password, host, rest string) {
		u := url.URL{Scheme: "http", User: url.UserPassword(user, "PASS"+url.QueryEscape(password)+"WORD"), Host: "host", Path: rest}
		if got := fetch.Redact(u.String()); strings.Contains(got, "PASS") {
			t.Errorf("%s: %s", u.String(), got)
		}
		fetch.Redact(scheme + "://" + host + rest)
	})
}
