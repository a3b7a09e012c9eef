package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/vbauerster/mpb/v8"

	"github.com/seed-43fb3962/sstream/glance"
)

// On a terminal each image on its way has a bar, and there is one of them all.
func TestGlanceBars(t *testing.T) {
	var out bytes.Buffer
	draw := make(chan any)
	p := newGlanceProgress(&app{stderr: &out}, true, false, nil)
	p.progress.bars = mpb.New(mpb.WithOutput(&out), mpb.WithManualRefresh(draw), mpb.WithWidth(80))
	p.start(2, 4<<20)
	p.report(glance.Progress{Name: "first", Size: 2 << 20, Read: 1 << 20})
	p.report(glance.Progress{Name: "second", Size: 2 << 20, Read: 512 << 10})
	p.report(glance.Progress{Name: "first", Size: 2 << 20, Read: 256 << 10}) // it is read again: that counts once
	for range 2 {                                                            // the first has been drawn when the second is taken
		draw <- time.Now()
	}
	p.report(glance.Progress{Name: "first", Done: true})
	p.report(glance.Progress{Name: "second", Done: true})
	p.close()
	for _, want := range []string{"first ", "12 %", "second ", "25 %", "1.5 MiB / 4.0 MiB"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not shown: %q", want, out.String())
		}
	}
}
