package fetch

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"syscall"
	"time"

	"github.com/seed-43fb3962/sstream/sign"
)

// statusError is an answer that is not the file.
type statusError struct {
	code  int
	after time.Duration // what the server asks to wait; 0: nothing
	known bool          // the request said who asks
}

func (e *statusError) Error() string {
	text := strconv.Itoa(e.code)
	if name := http.StatusText(e.code); name != "" {
		text += " " + name
	}
	switch {
	case e.code == http.StatusUnauthorized && e.known:
		text += " (the user and password, or the token, that were sent are not accepted)"
	case e.code == http.StatusUnauthorized:
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

// cleanError takes the address, which may hold a secret, out of an error of the HTTP client, and says in few words what
// it is about.
func cleanError(err error) error {
	if at, ok := errors.AsType[*url.Error](err); ok {
		err = at.Err
	}
	if text := err.Error(); userInURL.MatchString(text) { // that of a proxy
		return fmt.Errorf("%s%w", userInURL.ReplaceAllString(text, "//"), hidden{err})
	}
	if name, ok := errors.AsType[*net.DNSError](err); ok {
		return fmt.Errorf("cannot look up host %s: %s%w", name.Name, name.Err, hidden{err})
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		switch op.Op {
		case "dial":
			return fmt.Errorf("cannot connect: %w", op.Err)
		case "proxyconnect":
			return fmt.Errorf("cannot connect to the proxy: %w", op.Err)
		}
	}
	return err
}

var userInURL = regexp.MustCompile(`//[^/]*@`)

// again says whether asking the same source again can help.
type again int

const (
	never  again = iota
	once         // it may have been read between two writes
	always       // it may have been a bad moment
)

// retryable tells whether s may answer better the next time.
func retryable(s *source, err error) again {
	switch {
	case errors.Is(err, sign.ErrBadSignature):
		return once
	case s.base == nil:
		return never
	case is[contentError](err), errors.Is(err, sign.ErrNotSigned):
		return once
	case is[permanentError](err), errors.Is(err, sign.ErrUntrusted), errors.Is(err, http.ErrSchemeMismatch), isTLS(err):
		return never
	case notThere(err) && !s.answered.Load(): // a mistyped address, not a server that is being restarted
		return never
	}
	if status, ok := errors.AsType[*statusError](err); ok && !status.temporary() {
		return never
	}
	return always
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// isTLS tells whether one side does not accept the other.
func isTLS(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "remote error" || is[*tls.CertificateVerificationError](err)
}

func notThere(err error) bool {
	name, ok := errors.AsType[*net.DNSError](err)
	return ok && name.IsNotFound || errors.Is(err, syscall.ECONNREFUSED)
}

// permanentError is what will not get better.
type permanentError struct{ error }

func (e permanentError) Unwrap() error { return e.error }

func permanent(format string, args ...any) error { return permanentError{fmt.Errorf(format, args...)} }

// contentError is a file that was read well and is not what it should be.
type contentError struct{ error }

func (e contentError) Unwrap() error { return e.error }

func wrong(format string, args ...any) error { return contentError{fmt.Errorf(format, args...)} }
