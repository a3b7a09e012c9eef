package main

import (
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/seed-43fb3962/sstream/glance"
)

// showPlan says what will be done: in a dry run as lines on stderr, or as JSON on stdout.
func (g *glanceFlags) showPlan(a *app, p *glance.Plan) error {
	if g.plan != "" {
		return a.tellJSON(p.Changes())
	}
	if !g.dryRun {
		return nil
	}
	var b strings.Builder
	for _, c := range p.Changes() {
		sign := map[string]string{"add": "+", "remove": "-", "clean": "x", "await": "?"}[c.Change]
		fmt.Fprintln(&b, printable(fmt.Sprintf("%s %s %s %s %s %s %s", sign, c.Region, c.Product, c.Version, c.Item, c.Name, formatBytes(c.Size))))
	}
	files, bytes := p.Uploads()
	fmt.Fprintf(a.stderr, "%s%d files to read, %s\n", b.String(), files, formatBytes(bytes))
	return nil
}

// glanceProgress shows how far the reading of images is: as other commands do, or under the old name with the old tool's lines.
type glanceProgress struct {
	*progress
	out io.Writer // of the old tool's lines; nil: there are none

	mu           sync.Mutex
	items, done  int
	bytes, total int64
	read         map[string]int64 // by image
	shown        map[string]int64 // the part of it that was shown last, in hundredths
	each         map[string]*mpb.Bar
}

func newGlanceProgress(a *app, wanted, old bool, out io.Writer) *glanceProgress {
	p := &glanceProgress{progress: newProgress(a, wanted && !old), read: map[string]int64{}, shown: map[string]int64{}, each: map[string]*mpb.Bar{}}
	if wanted && old {
		p.out = out
	}
	return p
}

// over returns what writes lines to out, the terminal that bars may be on, without breaking them.
func (p *glanceProgress) over(out io.Writer) io.Writer {
	if p.bars != nil {
		return p.bars
	}
	return out
}

func (p *glanceProgress) start(items int, bytes int64) {
	p.items, p.bytes = items, bytes
	p.progress.Start(items, bytes)
}

func (p *glanceProgress) report(r glance.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.Done {
		p.done++
		p.progress.Done(r.Name, nil)
		if bar := p.each[r.Name]; bar != nil {
			bar.Abort(true)
		}
		return
	}
	last, begun := p.read[r.Name]
	if !begun && p.bars != nil {
		p.each[r.Name] = p.bars.AddBar(r.Size, mpb.BarRemoveOnComplete(), mpb.PrependDecorators(decor.Name(printable(r.Name)+" ")),
			mpb.AppendDecorators(decor.Percentage()))
	}
	if bar := p.each[r.Name]; bar != nil {
		bar.SetCurrent(r.Read)
	}
	p.read[r.Name] = max(last, r.Read) // what is read again does not count twice
	news := p.read[r.Name] - last
	p.total += news
	p.progress.Bytes(r.Name, int(news))
	if p.out != nil {
		p.oldLine(r)
	}
}

// oldLine is the Python tool's line: of this image, which of how many it is, of all of them. It comes with every hundredth.
func (p *glanceProgress) oldLine(r glance.Progress) {
	part := fraction(r.Read, r.Size)
	if now := int64(part * 100); now > p.shown[r.Name] {
		p.shown[r.Name] = now
		fmt.Fprintf(p.out, "%.2f %s (%d of %d images) - %.2f\n", part, printable(r.PubName), min(p.done+1, p.items), p.items, fraction(p.total, p.bytes))
	}
}

func fraction(n, of int64) float64 {
	if of == 0 {
		return 1
	}
	return float64(n) / float64(of)
}

// lockedWriter is what several goroutines write lines to.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}
