package main

import (
	"bytes"
	"math"
	"testing"
	"time"
)

// TestProgressLines shows a line every five seconds where there is no terminal, and one at the end.
func TestProgressLines(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(&app{stderr: &out}, true)
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	p.now = func() time.Time { return now }
	p.Start(2, 2<<20)
	for range 8 {
		now = now.Add(time.Second)
		p.Bytes("a", 128<<10)
	}
	p.Done("a", nil)
	now = now.Add(time.Second)
	p.Bytes("b", 1<<20)
	p.Done("b", nil)
	p.close()
	const want = "0 of 2 files, 640.0 KiB of 2.0 MiB, 128.0 KiB/s, 11s left\n" +
		"2 of 2 files, 2.0 MiB of 2.0 MiB, 227.6 KiB/s, 0s left\n"
	if out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
	out.Reset()
	slow := newProgress(&app{stderr: &out}, true)
	slow.now = func() time.Time { return now }
	slow.Start(1, math.MaxInt64)
	now = now.Add(5 * time.Second)
	slow.Bytes("a", 10)
	if want := "0 of 1 files, 10 B of 8.0 EiB, 2 B/s, 9999h0m0s left\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
	out.Reset()
	silent := newProgress(&app{stderr: &out}, false)
	silent.Start(1, 1)
	silent.Bytes("a", 1)
	silent.close()
	if out.Len() > 0 {
		t.Errorf("unasked: %q", out.String())
	}
}
