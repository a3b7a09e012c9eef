package fetch_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/seed-43fb3962/sstream/fetch"
)

// answering is a server that reads one request of each connection and writes the answer; then it hangs up.
func answering(t *testing.T, answer func(w io.Writer)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
					answer(c)
				}
			}()
		}
	}()
	return "http://" + l.Addr().String() + "/"
}

// never is fetch options without a second try.
func never() fetch.Options {
	o := quick(nil)
	o.HTTP.Retries = -1
	return o
}

// TestConnectionThatWasClosed: that a server does not wait for the next request is no failure.
func TestConnectionThatWasClosed(t *testing.T) {
	m := open(t, answering(t, func(w io.Writer) { fmt.Fprint(w, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx") }), never())
	for i := range 5 {
		if got, err := readItem(m, "a", 1, 0); got != "x" || err != nil {
			t.Fatalf("read %d: %q, %v", i, got, err)
		}
	}
}

func TestAnswersThatInform(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		fmt.Fprint(w, "x")
	}))
	defer s.Close()
	m := open(t, s.URL, never())
	for range 2 {
		if got, err := readItem(m, "a", 1, 0); got != "x" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
	}
}

// TestBadAnswers each end with an error in a word, never in a hang or without limit.
func TestBadAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(w io.Writer)
		why    string
	}{
		"nothing":          {func(io.Writer) {}, "EOF"},
		"an endless line":  {func(w io.Writer) { endless(w, "HTTP/1.1 200 OK\r\nX: ", "x") }, "headers exceeded"},
		"endless lines":    {func(w io.Writer) { endless(w, "HTTP/1.1 200 OK\r\n", "X: y\r\n") }, "headers exceeded"},
		"only information": {func(w io.Writer) { endless(w, "", "HTTP/1.1 103 Early Hints\r\n\r\n") }, "headers exceeded"},
		"another protocol": {func(w io.Writer) { fmt.Fprint(w, "220 mail.example ESMTP\r\n") }, "malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readItem(open(t, answering(t, c.answer), never()), "a", 1, 0)
			if err == nil || !strings.Contains(err.Error(), c.why) {
				t.Errorf("%v, want %q", err, c.why)
			}
		})
	}
}

// endless writes until the other side hangs up.
func endless(w io.Writer, first, rest string) {
	_, err := fmt.Fprint(w, first)
	for rest := strings.Repeat(rest, 1000); err == nil; {
		_, err = fmt.Fprint(w, rest)
	}
}

// TestSecureAddressOfPlainServer says what is wrong.
func TestSecureAddressOfPlainServer(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	_, err := readItem(open(t, strings.Replace(s.URL, "http:", "https:", 1), never()), "a", 1, 0)
	if err == nil || !strings.Contains(err.Error(), "HTTP response to HTTPS client") {
		t.Errorf("%v", err)
	}
}
