package fetch

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// lines are the connections of pipelines to the root.
type lines struct {
	root    *source
	dial    func(ctx context.Context, network, address string) (net.Conn, error)
	tls     *tls.Config
	wait    time.Duration // for a connection, and for an answer: when it is over, whoever asks for an item alone waits on
	log     *slog.Logger
	alone   atomic.Bool // items are asked for alone, as the root does not do otherwise
	buffers sync.Pool   // *[MaxPipelined]byte

	mu   sync.Mutex
	idle []*line
}

// lineWait is the most that pipelines wait.
const lineWait = 10 * time.Second

// line is a connection on which several requests may be under way.
type line struct {
	all     *lines
	conn    net.Conn
	limit   *io.LimitedReader // of conn: nothing that a server sends is endless
	in      *bufio.Reader
	out     *bufio.Writer
	answers int // that came
}

// lines returns the connections of pipelines, which are those that transport would make. It returns nil if there are to be none.
func (o *Options) lines(root *source, transport *http.Transport) *lines {
	if root.base == nil || o.MaxConns > 0 {
		return nil
	}
	if proxy, err := transport.Proxy(&http.Request{URL: root.base}); proxy != nil || err != nil {
		return nil
	}
	return &lines{
		root: root, dial: transport.DialContext, tls: transport.TLSClientConfig, wait: min(lineWait, o.HeaderTimeout), log: o.Logger,
		buffers: sync.Pool{New: func() any { return new([MaxPipelined]byte) }},
	}
}

// get returns a connection that nobody uses.
func (x *lines) get(ctx context.Context) (*line, error) {
	if l := x.take(); l != nil {
		return l, nil
	}
	ctx, cancel := context.WithTimeout(ctx, x.wait)
	defer cancel()
	conn, err := x.connect(ctx)
	if err != nil {
		return nil, err
	}
	limit := &io.LimitedReader{R: conn}
	return &line{all: x, conn: conn, limit: limit, in: bufio.NewReaderSize(limit, 64<<10), out: bufio.NewWriterSize(conn, 16<<10)}, nil
}

func (x *lines) connect(ctx context.Context) (net.Conn, error) {
	u := x.root.base
	conn, err := x.dial(ctx, "tcp", net.JoinHostPort(u.Hostname(), portOf(u)))
	if err != nil || u.Scheme != "https" {
		return conn, err
	}
	config := x.tls.Clone()
	config.ServerName = u.Hostname()
	secure := tls.Client(conn, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return secure, nil
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

// keep leaves a connection, on which nothing is under way, to others, if it is of use to them.
func (x *lines) keep(l *line) bool {
	if !l.tried() || l.in.Buffered() > 0 {
		return false
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.idle = append(x.idle, l)
	return true
}

func (x *lines) close() {
	for l := x.take(); l != nil; l = x.take() {
		l.conn.Close()
	}
}

// blame has all items be asked for alone from now on.
func (x *lines) blame(why error) {
	if !x.alone.Swap(true) {
		x.log.Debug("small files are asked for one by one", "url", x.root.name(""), "error", why)
	}
}

// tried tells whether the server has answered more than one request, as not all do.
func (l *line) tried() bool { return l.answers > 1 }

// within ends what is done on the connection when ctx ends, or after a while. The function that it returns is to be called
// when it is done.
func (l *line) within(ctx context.Context) (done func() bool) {
	_ = l.conn.SetDeadline(time.Now().Add(l.all.wait)) // of a closed connection: reading and writing fail anyway
	return context.AfterFunc(ctx, func() { l.conn.Close() })
}

func (l *line) send(ctx context.Context, requests []*http.Request) error {
	defer l.within(ctx)()
	for _, r := range requests {
		if err := r.Write(l.out); err != nil {
			return err
		}
	}
	return l.out.Flush()
}

// receive reads the next answer, and the content if it is a file of that size.
func (l *line) receive(ctx context.Context, size int64) (*http.Response, io.ReadCloser, error) {
	defer l.within(ctx)()
	l.limit.N = 64<<10 + size // with its header
	resp, err := http.ReadResponse(l.in, nil)
	if err != nil || resp.StatusCode != http.StatusOK || resp.ContentLength != size {
		return resp, nil, err
	}
	buffer := l.all.buffers.Get().(*[MaxPipelined]byte)
	data := &received{buffer: buffer, rest: buffer[:size], pool: &l.all.buffers}
	if _, err := io.ReadFull(resp.Body, data.rest); err != nil {
		data.Close()
		return nil, nil, err
	}
	l.answers++
	return resp, data, nil
}

// received is content that is there.
type received struct {
	buffer *[MaxPipelined]byte // nil: closed
	rest   []byte
	pool   *sync.Pool
}

func (r *received) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func (r *received) Close() error {
	if r.buffer != nil {
		r.pool.Put(r.buffer)
	}
	r.buffer, r.rest = nil, nil
	return nil
}
