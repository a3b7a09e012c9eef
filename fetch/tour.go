package fetch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"
)

// tour asks one source after the other, and all of them again after a while, until one does what is asked.
type tour struct {
	m     *Mirror
	stops []stop
	at    int           // whose turn it is
	round int           // how often all have been asked in vain
	wait  time.Duration // what a server of this round asked to wait
}

type stop struct {
	*source
	err    error
	failed int
	out    bool // asking again is of no use
}

// newTour goes through the sources in that order.
func (m *Mirror) newTour(sources []*source) *tour {
	t := &tour{m: m, stops: make([]stop, len(sources))}
	for i, s := range sources {
		t.stops[i].source = s
	}
	return t
}

// rotated are the sources, beginning with that of this number. Those that failed a short time ago come last.
func (m *Mirror) rotated(first int) []*source {
	now := m.o.Now().UnixNano()
	all := slices.Concat(m.sources[first:], m.sources[:first])
	slices.SortStableFunc(all, func(a, b *source) int { return a.avoided(now) - b.avoided(now) })
	return all
}

// run calls do with a source after the other until it returns nil, or no source is left. The error names each source's
// address of path; it wraps fs.ErrNotExist if all of them say so.
func (t *tour) run(ctx context.Context, path string, do func(s *source) error) error {
	for {
		for t.at < len(t.stops) {
			s := &t.stops[t.at]
			if s.out {
				t.at++
				continue
			}
			err := do(s.source)
			if err == nil {
				s.answered.Store(true)
				return nil
			}
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			t.fail(path, err)
		}
		if !t.hope() {
			return t.err(path)
		}
		if err := t.pause(ctx); err != nil {
			return err
		}
	}
}

// avoidFor is how long a source that failed is asked last.
const avoidFor = 30 * time.Second

// fail notes that the source whose turn it is failed.
func (t *tour) fail(path string, err error) {
	s := &t.stops[t.at]
	t.at++
	s.err = err
	s.failed++
	kind := retryable(s.source, err)
	s.out = kind == never || kind == once && s.failed > 1
	if status, ok := errors.AsType[*statusError](err); ok {
		s.answered.Store(true)
		t.wait = max(t.wait, status.after)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	s.avoid.Store(t.m.o.Now().Add(avoidFor).UnixNano())
	t.m.o.Logger.Info("cannot read", "url", s.name(path), "error", err, "again", !s.out)
}

// progress notes that the source whose turn it is did well for a while: its failures are old ones.
func (t *tour) progress() {
	t.round = 0
	t.stops[t.at].failed = 0
}

// hope tells whether another round may help.
func (t *tour) hope() bool {
	if t.round >= t.m.o.Retries {
		return false
	}
	return slices.ContainsFunc(t.stops, func(s stop) bool { return !s.out })
}

// pause waits before the next round: longer each time, and not all clients for the same time.
func (t *tour) pause(ctx context.Context) error {
	o := &t.m.o
	d := o.MaxBackoff
	if t.round < 30 && o.Backoff < d>>t.round {
		d = o.Backoff << t.round
	}
	d = d/2 + time.Duration(o.Random()*float64(d/2))
	d = min(max(d, t.wait), o.MaxBackoff)
	t.round++
	t.at, t.wait = 0, 0
	return o.Sleep(ctx, d)
}

func (t *tour) err(path string) error {
	all := &sourcesError{absent: true}
	for i := range t.stops {
		s := &t.stops[i]
		all.absent = all.absent && errors.Is(s.err, fs.ErrNotExist)
		all.texts = append(all.texts, fmt.Sprintf("%s: %v", s.name(path), s.err))
		all.errs = append(all.errs, s.err)
	}
	return all
}

// sourcesError is what each source said.
type sourcesError struct {
	texts  []string
	errs   []error
	absent bool
}

func (e *sourcesError) Error() string { return "cannot read " + strings.Join(e.texts, "; ") }

// Is tells that nothing is there only if no source has it: one mirror's word is not that of all.
func (e *sourcesError) Is(target error) bool { return target == fs.ErrNotExist && e.absent }

// Unwrap returns the failures that are no absence.
func (e *sourcesError) Unwrap() []error {
	return slices.DeleteFunc(slices.Clone(e.errs), func(err error) bool { return errors.Is(err, fs.ErrNotExist) })
}
