package glance

import (
	"testing"
	"testing/synctest"
	"time"
)

// Products that end soon after one another are published together; nobody waits longer than publishEvery, or once all have ended.
func TestBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, done := time.Now(), make(chan finished, 9)
		go func() {
			for _, pause := range []time.Duration{0, time.Second, publishEvery, time.Hour, time.Second} {
				time.Sleep(pause)
				done <- finished{}
			}
			close(done)
		}()
		type batch struct {
			size int
			at   time.Duration
		}
		var got []batch
		for b := range batches(done) {
			got = append(got, batch{len(b), time.Since(began)})
		}
		late := time.Second + publishEvery
		want := []batch{{2, publishEvery}, {1, late + publishEvery}, {2, late + time.Hour + time.Second}}
		if len(got) != len(want) || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
			t.Errorf("batches %v, want %v", got, want)
		}
	})
}
