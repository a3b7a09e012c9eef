package maintain

import (
	"context"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
)

// TestOneDeltaAtATime: while a delta is being made, which waits for who reads it, another is not begun.
func TestOneDeltaAtATime(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	const size, inPipe = 1 << 20, 128 << 10
	for i, name := range []string{"old", "new"} {
		b := make([]byte, size)
		rand.NewChaCha8([32]byte{byte(i)}).Read(b)
		if err := os.WriteFile(in(name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(in("first"), 0o644); err != nil {
		t.Fatal(err)
	}
	var d VCDIFF
	var all sync.WaitGroup
	encode := func(delta string) {
		if err := d.Encode(context.Background(), in("old"), in("new"), in(delta)); err != nil {
			t.Error(err)
		}
	}
	all.Go(func() { encode("first") })
	first, err := os.Open(in("first"))
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	all.Go(func() { encode("second") })
	for read := 0; ; {
		if _, err := os.Stat(in("second")); err == nil && read < size-inPipe {
			t.Fatal("the second was begun before the first was written")
		}
		n, err := first.Read(make([]byte, 4<<10))
		if read += n; err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	all.Wait()
	if err := d.Verify(t.Context(), in("old"), in("second"), in("new")); err != nil {
		t.Error(err)
	}
}
