package openstack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/gophercloud/gophercloud/v2"
)

// Service is one service in one region.
type Service struct {
	cloud    *Cloud
	kind     string
	region   string
	endpoint string
}

var versionSuffix = regexp.MustCompile(`/v\d+(\.\d+)?/$`)

// Image returns the image service (Glance, version 2) of a region. It makes no request.
func (c *Cloud) Image(region string) (*Service, error) {
	s, err := c.service("image", region)
	if err == nil { // catalogues give it with a version, or without, or with an old one
		s.endpoint = versionSuffix.ReplaceAllString(s.endpoint, "/") + "v2/"
	}
	return s, err
}

// ObjectStore returns the object store (Swift) of a region. It makes no request.
func (c *Cloud) ObjectStore(region string) (*Service, error) {
	return c.service("object-store", region)
}

func (c *Cloud) service(kind, region string) (*Service, error) {
	endpoint, err := c.endpoint(kind, region)
	if err != nil {
		return nil, err
	}
	return &Service{c, kind, region, endpoint}, nil
}

// Region is where the service is.
func (s *Service) Region() string { return s.region }

// Cloud is whose service it is.
func (s *Service) Cloud() *Cloud { return s.cloud }

// URL returns the address of a path below the service.
func (s *Service) URL(path string) string { return s.endpoint + path }

// Request is one request of a service.
type Request struct {
	Method string
	Path   string // below the endpoint, escaped, with its query
	Doing  string // for errors: "create image ubuntu/x"
	OK     []int  // the answers that are no error; at least one

	Header map[string]string
	JSON   any   // sent as the body; nil: none
	Body   *Body // sent as the body, nil: none. A request with a Body is made once, but for the renewal of a token

	Into any  // read from the answer's JSON; nil: the answer is not read
	Keep bool // leave the answer's body open, for the caller to read and close
}

// Do makes a request and, while it fails in a way that may pass, makes it again. It returns an [*Error], or the
// source's own error if Body could not be read.
func (s *Service) Do(ctx context.Context, r Request) (*http.Response, error) {
	var resp *http.Response
	err := s.cloud.retry(ctx, func() (err error) {
		resp, err = s.once(ctx, r)
		if r.Body != nil && err != nil {
			return &final{err}
		}
		return err
	})
	var last *final
	if errors.As(err, &last) {
		err = last.error
	}
	return resp, err
}

func (s *Service) once(ctx context.Context, r Request) (*http.Response, error) {
	o := &gophercloud.RequestOpts{OkCodes: r.OK, MoreHeaders: r.Header, JSONBody: r.JSON, JSONResponse: r.Into, KeepResponseBody: r.Keep}
	var body *stream
	if r.Body != nil {
		body = &stream{body: *r.Body}
		o.RawBody = body
	}
	began := time.Now()
	resp, err := s.cloud.provider.Request(ctx, r.Method, s.URL(r.Path), o)
	s.cloud.options.Log.Debug(r.Method+" "+s.URL(r.Path), "took", time.Since(began).Round(time.Millisecond))
	if body != nil {
		body.end()
		if failed := body.failure(); failed != nil {
			return nil, failed
		}
	}
	if err != nil {
		return nil, s.cloud.explain(s.kind, s.region, r.Doing, err)
	}
	return resp, nil
}

// final is an error that retry does not try to get over.
type final struct{ error }

// retry makes an attempt again while its error may pass.
func (c *Cloud) retry(ctx context.Context, attempt func() error) error {
	for n := 1; ; n++ {
		err := attempt()
		if _, ok := err.(*final); ok || err == nil || n >= c.options.Attempts || !Temporary(err) || ctx.Err() != nil {
			return err
		}
		if c.Wait(ctx, n, err) != nil {
			return err
		}
	}
}

// Wait waits after the n-th attempt, which ended with err: as long as the server asks for, or else twice as long each time.
func (c *Cloud) Wait(ctx context.Context, n int, err error) error {
	base := time.Second / 2 << min(n-1, 6)
	pause := base + rand.N(base)
	var e *Error
	if errors.As(err, &e) && e.retryAfter > 0 {
		pause = min(e.retryAfter, time.Minute)
	}
	c.options.Log.Warn(fmt.Sprintf("trying again in %v", pause.Round(time.Millisecond)), "error", err)
	return c.options.Sleep(ctx, pause)
}

// Identity returns the identity service as gophercloud has it, for what this package does not know.
func (c *Cloud) Identity() *gophercloud.ServiceClient {
	return &gophercloud.ServiceClient{ProviderClient: c.provider, Endpoint: c.provider.IdentityEndpoint, Type: "identity"}
}

// Pause waits as the cloud's other requests wait between attempts.
func (c *Cloud) Pause(ctx context.Context, d time.Duration) error { return c.options.Sleep(ctx, d) }

// ReadAll reads an answer that was kept open, up to limit bytes, and closes it.
func ReadAll(resp *http.Response, limit int64) ([]byte, error) {
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err == nil && int64(len(body)) > limit {
		err = fmt.Errorf("the answer is longer than %d bytes", limit)
	}
	return body, err
}

// Below makes a path below the endpoint of a link to the next page. Such links begin with the version
// ("/v2/images?marker=…"), whatever stands before it in the endpoint.
func (s *Service) Below(link string) string {
	link = strings.TrimPrefix(link, "/")
	if version := versionSuffix.FindString(s.endpoint); version != "" {
		if _, rest, ok := strings.Cut("/"+link, version); ok {
			return rest
		}
	}
	return link
}
