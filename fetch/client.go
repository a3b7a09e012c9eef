package fetch

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// client returns the HTTP client that knows whom to tell which secret, and the connections of pipelines.
func (o *Options) client(sources []*source) (*http.Client, *lines, error) {
	secure, err := o.tlsConfig()
	if err != nil {
		return nil, nil, err
	}
	users, err := readNetrc(o.Netrc)
	if err != nil {
		return nil, nil, err
	}
	dial := o.Dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: o.ConnectTimeout}).DialContext
	}
	// HTTP/1.1 only: over HTTP/2, bulk transfers take nearly twice the CPU.
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	transport := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         dial,
		TLSClientConfig:     secure,
		TLSHandshakeTimeout: o.ConnectTimeout,
		Protocols:           protocols,
		DisableCompression:  true, // asked for and undone where there is a limit, see encoding.go
		MaxIdleConnsPerHost: 64,
		MaxConnsPerHost:     o.MaxConns,
		IdleConnTimeout:     90 * time.Second,
		ReadBufferSize:      64 << 10,

		MaxResponseHeaderBytes: 1 << 20, // the memory of a run is bounded, whatever a server sends
		OnProxyConnectResponse: proxyAnswer,
	}
	for _, s := range sources {
		s.setSecrets(users)
	}
	client := &http.Client{Transport: authorizer{transport}, CheckRedirect: checkRedirect}
	return client, o.lines(sources[0], transport), nil
}

// proxyAnswer tells the fault of a proxy that connects to nothing from that of a server.
func proxyAnswer(_ context.Context, proxy *url.URL, _ *http.Request, answer *http.Response) error {
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	text := fmt.Sprintf("the proxy %s does not connect: %d %s", proxy.Host, answer.StatusCode, http.StatusText(answer.StatusCode))
	if (&statusError{code: answer.StatusCode}).temporary() {
		return errors.New(text)
	}
	return permanent("%s", text)
}

const maxRedirects = 10

func checkRedirect(r *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return permanent("more than %d redirects", maxRedirects)
	}
	if s := r.URL.Scheme; s != "http" && s != "https" {
		return permanent("redirected to a %s: address", s)
	}
	return nil
}

// setSecrets puts together what opens the server of s: its headers, a token, the user in its URL or that in a netrc file.
func (s *source) setSecrets(users netrc) {
	if s.base == nil {
		return
	}
	r := &http.Request{Header: http.Header{}}
	if s.user != nil {
		password, _ := s.user.Password()
		r.SetBasicAuth(s.user.Username(), password)
	} else if u, ok := users.find(s.base.Hostname()); ok {
		r.SetBasicAuth(u.login, u.password)
	}
	if s.bearer != "" {
		r.Header.Set("Authorization", "Bearer "+s.bearer)
	}
	for key, values := range s.header {
		r.Header[http.CanonicalHeaderKey(key)] = values
	}
	s.secrets = r.Header
}

// authorizer adds the secrets of a source to the requests of its server, and to no others: not where that redirects to.
type authorizer struct{ *http.Transport }

// sourceKey is where the context of a request has its source.
type sourceKey struct{}

func (a authorizer) RoundTrip(r *http.Request) (*http.Response, error) {
	if s, ok := r.Context().Value(sourceKey{}).(*source); ok {
		r = s.authorized(r)
	}
	return a.Transport.RoundTrip(r)
}

// authorized adds the secrets of s to a request, if it goes there.
func (s *source) authorized(r *http.Request) *http.Request {
	if len(s.secrets) == 0 || origin(r.URL) != origin(s.base) {
		return r
	}
	r = r.Clone(r.Context())
	for key, values := range s.secrets {
		r.Header[key] = values
		if key == "Host" {
			r.Host = values[0]
		}
	}
	return r
}

// origin is a scheme, a host and a port.
func origin(u *url.URL) string {
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + ":" + portOf(u)
}

func portOf(u *url.URL) string {
	return cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
}

func (h *HTTP) tlsConfig() (*tls.Config, error) {
	c := &tls.Config{}
	if h.CAFile != "" {
		pem, err := os.ReadFile(h.CAFile)
		if err != nil {
			return nil, fmt.Errorf("cannot read CA certificates: %w", err)
		}
		if c.RootCAs, err = x509.SystemCertPool(); err != nil {
			c.RootCAs = x509.NewCertPool()
		}
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("cannot read CA certificates: %s holds no PEM certificate", h.CAFile)
		}
	}
	if h.CertFile == "" {
		return c, nil
	}
	key := h.KeyFile
	if key == "" {
		key = h.CertFile
	}
	cert, err := tls.LoadX509KeyPair(h.CertFile, key)
	if err != nil {
		return nil, fmt.Errorf("cannot use the client certificate: %w", err)
	}
	c.Certificates = []tls.Certificate{cert}
	return c, nil
}

// get sends one request.
func (m *Mirror) get(ctx context.Context, s *source, address string, rq request) (*answer, error) {
	ctx = context.WithValue(ctx, sourceKey{}, s)
	ctx, w := newWatch(ctx, m.o.HeaderTimeout)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		w.stop()
		return nil, permanent("it is not a valid URL")
	}
	if rq.isPlain() {
		r.Header = m.plain
	} else {
		rq.header(r.Header, m.o.UserAgent)
	}
	resp, err := m.client.Do(r)
	if err != nil {
		w.stop()
		if w.late.Load() {
			return nil, fmt.Errorf("no answer within %v", m.o.HeaderTimeout)
		}
		return nil, cleanError(err)
	}
	w.timer.Stop()
	body := &watchedBody{body: resp.Body, watch: w, limit: &m.o.HTTP, idle: m.o.IdleTimeout}
	resp.Body = body
	a, err := m.read(resp, rq)
	if err != nil || a.notModified {
		body.drain()
	}
	return a, err
}

// isPlain tells whether the request asks for a whole file, as most do.
func (rq *request) isPlain() bool {
	return !rq.pack && !rq.fresh && rq.off == 0 && rq.end == 0 && rq.known == nil
}

func (rq *request) header(h http.Header, agent string) {
	h.Set("User-Agent", agent)
	h.Set("Accept-Encoding", "identity")
	if rq.pack {
		h.Set("Accept-Encoding", "gzip")
	}
	if rq.fresh {
		h.Set("Cache-Control", "no-cache")
	}
	switch {
	case rq.end > 0:
		h.Set("Range", fmt.Sprintf("bytes=%d-%d", rq.off, rq.end-1))
	case rq.off > 0:
		h.Set("Range", fmt.Sprintf("bytes=%d-", rq.off))
	}
	if rq.tag != "" && h.Get("Range") != "" {
		h.Set("If-Range", rq.tag)
	}
	if rq.known != nil {
		if rq.known.ETag != "" {
			h.Set("If-None-Match", rq.known.ETag)
		} else if rq.known.Modified != "" {
			h.Set("If-Modified-Since", rq.known.Modified)
		}
	}
}

// read makes an answer of a response.
func (m *Mirror) read(resp *http.Response, rq request) (*answer, error) {
	a := &answer{body: resp.Body, size: resp.ContentLength, tag: rangeTag(resp)}
	if rq.pack {
		a.stamp = stampOf(resp)
	}
	switch resp.StatusCode {
	case http.StatusOK:
		if err := decode(a, resp, rq); err != nil {
			return nil, err
		}
		return a, nil
	case http.StatusPartialContent:
		var err error
		var last int64
		a.from, last, a.size, err = contentRange(resp.Header.Get("Content-Range"))
		a.part = a.from == rq.off && (rq.end == 0 || last < rq.end)
		switch {
		case err != nil:
			return nil, err
		case a.from > rq.off:
			return nil, wrong("the server sends a part that begins at byte %d instead of %d", a.from, rq.off)
		case isEncoded(resp) && a.size != rq.size:
			return nil, errEncodedPart
		}
		return a, nil
	case http.StatusNotModified:
		if rq.known != nil {
			a.notModified, a.body = true, nil
			return a, nil
		}
	case http.StatusRequestedRangeNotSatisfiable:
		_, total, _ := strings.Cut(resp.Header.Get("Content-Range"), "/")
		if size, err := strconv.ParseInt(total, 10, 64); err == nil && size <= rq.off {
			return nil, wrong("the file ends at byte %d, where more is listed", size)
		}
	}
	return nil, &statusError{
		code:  resp.StatusCode,
		after: retryAfter(resp.Header.Get("Retry-After"), m.o.Now()),
		known: resp.Request.Header.Get("Authorization") != "",
	}
}

// errEncodedPart says that a part is one of a compressed file, which only makes sense from its beginning on.
var errEncodedPart = errors.New("the server sends a part of a compressed form of the file")

// contentRange reads "bytes 5-9/10" or "bytes 5-9/*".
func contentRange(text string) (from, to, size int64, err error) {
	bad := wrong("the server sends a part without saying which (Content-Range %q)", text)
	part, ok := strings.CutPrefix(text, "bytes ")
	part, total, found := strings.Cut(part, "/")
	first, last, found2 := strings.Cut(part, "-")
	from, err1 := strconv.ParseInt(first, 10, 64)
	to, err2 := strconv.ParseInt(last, 10, 64)
	if !ok || !found || !found2 || err1 != nil || err2 != nil || from < 0 || to < from {
		return 0, 0, 0, bad
	}
	if total == "*" {
		return from, to, -1, nil
	}
	size, err = strconv.ParseInt(total, 10, 64)
	if err != nil || size <= to {
		return 0, 0, 0, bad
	}
	return from, to, size, nil
}

// rangeTag returns what names these very bytes for If-Range: a strong ETag, or the date if it is old enough to be one.
func rangeTag(resp *http.Response) string {
	if tag := resp.Header.Get("ETag"); tag != "" {
		if strings.HasPrefix(tag, "W/") {
			return ""
		}
		return tag
	}
	if settled(resp) {
		return resp.Header.Get("Last-Modified")
	}
	return ""
}

// settled tells whether a file was not changed in the second before it was sent: dates, and the ETags that servers make
// of them, cannot tell two contents of one second apart.
func settled(resp *http.Response) bool {
	modified, err1 := http.ParseTime(resp.Header.Get("Last-Modified"))
	now, err2 := http.ParseTime(resp.Header.Get("Date"))
	return err1 == nil && err2 == nil && now.Sub(modified) > time.Second
}
