package fetch

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// lines are the connections of pipelines to the root.
type lines struct {
	dial    func(ctx context.Context, network, address string) (net.Conn, error)
	tls     *tls.Config
	connect time.Duration // until a connection stands

	mu   sync.Mutex
	idle []*line
}

// line is a connection on which several requests may be under way.
type line struct {
	conn    net.Conn
	limit   *io.LimitedReader // of conn: nothing that a server sends is endless
	in      *bufio.Reader
	out     *bufio.Writer
	answers int // that began to come

	ctx    context.Context // of who uses it
	watch  *watch
	unhook func() bool // keeps the end of ctx from ending the connection, and tells whether that was in time
}

// headerRoom is how many bytes the header of an answer may have, if those of the others have as many.
const headerRoom = 64 << 10

// get returns a connection to s that nobody uses.
func (x *lines) get(ctx context.Context, s *source) (*line, error) {
	l := x.take()
	if l == nil {
		conn, err := x.open(ctx, s)
		if err != nil {
			return nil, err
		}
		l = &line{conn: conn, limit: &io.LimitedReader{R: conn}, out: bufio.NewWriter(conn)}
		l.in = bufio.NewReaderSize(l.limit, 64<<10)
	}
	l.ctx, l.watch = newWatch(ctx, x.connect)
	l.watch.timer.Stop()
	l.unhook = context.AfterFunc(l.ctx, func() { l.conn.Close() })
	return l, nil
}

func (x *lines) take() *line {
	x.mu.Lock()
	defer x.mu.Unlock()
	n := len(x.idle)
	if n == 0 {
		return nil
	}
	l := x.idle[n-1]
	x.idle = x.idle[:n-1]
	return l
}

func (x *lines) keep(l *line) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.idle = append(x.idle, l)
}

func (x *lines) close() {
	for l := x.take(); l != nil; l = x.take() {
		l.conn.Close()
	}
}

func (x *lines) open(ctx context.Context, s *source) (net.Conn, error) {
	proxy, err := http.ProxyFromEnvironment(&http.Request{URL: s.base})
	if err != nil || proxy != nil {
		return nil, errors.New("there is a proxy before it")
	}
	conn, err := x.dial(ctx, "tcp", net.JoinHostPort(s.base.Hostname(), portOf(s.base)))
	if err != nil || s.base.Scheme != "https" {
		return conn, err
	}
	config := x.tls.Clone()
	config.ServerName = s.base.Hostname()
	secure := tls.Client(conn, config)
	ctx, cancel := context.WithTimeout(ctx, x.connect)
	defer cancel()
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return secure, nil
}

// tried tells whether the server has answered more than one request, as not all do.
func (l *line) tried() bool { return l.answers > 1 }

// flush sends the requests that were written. No more than most bytes are read until the next time.
func (l *line) flush(most int64, wait time.Duration) error {
	l.limit.N = most
	l.watch.timer.Reset(wait)
	defer l.watch.timer.Stop()
	return l.out.Flush()
}

// receive reads the header of the next answer.
func (l *line) receive(wait time.Duration) (*http.Response, error) {
	l.watch.timer.Reset(wait)
	defer l.watch.timer.Stop()
	resp, err := http.ReadResponse(l.in, nil)
	if err == nil {
		l.answers++
	}
	return resp, err
}

// release leaves the connection to others, and tells whether it is of use to them.
func (l *line) release() bool {
	open := l.unhook()
	l.watch.stop()
	return open && l.tried() && l.in.Buffered() == 0
}

func (l *line) close() {
	l.unhook()
	l.watch.stop()
	l.conn.Close()
}
