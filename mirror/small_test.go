package mirror_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/seed-43fb3962/sstream/fetch/fetchtest"
	"github.com/seed-43fb3962/sstream/mirror"
)

// TestSmallFiles: many small files come over few connections, each once, beside a large one and some that are there already.
func TestSmallFiles(t *testing.T) {
	content := stream{"p/1/large": {"large", strings.Repeat("0123456789abcdef", 20_000)}}
	for i := range 500 {
		content[fmt.Sprintf("p/1/i%d", i)] = struct{ path, data string }{fmt.Sprintf("d%d/f%03d", i/100, i), fmt.Sprintf("file %d", i)}
	}
	server := fetchtest.New(t, content.files(t, 1))
	dir := directory(t, map[string]string{"d0/f007": "file 7", "d3/f300": "file 300", "d4/f499": "fiel 499"})
	seen := &watcher{bytes: map[string]int{}, done: map[string]error{}}
	o := options()
	o.Jobs, o.Progress = 3, seen
	report, err := mirror.Run(t.Context(), open(t, server.URL), openDir(t, dir), o)
	if err != nil {
		t.Fatal(err)
	}
	if report.Items != 501 || report.Adopted != 2 {
		t.Errorf("%+v", report)
	}
	checkPublished(t, dir, "at the end")
	asked, connections := map[string]int{}, map[string]bool{}
	for _, r := range server.Log() {
		asked[r.URL.Path[1:]]++
		connections[r.RemoteAddr] = true
	}
	for path, n := range asked {
		if n > 1 {
			t.Errorf("%s was asked for %d times", path, n)
		}
	}
	if asked["d0/f007"]+asked["d3/f300"] > 0 || asked["d4/f499"] != 1 {
		t.Error("what is there was asked for, or what is not was not")
	}
	if len(connections) > 50 { // one for each job, and some for what is asked for alone: net/http may make more than it needs at once
		t.Errorf("%d connections", len(connections))
	}
	seen.mu.Lock()
	defer seen.mu.Unlock()
	if len(seen.done) != 501 || seen.bytes["d1/f150"] != len("file 150") {
		t.Errorf("%d files were told of, %d bytes of one", len(seen.done), seen.bytes["d1/f150"])
	}
}

// watcher notes what a run tells.
type watcher struct {
	mu    sync.Mutex
	bytes map[string]int
	done  map[string]error
}

func (w *watcher) Start(int, int64) {}

func (w *watcher) Bytes(path string, n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bytes[path] += n
}

func (w *watcher) Done(path string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.done[path] = err
}
