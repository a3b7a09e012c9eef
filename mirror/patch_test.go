package mirror_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-43fb3962/sstream/mirror"
	"github.com/seed-43fb3962/sstream/streams"
	"github.com/seed-43fb3962/sstream/vcdiff"
)

// images is a source of images: the versions of one product in their order, with a delta from each to the next.
type images struct {
	names  []string
	data   map[string]string // by version
	deltas map[string]string // by the version that they make; base and content can be changed in a test
	bases  map[string]string
	sizes  map[string]int // of deltas, where another is listed than it has
}

// newImages makes versions 1 to n of an image of about size bytes.
func newImages(t testing.TB, n, size int) *images {
	t.Helper()
	s := &images{data: map[string]string{}, deltas: map[string]string{}, bases: map[string]string{}, sizes: map[string]int{}}
	random := rand.New(rand.NewPCG(1, 2))
	now := make([]byte, size)
	for i := range now {
		now[i] = byte(random.Uint32())
	}
	for i := 1; i <= n; i++ {
		name := fmt.Sprint(i)
		at := random.IntN(size)
		now = slices.Concat(now[:at], []byte("what came with version "+name), now[at:])
		s.data[name] = string(now)
		if i > 1 {
			s.bases[name] = s.names[i-2]
			s.deltas[name] = encode(t, s.data[s.names[i-2]], string(now))
		}
		s.names = append(s.names, name)
	}
	return s
}

func encode(t testing.TB, from, to string) string {
	t.Helper()
	var delta bytes.Buffer
	_, err := vcdiff.NewEncoder(&delta, strings.NewReader(from), int64(len(from)), &vcdiff.Options{WindowSize: 64 << 10, NoSecondary: true}).Encode(t.Context(), strings.NewReader(to), int64(len(to)))
	if err != nil {
		t.Fatal(err)
	}
	return delta.String()
}

func imagePath(version string) string { return "images/" + version + "/rootfs.squashfs" }
func deltaPath(version string) string { return "images/" + version + "/rootfs.delta.vcdiff" }

// files returns the documents and files of a source that lists these versions.
func (s *images) files(t testing.TB, versions ...string) map[string]string {
	t.Helper()
	source := stream{}
	for _, v := range versions {
		source["p/"+v+"/root"] = struct{ path, data string }{imagePath(v), s.data[v]}
		if d, ok := s.deltas[v]; ok {
			source["p/"+v+"/delta"] = struct{ path, data string }{deltaPath(v), d}
		}
	}
	files := source.files(t, len(versions))
	list, err := streams.ParseProducts([]byte(files["streams/v1/test.json"]))
	if err != nil {
		t.Fatal(err)
	}
	for e := range list.All() {
		e.Item.Set("ftype", streams.String("squashfs"))
		if e.Ref.Item == "delta" {
			e.Item.Set("ftype", streams.String("squashfs.vcdiff"))
			e.Item.Set("delta_base", streams.String(s.bases[e.Ref.Version]))
			if size, ok := s.sizes[e.Ref.Version]; ok {
				e.Item.Set("size", streams.Int(int64(size)))
			}
		}
	}
	files["streams/v1/test.json"] = string(streams.Append(nil, list, streams.Style{Indent: 1}))
	return files
}

// countingServer serves files and counts what it sends of each.
type countingServer struct {
	*httptest.Server
	mu    sync.Mutex
	asked map[string]int
	sent  map[string]int64
}

func serve(t testing.TB, files map[string]string) *countingServer {
	t.Helper()
	s := &countingServer{asked: map[string]int{}, sent: map[string]int64{}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := strings.TrimPrefix(r.URL.Path, "/")
		data, ok := files[path]
		s.mu.Lock()
		s.asked[path]++
		s.mu.Unlock()
		if !ok {
			http.NotFound(w, r)
			return
		}
		http.ServeContent(&countingWriter{w, s, path}, r, "", time.Time{}, strings.NewReader(data))
	}))
	t.Cleanup(s.Close)
	return s
}

type countingWriter struct {
	http.ResponseWriter
	server *countingServer
	path   string
}

func (w *countingWriter) Write(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p)
	w.server.mu.Lock()
	defer w.server.mu.Unlock()
	w.server.sent[w.path] += int64(n)
	return n, err
}

// check ends the server, and fails unless it was asked for these files of the images so often.
func (s *countingServer) check(t testing.TB, want map[string]int) {
	t.Helper()
	s.Close() // who has read all of a file may be ahead of who counts it
	got := maps.Clone(s.asked)
	maps.DeleteFunc(got, func(path string, _ int) bool { return strings.HasPrefix(path, "streams/") })
	if !maps.Equal(got, want) {
		t.Errorf("requests: %v, want %v", got, want)
	}
}

func deltaOptions() mirror.Options {
	o := options()
	o.UseDeltas = true
	return o
}

// onlyImages is a filter that leaves the deltas in the source.
func onlyImages(e *streams.Entity) (bool, error) { return e.Get("ftype") == "squashfs", nil }

// run mirrors from a server of files into dir, and checks that the target then holds exactly want.
func (s *countingServer) run(t testing.TB, dir string, o mirror.Options, want map[string]string) mirror.Report {
	t.Helper()
	report, err := mirror.Run(t.Context(), open(t, s.URL+"/"), openDir(t, dir), o)
	if err != nil {
		t.Fatal(err)
	}
	if got := held(t, dir); !maps.Equal(got, want) {
		t.Errorf("the mirror holds %v, want %v", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
	return report
}

// TestUseDeltas updates a mirror of one version by the next, which is made of the first and of a delta.
func TestUseDeltas(t *testing.T) {
	s := newImages(t, 2, 300<<10)
	size, deltaSize := int64(len(s.data["2"])), int64(len(s.deltas["2"]))
	for _, c := range []struct {
		name string
		o    func(*mirror.Options)
		left []string // out of the target
		want mirror.Report
	}{
		{"the delta is mirrored as well", func(*mirror.Options) {}, nil,
			mirror.Report{Items: 2, Bytes: size + deltaSize, Made: 1, Saved: size}},
		{"the delta is not wanted", func(o *mirror.Options) { o.Plan.Item = onlyImages }, []string{deltaPath("2")},
			mirror.Report{Items: 1, Bytes: size, Made: 1, Saved: size - deltaSize, NotHeld: 1}},
		{"the base goes", func(o *mirror.Options) { one := 1; o.Plan.Max = &one }, []string{imagePath("1")},
			mirror.Report{Items: 2, Bytes: size + deltaSize, Made: 1, Saved: size, Removed: 1, NotHeld: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			files := s.files(t, "1")
			serve(t, files).run(t, dir, deltaOptions(), files)
			files = s.files(t, "1", "2")
			server := serve(t, files)
			want := maps.Clone(files)
			for _, path := range c.left {
				delete(want, path)
			}
			o := deltaOptions()
			c.o(&o)
			if report := server.run(t, dir, o, want); report != c.want {
				t.Errorf("report %+v, want %+v", report, c.want)
			}
			server.check(t, map[string]int{deltaPath("2"): 1})
			if got := server.sent[deltaPath("2")]; got != deltaSize {
				t.Errorf("%d bytes of the delta were sent, it has %d", got, deltaSize)
			}
		})
	}
}

// TestBaseLeftSource makes an image of one that only the target knows any more.
func TestBaseLeftSource(t *testing.T) {
	s := newImages(t, 2, 300<<10)
	dir := t.TempDir()
	files := s.files(t, "1")
	serve(t, files).run(t, dir, deltaOptions(), files)
	files = s.files(t, "2")
	server := serve(t, files)
	if report := server.run(t, dir, deltaOptions(), files); report.Made != 1 || report.Removed != 1 {
		t.Errorf("report %+v", report)
	}
	server.check(t, map[string]int{deltaPath("2"): 1})
}

// TestChain mirrors several versions into an empty target: the first is read, each other is made of the one before.
func TestChain(t *testing.T) {
	s := newImages(t, 6, 100<<10)
	files := s.files(t, s.names...)
	want := map[string]int{imagePath("1"): 1}
	for _, v := range s.names[1:] {
		want[deltaPath(v)] = 1
	}
	for _, jobs := range []int{1, 2, 8} {
		server := serve(t, files)
		o := deltaOptions()
		o.Jobs = jobs
		if report := server.run(t, t.TempDir(), o, files); report.Made != 5 {
			t.Errorf("%d jobs: report %+v", jobs, report)
		}
		server.check(t, want)
	}
}

// TestDeltaFails reads an image whole if its delta is of no use, whatever is wrong with it.
func TestDeltaFails(t *testing.T) {
	other := newImages(t, 3, 290<<10)
	for _, c := range []struct {
		name  string
		spoil func(s *images, files map[string]string) // before the source is made: files is nil
		asked int                                      // for the delta
	}{
		{"not there", func(s *images, files map[string]string) { delete(files, deltaPath("2")) }, 1},
		{"not a delta", func(s *images, _ map[string]string) { s.deltas["2"] = "<html>sorry</html>" }, 1},
		{"empty", func(s *images, _ map[string]string) { s.deltas["2"] = "" }, 1},
		{"cut off", func(s *images, _ map[string]string) { s.deltas["2"] = s.deltas["2"][:len(s.deltas["2"])*2/3] }, 1},
		{"other bytes than listed", func(s *images, files map[string]string) {
			if files != nil {
				files[deltaPath("2")] = strings.Repeat("x", len(s.deltas["2"]))
			}
		}, 1},
		{"damaged", func(s *images, _ map[string]string) {
			b := []byte(s.deltas["2"])
			b[len(b)*2/3] ^= 1
			s.deltas["2"] = string(b)
		}, 1},
		{"of another base", func(s *images, _ map[string]string) {
			s.deltas["2"] = encode(t, other.data["1"], s.data["2"][:200<<10]+other.data["1"])
		}, 1},
		{"makes something else", func(s *images, _ map[string]string) { s.deltas["2"] = encode(t, s.data["1"], s.data["1"]+"x") }, 1},
		{"makes too much", func(s *images, _ map[string]string) {
			s.deltas["2"] = encode(t, s.data["1"], s.data["2"]+strings.Repeat("x", 1<<20))
		}, 1},
		{"as large as the image", func(s *images, _ map[string]string) { s.deltas["2"] = s.data["2"] }, 0},
		{"size is a lie", func(s *images, _ map[string]string) { s.sizes["2"] = 17 }, 1},
		{"base is not there", func(s *images, _ map[string]string) { s.bases["2"] = "0" }, 0},
		{"base is itself", func(s *images, _ map[string]string) { s.bases["2"] = "2" }, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newImages(t, 2, 300<<10)
			dir := t.TempDir()
			first := s.files(t, "1")
			serve(t, first).run(t, dir, deltaOptions(), first)
			c.spoil(s, map[string]string{})
			files := s.files(t, "1", "2")
			want := maps.Clone(files)
			delete(want, deltaPath("2"))
			c.spoil(s, files)
			server := serve(t, files)
			o := deltaOptions()
			o.Plan.Item = onlyImages
			report := server.run(t, dir, o, want)
			server.Close()
			sent := server.sent[deltaPath("2")]
			if s.sizes["2"] != 0 {
				sent = 0 // there are more bytes than listed: it is refused unread
			}
			if report.Made != 0 || report.Saved > 0 || report.Saved < -sent { // not all that is on the way is read
				t.Errorf("report %+v, %d bytes of the delta were sent", report, sent)
			}
			if server.asked[imagePath("2")] == 0 || min(server.asked[deltaPath("2")], 1) != c.asked {
				t.Errorf("requests: %v", server.asked)
			}
		})
	}
}

// TestBaseDamaged notices that the base is not what it was when it came.
func TestBaseDamaged(t *testing.T) {
	s := newImages(t, 2, 300<<10)
	dir := t.TempDir()
	files := s.files(t, "1")
	serve(t, files).run(t, dir, deltaOptions(), files)
	damaged := strings.Repeat("y", len(s.data["1"]))
	if err := os.WriteFile(filepath.Join(dir, imagePath("1")), []byte(damaged), 0o644); err != nil {
		t.Fatal(err)
	}
	files = s.files(t, "1", "2")
	want := maps.Clone(files)
	want[imagePath("1")] = damaged
	if report := serve(t, files).run(t, dir, deltaOptions(), want); report.Made != 0 {
		t.Errorf("report %+v", report)
	}
}

// TestCircle survives deltas that need one another.
func TestCircle(t *testing.T) {
	s := newImages(t, 3, 100<<10)
	s.deltas["1"], s.bases["1"] = encode(t, s.data["3"], s.data["1"]), "3"
	files := s.files(t, s.names...)
	if report := serve(t, files).run(t, t.TempDir(), deltaOptions(), files); report.Made != 2 {
		t.Errorf("report %+v", report)
	}
}

// TestPartGoesOn goes on with what an interrupted run has read of the image itself.
func TestPartGoesOn(t *testing.T) {
	s := newImages(t, 2, 300<<10)
	for name, part := range map[string]string{"right": s.data["2"][:123456], "wrong": strings.Repeat("z", 123456)} {
		dir := t.TempDir()
		files := s.files(t, "1")
		serve(t, files).run(t, dir, deltaOptions(), files)
		if err := os.MkdirAll(filepath.Join(dir, "images/2"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, imagePath("2")+".part"), []byte(part), 0o644); err != nil {
			t.Fatal(err)
		}
		files = s.files(t, "1", "2")
		server := serve(t, files)
		if report := server.run(t, dir, deltaOptions(), files); report.Made != 1 {
			t.Errorf("%s: report %+v", name, report)
		}
		server.check(t, map[string]int{deltaPath("2"): 1})
	}
}

// TestInterruptedWhileMaking cancels a run at many points; the next one makes of it what an undisturbed run makes.
func TestInterruptedWhileMaking(t *testing.T) {
	s := newImages(t, 4, 200<<10)
	before, after := s.files(t, "1"), s.files(t, s.names...)
	for at := 1; at < 40; at += 3 {
		dir := t.TempDir()
		serve(t, before).run(t, dir, deltaOptions(), before)
		ctx, cancel := context.WithCancel(t.Context())
		server := serve(t, after)
		o := deltaOptions()
		o.Progress = &interrupter{at: at, cancel: cancel}
		_, err := mirror.Run(ctx, open(t, server.URL+"/"), openDir(t, dir), o)
		cancel()
		checkPublished(t, dir, fmt.Sprintf("interrupted after %d reads (%v)", at, err))
		server.run(t, dir, deltaOptions(), after)
	}
}

// interrupter cancels a run after so many reads, and knows how much memory was used meanwhile.
type interrupter struct {
	mu     sync.Mutex
	at     int
	cancel func()
	peak   uint64
}

func (p *interrupter) Start(int, int64)   {}
func (p *interrupter) Item(string, int64) {}
func (p *interrupter) Done(string, error) {}
func (p *interrupter) Bytes(string, int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.at--; p.at == 0 {
		p.cancel()
	}
	if p.at < 0 && p.at%64 == 0 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		p.peak = max(p.peak, m.HeapInuse)
	}
}

// TestMakingNeedsLittleMemory makes a file that is far larger than the memory that it takes.
func TestMakingNeedsLittleMemory(t *testing.T) {
	const blocks, header = 160, 5
	one, two := block("one"), block("two")
	// The windows of a delta know nothing of one another, and all blocks of a file are the same.
	delta := encode(t, one, two)
	delta = delta[:header] + strings.Repeat(delta[header:], blocks)
	s := &images{data: map[string]string{"1": "", "2": ""}, deltas: map[string]string{"2": delta}, bases: map[string]string{"2": "1"}}
	source := directory(t, s.files(t, "1", "2"))
	sums := map[string]string{"p/1/root": repeat(t, filepath.Join(source, imagePath("1")), one, blocks),
		"p/2/root": repeat(t, filepath.Join(source, imagePath("2")), two, blocks)}
	list := filepath.Join(source, "streams/v1/test.json")
	data, err := os.ReadFile(list)
	if err != nil {
		t.Fatal(err)
	}
	p, err := streams.ParseProducts(data)
	if err != nil {
		t.Fatal(err)
	}
	for e := range p.All() {
		if sum, ok := sums[e.Ref.String()]; ok {
			e.Item.Set("size", streams.Int(int64(blocks*len(one))))
			e.Item.Set("sha256", streams.String(sum))
		}
	}
	if err := os.WriteFile(list, streams.Append(nil, p, streams.Style{}), 0o644); err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	o := deltaOptions()
	watch := &interrupter{}
	o.Progress = watch
	report, err := mirror.Run(t.Context(), open(t, source), openDir(t, t.TempDir()), o)
	if err != nil || report.Made != 1 {
		t.Fatalf("report %+v, %v", report, err)
	}
	if watch.peak == 0 || watch.peak > 48<<20 {
		t.Errorf("%d MiB of memory were used", watch.peak>>20)
	}
}

// block is a megabyte of zeros with a mark.
func block(mark string) string { return mark + strings.Repeat("\x00", 1<<20-len(mark)) }

// repeat writes a file of n blocks, and returns its checksum.
func repeat(t testing.TB, path, block string, n int) string {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h := sha256.New()
	for range n {
		if _, err := io.WriteString(io.MultiWriter(f, h), block); err != nil {
			t.Fatal(err)
		}
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}
