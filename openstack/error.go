package openstack

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io/fs"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/gophercloud/gophercloud/v2"
)

// Error is a request that a service refused or did not answer.
type Error struct {
	Service   string // image, object-store, identity
	Region    string // empty for identity
	Doing     string // what was asked for: "create image ubuntu/x"
	Status    int    // of the answer; 0: there was none
	RequestID string // of the service, by which its log can be searched
	Message   string // what the service said
	Err       error  // what went wrong if there was no answer

	retryAfter time.Duration
}

// Error returns one line: who, where, what, why, and the request to ask the operator about.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Service)
	if e.Region != "" {
		fmt.Fprintf(&b, " in %s", e.Region)
	}
	fmt.Fprintf(&b, ": cannot %s: ", e.Doing)
	if e.Status == 0 {
		fmt.Fprint(&b, e.Err)
		return b.String()
	}
	fmt.Fprintf(&b, "%d %s", e.Status, http.StatusText(e.Status))
	if e.Message != "" && e.Message != http.StatusText(e.Status) {
		fmt.Fprintf(&b, ": %s", e.Message)
	}
	if e.RequestID != "" {
		fmt.Fprintf(&b, " (request %s)", e.RequestID)
	}
	return b.String()
}

// Unwrap returns [fs.ErrNotExist] for a 404.
func (e *Error) Unwrap() error {
	if e.Status == http.StatusNotFound {
		return fs.ErrNotExist
	}
	return e.Err
}

// StatusOf returns the status of the answer that err is about, 0 if there was none.
func StatusOf(err error) int {
	var e *Error
	if errors.As(err, &e) {
		return e.Status
	}
	return 0
}

// Temporary tells whether the same request may well succeed later: the service is busy or broken, or did not answer.
func Temporary(err error) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	if cert := new(tls.CertificateVerificationError); errors.As(e.Err, &cert) {
		return false
	}
	switch e.Status {
	case 0, http.StatusTooManyRequests, 498, http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout, http.StatusRequestTimeout:
		return true
	}
	return e.retryAfter > 0
}

// explain makes an *Error of what gophercloud returns.
func (c *Cloud) explain(service, region, doing string, err error) error {
	if err == nil {
		return nil
	}
	e := &Error{Service: service, Region: region, Doing: doing, Err: err}
	var again *gophercloud.ErrErrorAfterReauthentication
	var denied *gophercloud.ErrUnableToReauthenticate
	if errors.As(err, &again) {
		err = again.ErrOriginal
	}
	if errors.As(err, &denied) {
		err, e.Doing = denied.ErrReauth, doing+": cannot renew the token"
	}
	e.Err = err
	var answer gophercloud.ErrUnexpectedResponseCode
	if errors.As(err, &answer) {
		e.Status = answer.Actual
		e.RequestID = requestID(answer.ResponseHeader)
		e.Message = message(answer.Body)
		e.retryAfter = retryAfter(answer.ResponseHeader)
	}
	return e
}

func requestID(h http.Header) string {
	return first(h.Get("X-Openstack-Request-Id"), h.Get("X-Trans-Id"), h.Get("X-Compute-Request-Id"))
}

func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

const maxMessage = 300

var (
	htmlTitle = regexp.MustCompile(`(?is)<(title|h1)>.*?</(title|h1)>`)
	htmlTag   = regexp.MustCompile(`<[^>]*>`)
	blanks    = regexp.MustCompile(`\s+`)
)

// message finds what a service says in the body of an answer: JSON of a few shapes, or a page.
func message(body []byte) string {
	text := string(body)
	var object struct {
		Error   json.RawMessage `json:"error"`
		Message string          `json:"message"`
	}
	if json.Unmarshal(body, &object) == nil {
		var inner struct{ Message string }
		_ = json.Unmarshal(object.Error, &inner) // the outer message stays if it is no object
		if said := first(inner.Message, object.Message); said != "" {
			text = said
		}
	} else {
		text = html.UnescapeString(htmlTag.ReplaceAllString(htmlTitle.ReplaceAllString(text, " "), " "))
	}
	text = strings.ReplaceAll(text, "<br />", " ") // Glance's, escaped or in JSON
	text = strings.TrimSpace(blanks.ReplaceAllString(strings.ToValidUTF8(text, "?"), " "))
	if len(text) > maxMessage {
		text = strings.ToValidUTF8(text[:maxMessage], "") + "…"
	}
	return text
}
