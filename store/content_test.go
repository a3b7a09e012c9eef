package store_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/store/storetest"
)

// TestHolds compares contents of sizes around those that are read at once, however their readers divide and end them.
func TestHolds(t *testing.T) {
	const part = 32 << 10
	var m store.Memory
	for _, size := range []int{0, 1, part - 1, part, part + 1, 3 * part} {
		data := bytes.Repeat([]byte("x"), size)
		storetest.Put(t, &m, "there", string(data))
		other := bytes.Clone(data)
		if size > 0 {
			other[size-1] = 'y'
		}
		for name, c := range map[string]struct {
			data []byte
			want bool
		}{
			"same":    {data, true},
			"longer":  {append(bytes.Clone(data), 'x'), false},
			"shorter": {data[:max(size-1, 0)], size == 0},
			"other":   {other, size == 0},
		} {
			for kind, read := range map[string]func(io.Reader) io.Reader{"whole": func(r io.Reader) io.Reader { return r }, "halves": iotest.HalfReader, "end with data": iotest.DataErrReader} {
				content := store.Content{Size: -1, Open: func(context.Context, int64) (io.ReadCloser, error) {
					return io.NopCloser(read(bytes.NewReader(c.data))), nil
				}}
				if got, err := store.Holds(t.Context(), &m, "there", content); err != nil || got != c.want {
					t.Errorf("%d bytes, %s, %s: %v, %v, want %v", size, name, kind, got, err, c.want)
				}
			}
		}
	}
	if got, err := store.Holds(t.Context(), &m, "absent", store.Bytes(nil)); err != nil || got {
		t.Errorf("nothing holds no bytes: %v, %v", got, err)
	}
	broken := errors.New("broken")
	content := store.Content{Size: -1, Open: func(context.Context, int64) (io.ReadCloser, error) {
		return io.NopCloser(iotest.ErrReader(broken)), nil
	}}
	if _, err := store.Holds(t.Context(), &m, "there", content); !errors.Is(err, broken) {
		t.Errorf("content that cannot be read: %v", err)
	}
}

// TestRendered reads what is rendered as it was written, whole and from everywhere, however often.
func TestRendered(t *testing.T) {
	parts := [][]byte{[]byte("first"), nil, bytes.Repeat([]byte("second "), 20_000), []byte("third")}
	whole, broken := bytes.Join(parts, nil), errors.New("broken")
	var last error // of the last run
	render := func(end error) store.Content {
		return store.Rendered(func(w io.Writer) (err error) {
			defer func() { last = err }()
			for _, part := range parts {
				if _, err := w.Write(part); err != nil {
					return err
				}
			}
			return end
		})
	}
	for _, off := range []int{0, 1, 5, 70_000, len(whole), len(whole) + 1} {
		r, err := render(nil).Open(t.Context(), int64(off))
		if err != nil {
			t.Fatal(err)
		}
		if err := iotest.TestReader(r, whole[min(off, len(whole)):]); err != nil {
			t.Errorf("from %d: %v", off, err)
		}
		if err := r.Close(); err != nil || last != nil {
			t.Errorf("from %d: Close: %v, %v", off, err, last)
		}
	}
	r, err := render(broken).Open(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != broken || !bytes.Equal(got, whole) {
		t.Errorf("of what breaks, %d bytes and %v", len(got), err)
	}
	if _, err := render(broken).Open(t.Context(), int64(len(whole))+1); !errors.Is(err, broken) {
		t.Errorf("Open behind the end of what breaks: %v", err)
	}
	if r, err = render(nil).Open(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	last = nil
	if err := r.Close(); err != nil || last == nil {
		t.Errorf("Close early: %v; then the writer is told %v", err, last)
	}
}
