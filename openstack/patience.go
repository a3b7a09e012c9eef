package openstack

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// patientConn gives every write its own time: net/http has no limit for a server that stops taking a body.
type patientConn struct {
	net.Conn
	timeout time.Duration
}

func (c *patientConn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.timeout)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// ReadFrom sends a body in large blocks. In the small ones of net/http it takes the server a twentieth more time.
func (c *patientConn) ReadFrom(r io.Reader) (int64, error) {
	return io.CopyBuffer(struct{ io.Writer }{c}, r, make([]byte, blockSize))
}

// patient gives every read of an answer its own time, too. A connection has none to give: while a body is sent, nothing comes.
type patient struct {
	timeout time.Duration
	next    http.RoundTripper
}

func (p patient) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	resp, err := p.next.RoundTrip(req.WithContext(ctx))
	if err != nil {
		cancel(nil)
		return nil, err
	}
	resp.Body = &patientBody{resp.Body, p.timeout, cancel}
	return resp, nil
}

type patientBody struct {
	io.ReadCloser
	timeout time.Duration
	cancel  context.CancelCauseFunc // ends the request
}

func (b *patientBody) Read(p []byte) (int, error) {
	timer := time.AfterFunc(b.timeout, func() { b.cancel(fmt.Errorf("the server sent nothing for %v", b.timeout)) })
	defer timer.Stop()
	return b.ReadCloser.Read(p) // the transport returns the cause
}

func (b *patientBody) Close() error {
	defer b.cancel(nil)
	return b.ReadCloser.Close()
}
