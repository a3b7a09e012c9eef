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
