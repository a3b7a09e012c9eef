//go:build unix

package main

import (
	"net"
	"time"
)

// delayed serves what is at address as if it were far away: every byte takes delay to get there, and to come back.
// It returns where to ask instead.
func delayed(address string, delay time.Duration) (net.Listener, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", address)
			if err != nil {
				client.Close()
				continue
			}
			go carry(server, client, delay)
			go carry(client, server, delay)
		}
	}()
	return l, nil
}

// carry writes to dst what comes from src, each part after delay, and closes both at the end.
func carry(dst, src net.Conn, delay time.Duration) {
	type part struct {
		data []byte
		due  time.Time
	}
	parts := make(chan part, 64)
	go func() {
		defer close(parts)
		for {
			data := make([]byte, 16<<10)
			n, err := src.Read(data)
			if err != nil {
				return
			}
			parts <- part{data[:n], time.Now().Add(delay)}
		}
	}()
	for p := range parts {
		time.Sleep(time.Until(p.due))
		if _, err := dst.Write(p.data); err != nil {
			break
		}
	}
	dst.Close()
	src.Close()
	for range parts { // whoever reads may wait to hand on one more
	}
}
