//go:build unix

package web_test

import (
	"path/filepath"
	"syscall"
	"testing"
)

// TestHandlerFifo: nobody waits for what may never be written.
func TestHandlerFifo(t *testing.T) {
	dir := tree(t, map[string]string{"index.html": "<p>"})
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	if r := ask(handler(t, dir), "GET", "/pipe"); r.StatusCode != 404 {
		t.Errorf("GET /pipe: %d, want 404", r.StatusCode)
	}
}
