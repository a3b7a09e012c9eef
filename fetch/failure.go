package fetch

import (
	"crypto/x509"
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

// cleanError takes the address, which may hold a secret, out of an error of the HTTP client, and says in few words what
// it is about.
func cleanError(err error) error {
	var at *url.Error
	if errors.As(err, &at) {
		err = at.Err
	}
	if text := err.Error(); userInURL.MatchString(text) { // that of a proxy
		return fmt.Errorf("%s%w", userInURL.ReplaceAllString(text, "//"), hidden{err})
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
