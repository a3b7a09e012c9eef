// Command glance measures how long it takes to bring images into a real image service: by hand, one POST and one PUT after
// the other, signed in already or anew; by sstream glance; and by another tool with the same command line, if one is named.
//
//	OPENSTACK_OPENRC=$(test/openstack/up) go run ./bench/glance -other 'python3 …/bin/sstream-mirror-glance'
//
// All ways run in turn, round after round, so that what else the machine does falls on all of them. By hand nothing is
// downloaded, verified or published: it is what no tool can do better than.
package main

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed-43fb3962/sstream/openstack"
)

func main() {
	rounds := flag.Int("rounds", 5, "rounds")
	images := flag.Int("images", 5, "images")
	size := flag.Int("size", 64<<20, "bytes of an image")
	sstream := flag.String("sstream", "", "the sstream program (default: built from this checkout)")
	var others []string
	flag.Func("other", "another tool's command, with the options of sstream-mirror-glance (repeatable)", func(command string) error {
		others = append(others, command)
		return nil
	})
	flag.Parse()
	if err := run(*rounds, *images, *size, *sstream, others); err != nil {
		fmt.Fprintln(os.Stderr, "bench/glance:", err)
		os.Exit(1)
	}
}

// bench is what all ways have in common.
type bench struct {
	dir    string
	images map[string][]byte
	source *httptest.Server
	env    map[string]string
	glance *openstack.Service
	token  func() string
	pid    string // of the image service, "" if it is not known
}

// way is one way to bring the images there.
type way struct {
	name string
	run  func() (cpu time.Duration, err error)
	all  []measure
}

type measure struct {
	wall, cpu time.Duration
	server    spent
	disk      int64 // most bytes in temporary files
}

func run(rounds, images, size int, sstream string, others []string) error {
	b, err := newBench(images, size)
	if err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	defer b.source.Close()
	if sstream == "" {
		sstream = filepath.Join(b.dir, "sstream")
		if out, err := exec.Command("go", "build", "-o", sstream, "./cmd/sstream").CombinedOutput(); err != nil {
			return fmt.Errorf("%w\n%s", err, out)
		}
	}
	ways := []*way{{name: "POST and PUT", run: b.byHand}, {name: "the same, signed in anew", run: b.signIn}, {name: "sstream glance", run: func() (time.Duration, error) { return b.command(sstream, "glance") }}}
	for _, other := range others {
		words := strings.Fields(other)
		ways = append(ways, &way{name: filepath.Base(words[0]), run: func() (time.Duration, error) { return b.command(words...) }})
	}
	for range rounds {
		for _, w := range ways {
			if err := b.measure(w); err != nil {
				return fmt.Errorf("%s: %w", w.name, err)
			}
		}
	}
	report(ways, images, size)
	return nil
}

func newBench(images, size int) (*bench, error) {
	dir, err := os.MkdirTemp("", "bench-glance-")
	if err != nil {
		return nil, err
	}
	b := &bench{dir: dir, images: map[string][]byte{}, env: map[string]string{}}
	openrc := os.Getenv("OPENSTACK_OPENRC")
	text, err := os.ReadFile(openrc)
	if err != nil {
		return nil, fmt.Errorf("OPENSTACK_OPENRC names no openrc file (test/openstack/up makes one): %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "export "), "="); ok {
			b.env[name] = value
		}
	}
	if err := b.connect(); err != nil {
		return nil, err
	}
	pid, err := os.ReadFile(filepath.Join(filepath.Dir(openrc), "run", "glance-RegionOne.pid"))
	if err == nil {
		b.pid = strings.TrimSpace(string(pid))
	}
	return b, b.serve(images, size)
}

// connect signs in.
func (b *bench) connect() error {
	config, err := openstack.FromEnv(func(name string) string { return b.env[name] })
	if err != nil {
		return err
	}
	cloud, err := openstack.Connect(context.Background(), config, openstack.Options{})
	if err != nil {
		return err
	}
	b.token = func() string { return cloud.Identity().Token() }
	b.glance, err = cloud.Image("RegionOne")
	return err
}

// serve makes a source of random images.
func (b *bench) serve(images, size int) error {
	random := rand.NewChaCha8([32]byte{1})
	products := map[string]any{}
	for n := range images {
		data, path := make([]byte, size), fmt.Sprintf("image%d/disk1.img", n)
		random.Read(data)
		b.images[path] = data
		item := map[string]any{"ftype": "disk1.img", "path": path, "size": size,
			"md5": fmt.Sprintf("%x", md5.Sum(data)), "sha256": fmt.Sprintf("%x", sha256.Sum256(data))}
		products[fmt.Sprintf("product%d", n)] = map[string]any{"arch": "amd64", "os": "ubuntu", "version": "24.04", "versions": map[string]any{
			"20240101": map[string]any{"pubname": fmt.Sprintf("image%d", n), "items": map[string]any{"disk1.img": item}}}}
	}
	doc, err := json.Marshal(map[string]any{"format": "products:1.0", "content_id": "bench", "datatype": "image-downloads", "products": products})
	if err != nil {
		return err
	}
	b.source = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, ok := b.images[strings.TrimPrefix(r.URL.Path, "/")]
		if !ok {
			data = doc
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		_, _ = w.Write(data) // a reader that went away shows in its own result
	}))
	return nil
}

// signIn is byHand by somebody who has just come, as every program has: Keystone issues a token and each service has it checked.
func (b *bench) signIn() (time.Duration, error) {
	if err := b.connect(); err != nil {
		return 0, err
	}
	return b.byHand()
}

// byHand makes the requests one after the other.
func (b *bench) byHand() (time.Duration, error) {
	for _, path := range slices.Sorted(func(yield func(string) bool) {
		for path := range b.images {
			if !yield(path) {
				return
			}
		}
	}) {
		var made struct{ ID string }
		fields := []byte(`{"name": "x", "disk_format": "qcow2", "container_format": "bare", "visibility": "public"}`)
		if err := b.request("POST", "images", "application/json", fields, &made); err != nil {
			return 0, err
		}
		if err := b.request("PUT", "images/"+made.ID+"/file", "application/octet-stream", b.images[path], nil); err != nil {
			return 0, err
		}
	}
	return 0, nil
}

func (b *bench) request(method, path, kind string, body []byte, into any) error {
	req, err := http.NewRequest(method, b.glance.URL(path), bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("X-Auth-Token", b.token())
	req.Header.Set("Content-Type", kind)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s", method, path, resp.Status)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(into)
}

// command runs a tool and returns the processor time that it took.
func (b *bench) command(words ...string) (time.Duration, error) {
	words = append(words, "--region=RegionOne", "--cloud-name=bench", "--content-id=bench", "--output-swift=bench/",
		"--path=streams/v1/bench.json", b.source.URL+"/")
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Env = append(os.Environ(), "TMPDIR="+b.temp(), "no_proxy=*")
	for name, value := range b.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("%w\n%s", err, out)
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
}

func (b *bench) temp() string { return filepath.Join(b.dir, "tmp") }

// measure runs a way once, and then removes the images.
func (b *bench) measure(w *way) error {
	if err := os.MkdirAll(b.temp(), 0o700); err != nil {
		return err
	}
	stop, most := make(chan struct{}), make(chan int64)
	go b.watch(stop, most)
	before, began := b.serverTime(), time.Now()
	cpu, err := w.run()
	after := b.serverTime()
	m := measure{wall: time.Since(began), cpu: cpu, server: spent{after.cpu - before.cpu, after.queue - before.queue}}
	close(stop)
	m.disk = <-most
	if err != nil {
		return err
	}
	w.all = append(w.all, m)
	return b.clear()
}

// watch notes the most bytes that lie in temporary files.
func (b *bench) watch(stop <-chan struct{}, most chan<- int64) {
	var max int64
	for {
		var now int64
		_ = filepath.WalkDir(b.temp(), func(_ string, d fs.DirEntry, err error) error { // files come and go
			if err != nil || d.IsDir() {
				return nil
			}
			if info, err := d.Info(); err == nil {
				now += info.Size()
			}
			return nil
		})
		if now > max {
			max = now
		}
		select {
		case <-stop:
			most <- max
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// spent is what the image service's process did: what is left of the wall is time in which it had nothing to do.
type spent struct {
	cpu   time.Duration
	queue time.Duration // ready to run, without a processor
}

// serverTime is what the image service has spent so far; nothing if its process is not known.
func (b *bench) serverTime() spent {
	text, err := os.ReadFile("/proc/" + b.pid + "/schedstat")
	if err != nil {
		return spent{}
	}
	fields := strings.Fields(string(text)) // nanoseconds
	cpu, _ := strconv.ParseInt(fields[0], 10, 64)
	queue, _ := strconv.ParseInt(fields[1], 10, 64)
	return spent{time.Duration(cpu), time.Duration(queue)}
}

func (b *bench) clear() error {
	var page struct{ Images []struct{ ID string } }
	ctx := context.Background()
	if _, err := b.glance.Do(ctx, openstack.Request{Method: "GET", Path: "images?limit=100", OK: []int{200}, Into: &page}); err != nil {
		return err
	}
	for _, i := range page.Images {
		if _, err := b.glance.Do(ctx, openstack.Request{Method: "DELETE", Path: "images/" + i.ID, OK: []int{204}}); err != nil {
			return err
		}
	}
	return nil
}

// report prints medians: of what each way took, and of how often the time by hand in the same round that is.
func report(ways []*way, images, size int) {
	fmt.Printf("%d images of %.1f MiB, medians of %d rounds\n", images, float64(size)/(1<<20), len(ways[0].all))
	fmt.Printf("%-26s %8s %8s %15s %12s %12s %13s %13s %13s\n", "way", "wall s", "ratio", "range", "client CPU s", "server CPU s", "server queue s", "server idle s", "temp disk MiB")
	for _, w := range ways {
		seconds := func(of func(measure) time.Duration) float64 {
			return median(w.all, func(m measure) float64 { return of(m).Seconds() })
		}
		var ratios []float64
		for i, m := range w.all {
			ratios = append(ratios, m.wall.Seconds()/ways[0].all[i].wall.Seconds())
		}
		slices.Sort(ratios)
		fmt.Printf("%-26s %8.2f %8.2f %8.2f - %4.2f %12.2f %12.2f %14.3f %13.3f %13.1f\n", w.name,
			seconds(func(m measure) time.Duration { return m.wall }), ratios[len(ratios)/2], ratios[0], ratios[len(ratios)-1],
			seconds(func(m measure) time.Duration { return m.cpu }), seconds(func(m measure) time.Duration { return m.server.cpu }),
			seconds(func(m measure) time.Duration { return m.server.queue }),
			seconds(func(m measure) time.Duration { return m.wall - m.server.cpu - m.server.queue }),
			median(w.all, func(m measure) float64 { return float64(m.disk) / (1 << 20) }))
	}
}

func median(all []measure, of func(measure) float64) float64 {
	values := make([]float64, len(all))
	for i, m := range all {
		values[i] = of(m)
	}
	slices.Sort(values)
	return values[len(values)/2]
}
