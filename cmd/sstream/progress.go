package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"
)

// progress shows how far a transfer is: bars on a terminal, else a line every few seconds, or nothing.
type progress struct {
	mu    sync.Mutex
	out   io.Writer
	every time.Duration // 0: nothing is shown
	now   func() time.Time

	bars  *mpb.Progress // nil: not a terminal
	total *mpb.Bar

	items, done  int
	bytes, read  int64
	began, shown time.Time
	closed       bool
}

func newProgress(a *app, wanted bool) *progress {
	p := &progress{out: a.stderr, now: time.Now}
	if !wanted {
		return p
	}
	p.every = 5 * time.Second
	if f, ok := a.stderr.(*os.File); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 { // there are terminals that do not say how wide they are
			p.bars = mpb.New(mpb.WithOutput(f), mpb.WithAutoRefresh(), mpb.WithWidth(40))
		}
	}
	return p
}

// isTerminal tells whether somebody may be looking at what is written.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Start implements mirror.Progress.
func (p *progress) Start(items int, bytes int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.items, p.bytes, p.began, p.shown = items, bytes, p.now(), p.now()
	if p.bars != nil && items > 0 {
		p.total = p.bars.AddBar(bytes,
			mpb.PrependDecorators(decor.CountersKibiByte("% .1f / % .1f")),
			mpb.AppendDecorators(decor.AverageSpeed(decor.SizeB1024(0), "% .1f"), decor.Name(" "), decor.AverageETA(decor.ET_STYLE_GO)))
	}
}

// Bytes implements mirror.Progress.
func (p *progress) Bytes(_ string, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.read += int64(n)
	if p.total != nil {
		p.total.IncrBy(n)
		return
	}
	if p.every > 0 && p.now().Sub(p.shown) >= p.every {
		p.line()
	}
}

// Done implements mirror.Progress.
func (p *progress) Done(string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
}

// longestWait is shown instead of what is longer still, as it may look at the beginning of a transfer.
const longestWait = 9999 * time.Hour

// line shows where the transfer is.
func (p *progress) line() {
	p.shown = p.now()
	var b strings.Builder
	fmt.Fprintf(&b, "%d of %d files, %s of %s", p.done, p.items, formatBytes(p.read), formatBytes(p.bytes))
	if spent := p.shown.Sub(p.began).Seconds(); spent > 0 && p.read > 0 {
		rate := float64(p.read) / spent
		left := time.Duration(min(max(float64(p.bytes-p.read)/rate, 0), longestWait.Seconds())) * time.Second
		fmt.Fprintf(&b, ", %s/s, %s left", formatBytes(int64(rate)), left)
	}
	fmt.Fprintln(p.out, b.String())
}

// close ends the display.
func (p *progress) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.closed = true
	if p.bars == nil {
		if p.every > 0 && p.items > 0 {
			p.line()
		}
		return
	}
	if p.total != nil {
		p.total.SetTotal(-1, true)
	}
	p.bars.Shutdown()
}
