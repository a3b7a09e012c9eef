package fetchtest

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"sync"
	"testing"
)

// Dial starts to serve within the process, without a network, so that package testing/synctest can tell when everything
// waits. It returns how to connect. The server ends with the test.
func (s *Server) Dial(t testing.TB) func(ctx context.Context, network, addr string) (net.Conn, error) {
	l := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
	server := &http.Server{Handler: s}
	go server.Serve(l)
	t.Cleanup(func() {
		close(s.closed)
		server.Close()
	})
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		here, there := net.Pipe()
		select {
		case l.conns <- there:
			return newBuffered(here), nil
		case <-l.done:
			return nil, net.ErrClosed
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// buffered is a connection whose writer does not wait until the other side reads.
type buffered struct {
	net.Conn
	data chan []byte
	done chan struct{}
	once sync.Once
}

func newBuffered(c net.Conn) *buffered {
	b := &buffered{Conn: c, data: make(chan []byte, 1000), done: make(chan struct{})}
	go func() {
		for {
			select {
			case data := <-b.data:
				_, _ = c.Write(data)
			case <-b.done:
				return
			}
		}
	}()
	return b
}

func (b *buffered) Write(p []byte) (int, error) {
	select {
	case b.data <- bytes.Clone(p):
		return len(p), nil
	case <-b.done:
		return 0, net.ErrClosed
	}
}

func (b *buffered) Close() error {
	b.once.Do(func() { close(b.done) })
	return b.Conn.Close()
}

// pipes is a listener for connections within the process.
type pipes struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func (l *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipes) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }
