//go:build unix

// Command build measures sstream build and prune over a tree of many small images, beside find and, if it is named,
// beside simplestream-maintainer: go run ./bench/build [-products 2000] [-peer PROGRAM]
//
// CPU seconds are user and system time; ratios compare medians within this run. With small files the time is that of
// walking, of the documents and of starting; -large adds a first build of two large images, beside the limit: a program
// that reads every byte once, and hashes it twice as the format demands, on all processors.
package main

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

func main() {
	products := flag.Int("products", 2000, "how many products, in 3 versions each")
	rounds := flag.Int("rounds", 3, "runs of each, interleaved")
	peer := flag.String("peer", "", "simplestream-maintainer to measure beside; none: only find")
	large := flag.Int64("large", 256<<20, "bytes of each of two large images; 0: none")
	limit := flag.Bool("limit", false, "only read the files that are named, and hash them twice")
	flag.Parse()
	if *limit {
		if err := hashTwice(flag.Args()); err != nil {
			log.Fatal(err)
		}
		return
	}
	if err := run(*products, *rounds, *peer, *large); err != nil {
		log.Fatal(err)
	}
}

func run(products, rounds int, peer string, large int64) error {
	work, err := os.MkdirTemp("", "bench-build")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	sstream, old := filepath.Join(work, "sstream"), filepath.Join(work, "simplestream-maintainer")
	if out, err := exec.Command("go", "build", "-o", sstream, "./cmd/sstream").CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	if err := os.Symlink(sstream, old); err != nil {
		return err
	}
	root := filepath.Join(work, "tree")
	if err := makeTree(root, products); err != nil {
		return err
	}
	b := &bench{rounds: rounds, root: root}
	tools := [][]string{{"sstream", sstream, "build", root, "--deltas", "none", "--loglevel", "error"}, {"old name", old, "build", root, "--loglevel", "error"}}
	if peer != "" {
		tools = append(tools, []string{"peer", peer, "build", root, "--loglevel", "error"})
	}
	fmt.Printf("%d products x 3 versions\n", products)
	if err := b.measure("first build", append(tools, []string{"find", "find", root}), b.forget); err != nil {
		return err
	}
	if err := b.measure("no change", append(tools, []string{"find", "find", root}), nil); err != nil {
		return err
	}
	prunes := [][]string{{"sstream", sstream, "prune", root, "--loglevel", "error"}, {"old name", old, "prune", root, "--loglevel", "error"}}
	if peer != "" {
		prunes = append(prunes, []string{"peer", peer, "prune", root, "--loglevel", "error"})
	}
	if err := b.measure("prune nothing", append(prunes, []string{"find", "find", root}), nil); err != nil {
		return err
	}
	if large == 0 {
		return nil
	}
	b.root = filepath.Join(work, "large")
	files, err := makeLarge(b.root, large)
	if err != nil {
		return err
	}
	fmt.Printf("2 images of %d MB, each listed with two digests\n", large>>20)
	tools = [][]string{{"sstream", sstream, "build", b.root, "--deltas", "none", "--loglevel", "error"}}
	if peer != "" {
		tools = append(tools, []string{"peer", peer, "build", b.root, "--loglevel", "error"})
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return b.measure("first build", append(tools, append([]string{"limit", self, "-limit"}, files...)), b.forget)
}

type bench struct {
	rounds int
	root   string
}

// forget makes the next build a first one.
func (b *bench) forget() error {
	for _, name := range []string{"streams", ".sstream"} {
		if err := os.RemoveAll(filepath.Join(b.root, name)); err != nil {
			return err
		}
	}
	return nil
}

// measure runs each tool several times in turn and prints medians; the ratio is to the last tool.
func (b *bench) measure(what string, tools [][]string, before func() error) error {
	cpu, wall, peak := make([][]float64, len(tools)), make([][]float64, len(tools)), make([]int64, len(tools))
	for round := range b.rounds + 1 { // the first warms up
		for i, tool := range tools {
			if before != nil {
				if err := before(); err != nil {
					return err
				}
			} else if err := quiet(tool); err != nil { // what another tool has left is settled
				return err
			}
			cmd := exec.Command(tool[1], tool[2:]...)
			start := time.Now()
			if err := cmd.Run(); err != nil {
				return fmt.Errorf("%v: %w", tool, err)
			}
			if round == 0 {
				continue
			}
			usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
			cpu[i] = append(cpu[i], (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds())
			wall[i] = append(wall[i], time.Since(start).Seconds())
			peak[i] = max(peak[i], usage.Maxrss>>10)
		}
	}
	last := median(cpu[len(tools)-1])
	for i, tool := range tools {
		fmt.Printf("  %-13s %-10s cpu %6.2f s  wall %6.2f s  %4d MB  %.2f x %s\n", what, tool[0], median(cpu[i]), median(wall[i]), peak[i], median(cpu[i])/last, tools[len(tools)-1][0])
	}
	return nil
}

// hashTwice is what a first build cannot do without.
func hashTwice(files []string) error {
	var g errgroup.Group
	for _, name := range files {
		g.Go(func() error {
			f, err := os.Open(name)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = io.CopyBuffer(io.MultiWriter(sha256.New(), sha256.New()), struct{ io.Reader }{f}, make([]byte, 256<<10))
			return err
		})
	}
	return g.Wait()
}

func quiet(tool []string) error { return exec.Command(tool[1], tool[2:]...).Run() }

func median(x []float64) float64 {
	slices.Sort(x)
	return x[len(x)/2]
}

func makeTree(root string, products int) error {
	for i := range products {
		for v := range 3 {
			dir := fmt.Sprintf("%s/images/distro%02d/rel%03d/amd64/v%d/202401%02d_0000", root, i%40, i/80, i/40%2, v+1)
			if err := os.MkdirAll(dir, 0o777); err != nil {
				return err
			}
			// Roots with names of their own, so that nobody makes deltas.
			for _, name := range []string{"lxd.tar.xz", fmt.Sprintf("root%d.squashfs", v), fmt.Sprintf("disk%d.qcow2", v)} {
				if err := os.WriteFile(filepath.Join(dir, name), fmt.Appendf(nil, "%s %d %d", name, i, v), 0o666); err != nil {
					return err
				}
			}
			config := fmt.Sprintf("simplestream:\n  distro_name: Distro %d\n  release_aliases: {rel%03d: r%d}\n", i%40, i/80, i/80)
			if err := os.WriteFile(filepath.Join(dir, "image.yaml"), []byte(config), 0o666); err != nil {
				return err
			}
		}
	}
	return nil
}

func makeLarge(root string, size int64) ([]string, error) {
	var files []string
	for v := range 2 {
		dir := fmt.Sprintf("%s/images/a/b/amd64/c/2024010%d", root, v+1)
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return nil, err
		}
		if err := os.WriteFile(dir+"/lxd.tar.xz", []byte("metadata"), 0o666); err != nil {
			return nil, err
		}
		f, err := os.Create(fmt.Sprintf("%s/root%d.squashfs", dir, v)) // of names of their own: nobody makes deltas
		if err != nil {
			return nil, err
		}
		random, block := rand.NewChaCha8(sha256.Sum256([]byte(dir))), make([]byte, 1<<20)
		for range size >> 20 {
			if _, err := random.Read(block); err != nil {
				return nil, err
			}
			if _, err := f.Write(block); err != nil {
				return nil, err
			}
		}
		if err := f.Close(); err != nil {
			return nil, err
		}
		files = append(files, f.Name())
	}
	return files, nil
}
