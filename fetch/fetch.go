// Package fetch reads a Simple Streams mirror: a directory, or a tree on a web server, with other mirrors behind it.
//
// A [Mirror] reads two kinds of things. A document (an index or a products file) is small and is read as a whole, once:
// what was read is what is verified, parsed, returned, and published by whoever mirrors it ([Mirror.Document],
// [Mirror.Walk]). An item is large and is a [store.Content]: a stream that resumes where it broke off, from the same
// mirror or the next ([Mirror.Content]).
//
// A mirror that does not hold a file, answers with an error or stops in the middle is not the end: the next is asked,
// and all of them again after a while, unless asking again is of no use.
package fetch

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"time"

	"github.com/seed-43fb3962/sstream/sign"
	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/streams"
)

// Options say how a mirror is read. The zero value reads unsigned documents and trusts nobody's signature.
type Options struct {
	Mirrors  []string     // roots that are asked when the first one fails; nil: none
	Policy   *sign.Policy // who must have signed what is signed; nil: nobody is trusted, so that a .sjson document is refused
	Detached Detached     // whether other documents need a signature beside them; the zero value: no
	Cache    Cache        // documents of an earlier run; nil: none
	NoStamps bool         // documents come without their stamps, which nobody will keep; false: with them
	Logger   *slog.Logger // nil: nothing is logged

	// ParseLater has a walk yield products files that the cache knows as such unparsed, with neither Index nor Products, so
	// that whoever needs more than to know that nothing has changed calls [Document.Parse]. False: all are parsed.
	ParseLater bool

	MaxDocument int64 // bytes that a document may have, unpacked; 0: 1 GiB
	MaxDepth    int   // indexes that may lie inside one another; 0: 8

	// MaxAge is how old the document that a walk begins with may be by its field updated: see [CheckAge]. 0: any age.
	MaxAge time.Duration

	HTTP // for mirrors on a web server
}

// HTTP says how web servers are talked to. Proxies are those of the environment (HTTPS_PROXY and the like).
type HTTP struct {
	UserAgent string      // "": "sstream"
	Header    http.Header // sent to the root itself, not to other mirrors nor where it redirects to; nil: none
	Bearer    string      // a token, sent as Header is; "": none
	Netrc     string      // file with users and passwords by host, see [NetrcPath]; "": none
	CAFile    string      // PEM certificates that are trusted besides the system's; "": none
	CertFile  string      // PEM client certificate; "": none
	KeyFile   string      // PEM key of CertFile; "": it is in CertFile

	ConnectTimeout time.Duration // until a connection stands; 0: 30 s
	HeaderTimeout  time.Duration // until an answer begins; 0: 60 s
	IdleTimeout    time.Duration // without a byte of a body; 0: 60 s
	LowSpeed       int64         // bytes a second, below which a transfer is given up after LowSpeedTime; 0: 1024; negative: never
	LowSpeedTime   time.Duration // 0: 60 s

	Retries    int           // how often all mirrors are asked again; 0: 4 times; negative: never
	Backoff    time.Duration // the first wait between two rounds, which then doubles; 0: 500 ms
	MaxBackoff time.Duration // the longest wait, also when a server asks for more; 0: 60 s

	SplitSize int64 // items with a checksum are read in parts from all mirrors at once, from this size on; 0: never
	Streams   int   // parts that are read at once, of all items together, 4 MiB of memory each; 0: 4

	MaxConns int // connections to one host, which a [Pipeline] does not use then; 0: no limit

	// The world, for tests. Nil: the real one.
	Dial   func(ctx context.Context, network, addr string) (net.Conn, error)
	Sleep  func(ctx context.Context, d time.Duration) error
	Random func() float64 // in [0, 1), for the jitter of the waits
	Now    func() time.Time
}

func (o *Options) setDefaults() {
	if o.Policy == nil {
		o.Policy = &sign.Policy{}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	def(&o.MaxDocument, 1<<30)
	def(&o.MaxDepth, 8)
	def(&o.UserAgent, "sstream")
	def(&o.ConnectTimeout, 30*time.Second)
	def(&o.HeaderTimeout, time.Minute)
	def(&o.IdleTimeout, time.Minute)
	def(&o.LowSpeed, 1<<10)
	def(&o.LowSpeedTime, time.Minute)
	def(&o.Retries, 4)
	o.Retries = max(o.Retries, 0)
	def(&o.Backoff, 500*time.Millisecond)
	def(&o.MaxBackoff, time.Minute)
	def(&o.Streams, 4)
	o.Streams = max(o.Streams, 1)
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	if o.Random == nil {
		o.Random = rand.Float64
	}
	if o.Now == nil {
		o.Now = time.Now
	}
}

func def[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

// Mirror is a root with the mirrors behind it. It may be used by several goroutines at once.
type Mirror struct {
	o       Options
	sources []*source // the root first
	client  *http.Client
	plain   http.Header // of all requests for a whole file, which nobody changes
	buffers chan []byte // for parts; nil: not yet made
	lines   *lines      // nil: there are no pipelines
}

// Open prepares to read the mirror at root: a directory, or a file:, http: or https: URL. Nothing of it is read yet, but
// the files that o names are: passwords, certificates. A root without a slash at its end is taken as one with a slash, and
// if a document is not there, as it stands.
func Open(root string, o Options) (*Mirror, error) {
	o.setDefaults()
	m := &Mirror{o: o, plain: http.Header{}, buffers: make(chan []byte, o.Streams)}
	(&request{}).header(m.plain, o.UserAgent)
	for range o.Streams {
		m.buffers <- nil
	}
	for i, text := range append([]string{root}, o.Mirrors...) {
		s, err := newSource(text)
		if err != nil {
			return nil, fmt.Errorf("cannot use mirror %s: %w", Redact(text), err)
		}
		if i == 0 {
			s.header, s.bearer = o.Header, o.Bearer
		}
		m.sources = append(m.sources, s)
	}
	var err error
	m.client, m.lines, err = o.client(m.sources)
	if err != nil {
		return nil, err
	}
	return m, nil
}

// URL returns the address of a file as the tools print it: the root and the path, nothing encoded, the password included.
// Use [Redact] where it is shown or logged.
func (m *Mirror) URL(path string) string { return m.sources[0].prefix() + path }

// Dir returns the directory that the root is, "" if it is on a web server.
func (m *Mirror) Dir() string {
	if m.sources[0].base != nil {
		return ""
	}
	return cmp.Or(m.sources[0].dir, ".")
}

// Open reads a file whose size and checksum are not known, from byte off on. It makes m a [store.Source].
func (m *Mirror) Open(ctx context.Context, path string, off int64) (io.ReadCloser, error) {
	return m.Content(path, -1, streams.Digest{}).Open(ctx, off)
}

var _ store.Source = (*Mirror)(nil)

// Close gives up idle connections, once all pipelines are closed.
func (m *Mirror) Close() error {
	m.client.CloseIdleConnections()
	if m.lines != nil {
		m.lines.close()
	}
	return nil
}
