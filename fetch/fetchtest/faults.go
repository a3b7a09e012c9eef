package fetchtest

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
)

// Status answers with an error page; header is in pairs.
func Status(code int, header ...string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ []byte, _ http.Handler) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(code)
		fmt.Fprintf(w, "<html><body>error %d</body></html>\n", code)
	}
}

// Cut sends n bytes of the body that it announces, and hangs up.
func Cut(n int) Fault {
	return func(w http.ResponseWriter, r *http.Request, _ []byte, next http.Handler) {
		next.ServeHTTP(&cutWriter{ResponseWriter: w, left: n}, r)
		panic(http.ErrAbortHandler)
	}
}

type cutWriter struct {
	http.ResponseWriter
	left int
}

func (w *cutWriter) Write(p []byte) (int, error) {
	if w.left == 0 {
		return 0, http.ErrAbortHandler
	}
	n, err := w.ResponseWriter.Write(p[:min(len(p), w.left)])
	w.left -= n
	if w.left == 0 {
		_ = http.NewResponseController(w.ResponseWriter).Flush()
	}
	return n, err
}

// Reset is Cut with a reset of the connection.
func Reset(n int) Fault {
	return func(w http.ResponseWriter, r *http.Request, body []byte, _ http.Handler) {
		conn, buf, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(buf, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body[:n])
		buf.Flush()
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		conn.Close()
	}
}

// Short sends the first n bytes as if they were all.
func Short(n int) Fault {
	return func(w http.ResponseWriter, _ *http.Request, body []byte, _ http.Handler) { _, _ = w.Write(body[:n]) }
}

// Instead sends another body.
func Instead(other string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ []byte, _ http.Handler) { _, _ = w.Write([]byte(other)) }
}

// Stall sends n bytes of the body and then nothing, until the client gives up.
func (s *Server) Stall(n int) Fault {
	return func(w http.ResponseWriter, r *http.Request, body []byte, _ http.Handler) {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		if n > 0 {
			_, _ = w.Write(body[:n])
			_ = http.NewResponseController(w).Flush()
		}
		select {
		case <-r.Context().Done():
		case <-s.closed:
		}
	}
}

// Endless sends the body, and then zeros until the client hangs up.
func Endless(w http.ResponseWriter, _ *http.Request, body []byte, _ http.Handler) {
	zeros := make([]byte, 64<<10)
	_, err := w.Write(body)
	for err == nil {
		_, err = w.Write(zeros)
	}
}

// Whole ignores ranges.
func Whole(w http.ResponseWriter, r *http.Request, body []byte, _ http.Handler) {
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body)
}

// WholePart answers a range with the whole file as a part (206).
func WholePart(w http.ResponseWriter, r *http.Request, body []byte, _ http.Handler) {
	w.Header().Set("Content-Range", fmt.Sprintf("bytes 0-%d/%d", len(body)-1, len(body)))
	w.WriteHeader(http.StatusPartialContent)
	_, _ = w.Write(body)
}

// Chunked sends the body without saying how long it is.
func Chunked(w http.ResponseWriter, _ *http.Request, body []byte, _ http.Handler) {
	for len(body) > 0 {
		n, _ := w.Write(body[:min(len(body), 4096)])
		_ = http.NewResponseController(w).Flush()
		body = body[n:]
	}
}

// Packed sends the body with Content-Encoding: gzip.
func Packed(w http.ResponseWriter, r *http.Request, body []byte, _ http.Handler) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(body)
	_ = z.Close()
	Labelled(w, r, b.Bytes(), nil)
}

// Labelled sends the body as it is, but says that it is compressed.
func Labelled(w http.ResponseWriter, r *http.Request, body []byte, _ http.Handler) {
	w.Header().Set("Content-Encoding", "gzip")
	Whole(w, r, body, nil)
}

// Redirect sends the client to the same path below another URL, or to that URL if it ends in no slash.
func Redirect(to string) Fault {
	return func(w http.ResponseWriter, r *http.Request, _ []byte, _ http.Handler) {
		if strings.HasSuffix(to, "/") {
			http.Redirect(w, r, to+strings.TrimPrefix(r.URL.EscapedPath(), "/"), http.StatusFound)
			return
		}
		http.Redirect(w, r, to, http.StatusFound)
	}
}
