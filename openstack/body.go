package openstack

import (
	"errors"
	"io"
	"net/http"
	"sync"
)

// Body is what a request sends if it is too long to be held in memory.
type Body struct {
	Size int64 // in bytes; -1: unknown, sent in chunks

	// Open reads it from its start. It is called when the server asks for the first byte, and once more for each
	// time that the request has to be made anew, as after the renewal of a token. A body that cannot be read twice
	// returns an error then, and the request fails with it.
	Open func() (io.ReadCloser, error)
}

// stream is a Body on its way through gophercloud, which repeats a request after a 401 with what is left of the body
// unless that can seek, and does so while the transport may still be reading it. So the library is given a stream
// that seeks and holds nothing, and guard below gives every attempt a reader of its own.
type stream struct {
	body    Body
	mu      sync.Mutex
	current *attempt
}

// Read is never called: the transport reads an attempt.
func (s *stream) Read([]byte) (int, error) {
	return 0, errors.New("a request's body was read outside of its attempt")
}

// Seek says that the body can be read from its start, as each attempt does.
func (s *stream) Seek(int64, int) (int64, error) { return 0, nil }

// Close ends nothing: the transport closes the attempt.
func (s *stream) Close() error { return nil }

// next ends the attempt before and begins another.
func (s *stream) next() *attempt {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != nil {
		s.current.Close()
	}
	s.current = &attempt{open: s.body.Open}
	return s.current
}

// attempt reads a Body once. It is opened by the first Read, so that a request that was refused before has taken
// nothing. The last block is passed on only once the source has ended well: a server that has the whole body has the
// right one, even if this program dies in the next moment.
type attempt struct {
	mu     sync.Mutex
	open   func() (io.ReadCloser, error)
	r      io.ReadCloser
	blocks [2][]byte
	turn   int    // the block that was read last
	held   []byte // what is in it
	ready  []byte // what may be passed on, of the other one
	end    error  // what the source answered last: io.EOF if it is at its end
	closed bool
}

const blockSize = 256 << 10

func (a *attempt) Read(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return 0, errors.New("the request has ended")
	}
	if a.r == nil && a.end == nil {
		a.start()
	}
	if len(a.ready) == 0 {
		a.advance()
	}
	if a.failed() != nil || len(a.ready) == 0 {
		return 0, a.end
	}
	n := copy(p, a.ready)
	a.ready = a.ready[n:]
	return n, nil
}

func (a *attempt) start() {
	if a.r, a.end = a.open(); a.end == nil {
		a.blocks = [2][]byte{make([]byte, blockSize), make([]byte, blockSize)}
		a.fill()
	}
}

// advance passes on the block that is held, and reads the one after it.
func (a *attempt) advance() {
	a.ready, a.held = a.held, nil
	if a.end == nil {
		a.turn = 1 - a.turn
		a.fill()
	}
}

// fill reads a whole block, or what is left. (io.ReadFull cannot tell a source that broke off from one that ended.)
func (a *attempt) fill() {
	block, n := a.blocks[a.turn], 0
	for n < len(block) && a.end == nil {
		var m int
		m, a.end = a.r.Read(block[n:])
		n += m
	}
	a.held = block[:n]
}

// failed is what kept the source from being read to its end.
func (a *attempt) failed() error {
	if a.end == io.EOF {
		return nil
	}
	return a.end
}

// Close waits for a Read that is under way: the next attempt may read the same source.
func (a *attempt) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	if a.r == nil {
		return nil
	}
	r := a.r
	a.r = nil
	return r.Close()
}

// failure is what kept the last attempt from being read to its end: the source's fault, not the server's.
func (s *stream) failure() error {
	s.mu.Lock()
	current := s.current
	s.mu.Unlock()
	if current == nil {
		return nil
	}
	current.mu.Lock()
	defer current.mu.Unlock()
	return current.failed()
}

// consentSize is from where on a server is asked for its consent first: a 401 or a 413 then costs no byte of the body.
// To ask costs tens of milliseconds with the Python servers.
const consentSize = 128 << 20

// guard gives every attempt at a request with a stream its own reader and its length.
type guard struct{ next http.RoundTripper }

func (g guard) RoundTrip(req *http.Request) (*http.Response, error) {
	s, ok := req.Body.(*stream)
	if !ok {
		return g.next.RoundTrip(req)
	}
	req = req.Clone(req.Context())
	req.Body = s.next()
	req.ContentLength = s.body.Size
	switch size := req.ContentLength; {
	case size == 0:
		req.Body.Close()
		req.Body = http.NoBody
	case size < 0 || size >= consentSize:
		req.Header.Set("Expect", "100-continue")
	}
	return g.next.RoundTrip(req)
}

// end takes the source away from a transport that may still hold it: the request has been answered.
func (s *stream) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != nil {
		s.current.Close()
	}
}
