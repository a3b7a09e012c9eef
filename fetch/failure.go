package fetch

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/seed-43fb3962/sstream/sign"
	"github.com/seed-43fb3962/sstream/streams"
)

// statusError is an answer that is not the file.
type statusError struct {
	code  int
	after time.Duration // what the server asks to wait; 0: nothing
}

func (e *statusError) Error() string {
	text := strconv.Itoa(e.code)
	if name := http.StatusText(e.code); name != "" {
		text += " " + name
	}
	if e.code == http.StatusUnauthorized {
		text += " (a user and password are needed: https://user:password@host/, or a netrc file)"
	}
	return text
}

// Is tells what a status means in the terms of package fs: a 403 is no proof that nothing is there.
func (e *statusError) Is(target error) bool {
	switch target {
	case fs.ErrNotExist:
		return e.code == http.StatusNotFound || e.code == http.StatusGone
	case fs.ErrPermission:
		return e.code == http.StatusForbidden
	}
	return false
}

func (e *statusError) temporary() bool {
	switch e.code {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return e.code > 511 // what content delivery networks say of the server behind them
}

// retryAfter reads the header of that name: seconds or a date.
func retryAfter(text string, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(text); err == nil && seconds > 0 {
		return time.Duration(min(seconds, 1<<20)) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}

// cleanError takes the address out of an error of the HTTP client, which may hold a secret, and says in few words what it is about.
func cleanError(err error) error {
	var at *url.Error
	if errors.As(err, &at) {
		err = at.Err
	}
	var name *net.DNSError
	if errors.As(err, &name) {
		return fmt.Errorf("cannot look up host %s: %s%w", name.Name, name.Err, hidden{err})
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return fmt.Errorf("cannot connect: %w", op.Err)
	}
	return err
}

// again says whether asking the same source again can help.
type again int

const (
	never  again = iota
	once         // it may have been read between two writes
	always       // it may have been a bad moment
)

// retryable tells whether s may answer better the next time.
func retryable(s *source, err error) again {
	var status *statusError
	var syntax *streams.SyntaxError
	var name *net.DNSError
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var content contentError
	var permanent permanentError
	switch {
	case errors.Is(err, sign.ErrBadSignature):
		return once
	case s.base == nil:
		return never
	case errors.As(err, &content):
		return once
	case errors.As(err, &status):
		if status.temporary() {
			return always
		}
		return never
	case errors.As(err, &syntax), errors.Is(err, sign.ErrNotSigned):
		return once
	case errors.As(err, &permanent), errors.Is(err, sign.ErrUntrusted),
		errors.As(err, &unknown), errors.As(err, &host), errors.As(err, &invalid):
		return never
	case errors.Is(err, syscall.ECONNREFUSED), errors.As(err, &name) && name.IsNotFound:
		if s.answered.Load() { // it is being restarted
			return always
		}
		return never // an address that was mistyped
	}
	return always
}

// permanentError is what will not get better.
type permanentError string

func (e permanentError) Error() string { return string(e) }

// contentError is a file that was read well and is not what it should be.
type contentError string

func (e contentError) Error() string { return string(e) }

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

// newTour begins at the source with that number; sources that failed a short time ago come last.
func (m *Mirror) newTour(first int) *tour {
	t := &tour{m: m}
	var late []stop
	now := m.o.Now().UnixNano()
	for i := range m.sources {
		s := m.sources[(first+i)%len(m.sources)]
		if s.avoid.Load() > now {
			late = append(late, stop{source: s})
		} else {
			t.stops = append(t.stops, stop{source: s})
		}
	}
	t.stops = append(t.stops, late...)
	return t
}

// run calls do with a source after the other until it returns nil, or no source is left. The error names each source's
// address of path; it wraps fs.ErrNotExist if all of them say so.
func (t *tour) run(ctx context.Context, path string, do func(s *source) error) error {
	for {
		for t.at < len(t.stops) {
			if s := &t.stops[t.at]; !s.out {
				err := do(s.source)
				if err == nil {
					s.answered.Store(true)
					return nil
				}
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				t.fail(path, err)
				continue
			}
			t.at++
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
	var status *statusError
	if errors.As(err, &status) {
		s.answered.Store(true)
		t.wait = max(t.wait, status.after)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		s.avoid.Store(t.m.o.Now().Add(avoidFor).UnixNano())
		t.m.o.Logger.Warn("cannot read", "url", s.name(path), "error", err, "again", !s.out)
	}
}

// progress notes that the source whose turn it is did well for a while: its failures are old ones.
func (t *tour) progress() {
	t.round = 0
	t.stops[t.at].failed = 0
	t.stops[t.at].avoid.Store(0)
}

func (t *tour) hope() bool {
	for i := range t.stops {
		if !t.stops[i].out {
			return t.round < t.m.o.Retries
		}
	}
	return false
}

// pause waits before the next round: longer each time, and not all clients at the same moment.
func (t *tour) pause(ctx context.Context) error {
	o := &t.m.o
	d := min(o.Backoff<<min(t.round, 16), o.MaxBackoff)
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

func (e *sourcesError) Error() string { return strings.Join(e.texts, "; ") }

func (e *sourcesError) Is(target error) bool { return target == fs.ErrNotExist && e.absent }

// Unwrap returns the failures, without those that say that nothing is there: one mirror's word is not that of all.
func (e *sourcesError) Unwrap() []error {
	var errs []error
	for _, err := range e.errs {
		if !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errs
}
