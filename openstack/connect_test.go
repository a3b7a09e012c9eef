package openstack

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// sizes notes how much each write to a connection has.
type sizes struct {
	net.Conn
	mu   *sync.Mutex
	list *[]int
}

func (c sizes) Write(p []byte) (int, error) {
	c.mu.Lock()
	*c.list = append(*c.list, len(p))
	c.mu.Unlock()
	return c.Conn.Write(p)
}

// A long body is written in large blocks, each of which has its own time.
func TestLargeWrites(t *testing.T) {
	var mu sync.Mutex
	var list []int
	data := bytes.Repeat([]byte("0123456789abcdef"), 4*blockSize/16)
	got := make(chan []byte, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- body
	}))
	defer server.Close()
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		return &patientConn{sizes{conn, &mu, &list}, time.Minute}, err
	}}
	defer transport.CloseIdleConnections()
	body := &attempt{open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, server.URL, body)
	if err != nil {
		t.Fatal(err)
	}
	req.ContentLength = int64(len(data))
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if !bytes.Equal(<-got, data) {
		t.Error("another body arrived")
	}
	mu.Lock()
	defer mu.Unlock()
	if len(list) > 8 { // four blocks, the header, and what went along with it
		t.Errorf("%d writes for 4 blocks: %v", len(list), list)
	}
}
