//go:build unix

// Command mirror measures sstream mirror beside curl, aria2c and a bare copy-and-hash loop over the same files on a local
// nginx, in one run: go run ./bench/mirror [-scale 1.0] [-python 'python3 …/bin/sstream-mirror']
//
// The Python tool is run once, the others in every round. CPU seconds are user and system time of the client; the ratios compare medians within this run.
// Before each run what others wrote is put on the disk, or the next who syncs would pay for it, and all files are read, so that
// none pays for the server's disk: some machines forget within seconds what was read.
package main

import (
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	scale := flag.Float64("scale", 1, "share of the full sizes")
	rounds := flag.Int("rounds", 3, "runs of each tool, interleaved")
	only := flag.String("only", "", "run the cases whose name holds this")
	names := flag.String("tools", "", "run only these beside sstream, such as 'curl -Z,copy and hash'; empty: all")
	delay := flag.Duration("delay", 0, "how long each byte is on its way from or to the server")
	python := flag.String("python", "", "command of the Python tool, to run beside the others")
	flag.Parse()
	if err := run(*scale, *rounds, *only, *names, *delay, strings.Fields(*python)); err != nil {
		log.Fatal(err)
	}
}

// set is a tree of files of one size.
type set struct {
	name  string
	files int
	size  int
}

func run(scale float64, rounds int, only, names string, delay time.Duration, python []string) error {
	work, err := os.MkdirTemp("", "bench-mirror")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	bin := filepath.Join(work, "sstream")
	if out, err := exec.Command("go", "build", "-o", bin, "./cmd/sstream").CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	n := func(full int) int { return max(1, int(float64(full)*scale)) }
	sets := []set{
		{"large", 1, n(2 << 30)},
		{"middle", n(200), 8 << 20},
		{"small-5000", n(5000), 4 << 10},
		{"small-20000", n(20000), 4 << 10},
		{"small-80000", n(80000), 4 << 10},
	}
	fmt.Printf("%-14s %-14s %8s %8s %8s\n", "case", "tool", "wall s", "CPU s", "RSS MiB")
	for _, s := range sets {
		if !strings.Contains(s.name, only) {
			continue
		}
		root := filepath.Join(work, s.name)
		if err := s.make(root); err != nil {
			return err
		}
		stop, address, err := nginx(work, root)
		if err != nil {
			return err
		}
		if delay > 0 {
			far, err := delayed(address, delay)
			if err != nil {
				return err
			}
			defer far.Close()
			address = far.Addr().String()
		}
		url := "http://" + address + "/"
		list := filepath.Join(work, "urls")
		if err = s.lists(list, url); err == nil {
			tools := slices.DeleteFunc(s.tools(bin, root, url, list, python), func(t tool) bool {
				return names != "" && t.name != "sstream" && !slices.Contains(strings.Split(names, ","), t.name)
			})
			err = s.measure(work, root, tools, rounds)
		}
		stop()
		if err != nil {
			return err
		}
		if err := os.RemoveAll(root); err != nil {
			return err
		}
	}
	return nil
}

// tool is one way to fetch a set into dst.
type tool struct {
	name string
	run  func(dst string) (usage, error)
	keep bool // dst holds the set already: a run with nothing new
	once bool // takes too long to be run in every round
}

// pythonLimit is how many files the Python tool is given at most: what it takes grows with their square.
const pythonLimit = 20000

// tools are what is measured on a set, which is in root and served at url.
func (s set) tools(bin, root, url, list string, python []string) []tool {
	command := func(args ...string) func(string) (usage, error) {
		return func(dst string) (usage, error) { return measure(append(slices.Clone(args), dst)) }
	}
	ours := []string{bin, "mirror", "--no-verify", "--path=streams/v1/index.json", "--jobs=8", url}
	tools := []tool{
		{name: "sstream", run: command(ours...)},
		{name: "curl -Z", run: func(dst string) (usage, error) {
			return measure([]string{"sh", "-c", "cd " + dst + " && exec curl -sS -Z --parallel-max 8 -K " + list})
		}},
		{name: "aria2c", run: command("aria2c", "-q", "-j8", "--file-allocation=none", "-i", list+".aria2", "-d")},
		{name: "copy and hash", run: func(dst string) (usage, error) { return copyAndHash(root, dst) }},
		{name: "hash", run: func(string) (usage, error) { return copyAndHash(root, "") }},
		{name: "nothing new", run: command(ours...), keep: true},
	}
	if len(python) > 0 && s.files <= pythonLimit {
		args := append(slices.Clone(python), "--no-verify", "--path=streams/v1/index.json", url)
		tools = append(tools, tool{name: "Python tool", run: command(args...), once: true},
			tool{name: "Py nothing new", run: command(args...), keep: true})
	}
	return tools
}

// manyFiles are so many that they stay until the end. ext4 does not give the inodes of files that went a short time ago
// to new ones, and looks at each of them again and again, which whoever runs next would pay for.
const manyFiles = 1000

// measure runs every tool in every round, on what is in root.
func (s set) measure(work, root string, tools []tool, rounds int) error {
	targets, err := os.MkdirTemp(work, "targets")
	if err != nil {
		return err
	}
	defer os.RemoveAll(targets)
	results := map[string][]usage{}
	var kept string
	for round := range rounds {
		for i, t := range tools {
			if t.once && round > 0 {
				continue
			}
			dst := filepath.Join(targets, fmt.Sprint(round, "-", i))
			if kept == "" {
				kept = dst
			}
			if t.keep {
				dst = kept
			}
			if err := os.MkdirAll(dst, 0o755); err != nil {
				return err
			}
			syscall.Sync()                                   // so that nobody waits for what was written before
			if _, err := copyAndHash(root, ""); err != nil { // the server is to find the files in memory
				return err
			}
			if err := forgetPeak(); err != nil {
				return err
			}
			u, err := t.run(dst)
			if err != nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
			results[t.name] = append(results[t.name], u)
			if dst != kept && s.files < manyFiles {
				if err := os.RemoveAll(dst); err != nil {
					return err
				}
			}
		}
	}
	ours := median(results["sstream"])
	for _, t := range tools {
		m := median(results[t.name])
		fmt.Printf("%-14s %-14s %8.2f %8.2f %8d   wall %.2f, CPU %.2f of sstream's\n", s.name, t.name, m.wall, m.cpu, m.rss>>20, m.wall/ours.wall, m.cpu/ours.cpu)
	}
	return nil
}

// forgetPeak makes the peak of this process's memory, with which that of one that it starts begins, what it has now.
func forgetPeak() error {
	debug.FreeOSMemory()
	return os.WriteFile("/proc/self/clear_refs", []byte("5"), 0)
}

type usage struct {
	wall, cpu float64
	rss       int64
}

func measure(args []string) (usage, error) {
	cmd := exec.Command(args[0], args[1:]...)
	var errs strings.Builder
	cmd.Stderr = &errs
	begin := time.Now()
	if err := cmd.Run(); err != nil {
		return usage{}, fmt.Errorf("%w: %s", err, errs.String())
	}
	r := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return usage{time.Since(begin).Seconds(), (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(), r.Maxrss << 10}, nil
}

// copyAndHash is the floor: the files read from the disk, hashed and written by one goroutine, not synced. Without dst
// they are only hashed.
func copyAndHash(root, dst string) (usage, error) {
	var before, after syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &before); err != nil {
		return usage{}, err
	}
	begin := time.Now()
	h, buffer := sha256.New(), make([]byte, 1<<20)
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if dst == "" {
				return nil
			}
			return os.MkdirAll(filepath.Join(dst, rel), 0o755)
		}
		in, err := os.Open(path)
		if err != nil {
			return err
		}
		defer in.Close()
		to := io.Writer(h)
		if dst != "" {
			out, err := os.Create(filepath.Join(dst, rel))
			if err != nil {
				return err
			}
			defer out.Close()
			to = io.MultiWriter(h, out)
		}
		_, err = io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{in}, buffer)
		return err
	})
	if err != nil {
		return usage{}, err
	}
	wall := time.Since(begin).Seconds()
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &after); err != nil {
		return usage{}, err
	}
	spent := func(t, from syscall.Timeval) float64 { return float64(t.Nano()-from.Nano()) / 1e9 }
	return usage{wall, spent(after.Utime, before.Utime) + spent(after.Stime, before.Stime), 0}, nil
}

func median(list []usage) usage {
	sorted := slices.Clone(list)
	slices.SortFunc(sorted, func(a, b usage) int { return int((a.cpu - b.cpu) * 1e6) })
	return sorted[len(sorted)/2]
}

func (s set) path(i int) string { return fmt.Sprintf("files/%03d/f%06d", i/1000, i) }

// make writes the set with an index and a products file.
func (s set) make(root string) error {
	rng := rand.NewChaCha8([32]byte{1})
	products := map[string]any{}
	data := make([]byte, min(s.size, 8<<20))
	for i := range s.files {
		path := filepath.Join(root, s.path(i))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		f, err := os.Create(path)
		if err != nil {
			return err
		}
		h := sha256.New()
		for left := s.size; left > 0; left -= len(data) {
			if _, err := rng.Read(data); err != nil {
				return err
			}
			if _, err := io.MultiWriter(f, h).Write(data[:min(left, len(data))]); err != nil {
				return err
			}
		}
		if err := f.Close(); err != nil {
			return err
		}
		item := map[string]any{"path": s.path(i), "size": s.size, "sha256": fmt.Sprintf("%x", h.Sum(nil)), "ftype": "disk1.img"}
		name := fmt.Sprintf("p%04d", i/20)
		if products[name] == nil {
			products[name] = map[string]any{"versions": map[string]any{"20240101": map[string]any{"items": map[string]any{}}}}
		}
		products[name].(map[string]any)["versions"].(map[string]any)["20240101"].(map[string]any)["items"].(map[string]any)[fmt.Sprintf("i%d", i)] = item
	}
	documents := map[string]any{
		"index.json":    map[string]any{"format": "index:1.0", "index": map[string]any{"bench": map[string]any{"format": "products:1.0", "path": "streams/v1/products.json"}}},
		"products.json": map[string]any{"format": "products:1.0", "content_id": "bench", "products": products},
	}
	for name, doc := range documents {
		text, err := json.MarshalIndent(doc, "", " ")
		if err != nil {
			return err
		}
		path := filepath.Join(root, "streams/v1", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// lists writes what curl and aria2c are to fetch.
func (s set) lists(path, url string) error {
	var curl, aria strings.Builder
	for i := range s.files {
		fmt.Fprintf(&curl, "url = \"%s%s\"\noutput = \"f%06d\"\n", url, s.path(i), i)
		fmt.Fprintf(&aria, "%s%s\n", url, s.path(i))
	}
	if err := os.WriteFile(path, []byte(curl.String()), 0o644); err != nil {
		return err
	}
	return os.WriteFile(path+".aria2", []byte(aria.String()), 0o644)
}

// nginx serves root on a free port of this machine.
func nginx(work, root string) (stop func(), address string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	address = l.Addr().String()
	l.Close()
	conf := filepath.Join(work, "nginx.conf")
	text := fmt.Sprintf("user root; daemon off; pid %[1]s/nginx.pid; error_log %[1]s/nginx.log; worker_processes 1;\nevents { worker_connections 512; }\n"+
		"http { access_log off; sendfile on; keepalive_requests 1000000; server { listen %[2]s; root %[3]s; } }\n", work, address, root)
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		return nil, "", err
	}
	cmd := exec.Command("nginx", "-c", conf)
	if err := cmd.Start(); err != nil {
		return nil, "", fmt.Errorf("nginx (Debian package nginx-light): %w", err)
	}
	for range 100 {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			return func() { _ = cmd.Process.Signal(syscall.SIGTERM); _ = cmd.Wait() }, address, nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return nil, "", fmt.Errorf("nginx does not answer at %s", address)
}
