//go:build unix

package fetch_test

import (
	"context"
	"fmt"
	"io"
	"syscall"
	"testing"
	"time"

	"github.com/seed-43fb3962/sstream/fetch"
	"github.com/seed-43fb3962/sstream/fetch/fetchtest"
	"github.com/seed-43fb3962/sstream/store"
)

// BenchmarkContent reads over the loopback, with client and server in one process, against a plain GET.
func BenchmarkContent(b *testing.B) {
	for _, size := range []int{4 << 10, 64 << 20} {
		body := noise(size)
		s := fetchtest.New(b, map[string]string{"item": body})
		whole, split := open(b, s.URL, fetch.Options{}), open(b, s.URL, parts())
		content := func(m *fetch.Mirror) func() (io.ReadCloser, error) {
			return func() (io.ReadCloser, error) {
				return m.Content("item", int64(size), sha256Digest).Open(context.Background(), 0)
			}
		}
		client := s.Client()
		plain := func() (io.ReadCloser, error) {
			r, err := client.Get(s.URL + "item")
			if err != nil {
				return nil, err
			}
			return r.Body, nil
		}
		b.Run(fmt.Sprintf("%dKiB/plain", size>>10), func(b *testing.B) { benchmark(b, size, plain) })
		b.Run(fmt.Sprintf("%dKiB/content", size>>10), func(b *testing.B) { benchmark(b, size, content(whole)) })
		if size > 4<<20 {
			b.Run(fmt.Sprintf("%dKiB/parts", size>>10), func(b *testing.B) { benchmark(b, size, content(split)) })
		}
	}
}

func benchmark(b *testing.B, size int, open func() (io.ReadCloser, error)) {
	b.SetBytes(int64(size))
	b.ReportAllocs()
	buf := make([]byte, 256<<10)
	before := cpu()
	for b.Loop() {
		r, err := open()
		if err != nil {
			b.Fatal(err)
		}
		n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{r}, buf)
		if n != int64(size) || err != nil {
			b.Fatal(n, err)
		}
		r.Close()
	}
	b.ReportMetric(float64((cpu()-before).Microseconds())/float64(b.N), "cpu-µs/op")
}

// cpu is what this process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkPipeline reads 64 items of 4 KiB, one by one and through a pipeline.
func BenchmarkPipeline(b *testing.B) {
	files, items := map[string]string{}, []fetch.Item{}
	for i := range 64 {
		path := fmt.Sprintf("f%02d", i)
		files[path] = noise(4 << 10)
		items = append(items, itemOf(path, files[path]))
	}
	m := open(b, fetchtest.New(b, files).URL, never())
	alone := func(p *fetch.Pipeline, i int) store.Content {
		return m.Content(items[i].Path, items[i].Size, items[i].Digest)
	}
	for name, content := range map[string]func(p *fetch.Pipeline, i int) store.Content{"one by one": alone, "pipeline": (*fetch.Pipeline).Content} {
		b.Run(name, func(b *testing.B) {
			before := cpu()
			for b.Loop() {
				p := m.Pipeline(items)
				for i := range items {
					r, err := content(p, i).Open(b.Context(), 0)
					if err != nil {
						b.Fatal(err)
					}
					if n, err := io.Copy(io.Discard, r); n != items[i].Size || err != nil {
						b.Fatal(n, err)
					}
					r.Close()
				}
				p.Close()
			}
			b.ReportMetric(float64((cpu()-before).Microseconds())/float64(b.N*len(items)), "cpu-µs/item")
		})
	}
}
