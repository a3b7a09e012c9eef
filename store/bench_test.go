//go:build unix

package store_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/store/storetest"
)

// BenchmarkSmallFiles writes 20,000 files of 4 KiB, verified and durable, beside cp -r of the same tree, which is
// neither, and cp -r with a sync, which is durable.
//
//	go test -run '^$' -bench SmallFiles -benchtime 3x ./store
func BenchmarkSmallFiles(b *testing.B) {
	from := b.TempDir()
	source := openDir(b, from)
	items := smallFiles(b, source, 20_000)
	compare(b, []peer{
		{"cp", func(to string) { runCommand(b, "cp", "-r", from+"/.", to) }},
		{"cp+sync", func(to string) {
			runCommand(b, "cp", "-r", from+"/.", to)
			runCommand(b, "sync", "-f", to)
		}},
		{"ours", func(to string) { copyAll(b, source, openDir(b, to), items) }},
	})
}

// peer is one of several programs that do the same.
type peer struct {
	name string
	run  func(to string)
}

// compare lets the peers take turns, so that all meet the same machine, and reports the seconds that each needs, on the
// clock and of the processor.
func compare(b *testing.B, peers []peer) {
	wall, cpu := make([]time.Duration, len(peers)), make([]time.Duration, len(peers))
	for range b.N {
		for i, p := range peers {
			to, err := os.MkdirTemp(b.TempDir(), "")
			if err != nil {
				b.Fatal(err)
			}
			runCommand(b, "sync")
			start, before := time.Now(), cpuTime(b)
			p.run(to)
			wall[i] += time.Since(start)
			cpu[i] += cpuTime(b) - before // what was written stays: ext4 is slow to create what was deleted a moment ago
		}
	}
	for i, p := range peers {
		b.ReportMetric(wall[i].Seconds()/float64(b.N), p.name+"-s")
		b.ReportMetric(cpu[i].Seconds()/float64(b.N), p.name+"-cpu-s")
	}
	b.ReportMetric(0, "ns/op") // the sum of all peers says nothing
}

type item struct {
	path    string
	content store.Content
}

// smallFiles makes n files of 4 KiB, 5 in a directory.
func smallFiles(b *testing.B, s *store.Dir, n int) []item {
	var items []item
	for i := range n {
		path := fmt.Sprintf("images/p%02d/v%04d/item%d", i/5%40, i/5, i%5)
		data := make([]byte, 4096)
		copy(data, path)
		c := storetest.Content(data)
		if err := s.PutSoon(b.Context(), path, c); err != nil {
			b.Fatal(err)
		}
		c.Open = func(ctx context.Context, off int64) (io.ReadCloser, error) { return s.Open(ctx, path, off) }
		items = append(items, item{path, c})
	}
	if err := s.Sync(b.Context()); err != nil {
		b.Fatal(err)
	}
	return items
}

// copyAll puts the items with several workers, as a mirror does.
func copyAll(b *testing.B, from, to *store.Dir, items []item) {
	var workers sync.WaitGroup
	queue := make(chan item)
	for range 4 {
		workers.Go(func() {
			for it := range queue {
				if err := to.PutSoon(b.Context(), it.path, it.content); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for _, it := range items {
		queue <- it
	}
	close(queue)
	workers.Wait()
	if err := to.Sync(b.Context()); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkLargeFile writes a file of 1 GiB, verified and durable, beside cp with a sync, which does not verify, and
// openssl, which only computes the digest.
func BenchmarkLargeFile(b *testing.B) {
	const size = 1 << 30
	file := filepath.Join(b.TempDir(), "large")
	runCommand(b, "sh", "-c", fmt.Sprintf("openssl enc -aes-128-ctr -K 00 -iv 00 -in /dev/zero 2>/dev/null | head -c %d > %s", size, file))
	sum, err := exec.Command("sha256sum", file).Output()
	if err != nil {
		b.Fatal(err)
	}
	c := store.Content{Size: size, Open: func(_ context.Context, off int64) (io.ReadCloser, error) {
		f, err := os.Open(file)
		if err == nil {
			_, err = f.Seek(off, io.SeekStart)
		}
		return f, err
	}}
	c.Digest.Algorithm, c.Digest.Hex = "sha256", string(sum[:64])
	compare(b, []peer{
		{"cp+sync", func(to string) {
			runCommand(b, "cp", file, to+"/large")
			runCommand(b, "sync", to+"/large")
		}},
		{"sha256", func(string) { runCommand(b, "openssl", "dgst", "-sha256", file) }},
		{"ours", func(to string) {
			if err := openDir(b, to).Put(b.Context(), "large", c); err != nil {
				b.Fatal(err)
			}
		}},
	})
}

func runCommand(b *testing.B, name string, args ...string) {
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		b.Fatalf("%s: %v: %s", name, err, out)
	}
}

// cpuTime is what this process and its children have used so far.
func cpuTime(b *testing.B) time.Duration {
	var sum time.Duration
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if err := syscall.Getrusage(who, &u); err != nil {
			b.Fatal(err)
		}
		sum += time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	return sum
}
