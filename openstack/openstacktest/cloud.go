// Package openstacktest is an OpenStack for tests, in the process: as much of Keystone, Glance and Swift as the
// project uses, over real HTTP, and made to fail where a test asks for it. What it answers is checked against the real
// servers by one list of tests (package openstack).
package openstacktest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Names that the cloud knows.
const (
	Project  = "9427b7b0f3534cbfa6196d603c390fb0" // the ID of the project admin
	Password = "secret"
)

// Cloud is a fake cloud. Set its fields while no request is under way.
type Cloud struct {
	URL     string   // of the server; Keystone is at URL/identity/v3
	Regions []string // that have an image service and an object store
	Version string   // that Keystone speaks: v3 or v2.0
	Member  bool     // the user may not make public images
	Convert bool     // an import turns images to raw, as Glance's image_conversion plugin does
	Broken  bool     // an import fails, as that plugin does: the image stays as it is, and a task tells

	// Intercept, if set, sees every request before the cloud does and may return a fault.
	Intercept func(Request) *Fault

	// Now gives images and objects their times.
	Now func() time.Time

	mu         sync.Mutex
	tokens     map[string]bool
	issued     int
	requests   []Request
	images     map[string]*region
	containers map[string]*container // "REGION/name"
}

// Request is what the cloud was asked.
type Request struct {
	Service string // identity, image, object-store
	Region  string // empty for identity
	Method  string
	Path    string // below the service's endpoint, with its query
	*http.Request
}

// String returns "PUT image RegionOne images/…/file".
func (r Request) String() string {
	return strings.Join([]string{r.Method, r.Service, r.Region, r.Path}, " ")
}

// Fault is how a request fails.
type Fault struct {
	After   int64           // bytes of the request's body that are read first; -1: all
	Wait    <-chan struct{} // closed when the request may go on; nil: at once
	Do      func()          // called then, nil: nothing
	Cut     bool            // the connection is closed without an answer
	Status  int             // of the answer; 0: the request is carried out
	Header  http.Header     // of the answer
	Body    string          // of the answer
	Stall   <-chan struct{} // closed when what comes after Body may be sent; nil: Body is all
	Applied bool            // the request is carried out, and then fails all the same
}

// New starts a cloud that ends with the test.
func New(tb testing.TB, regions ...string) *Cloud {
	tb.Helper()
	c := &Cloud{
		Regions: regions, Version: "v3", Now: time.Now,
		tokens: map[string]bool{}, images: map[string]*region{}, containers: map[string]*container{},
	}
	for _, r := range regions {
		c.images[r] = &region{images: map[string]*image{}, gone: map[string]bool{}}
	}
	server := httptest.NewServer(c)
	c.URL = server.URL
	tb.Cleanup(server.Close)
	return c
}

// Getenv answers as the environment that an openrc file for the cloud makes.
func (c *Cloud) Getenv(name string) string {
	return map[string]string{
		"OS_AUTH_URL": c.URL + "/identity/" + c.Version, "OS_USERNAME": "admin", "OS_PASSWORD": Password,
		"OS_PROJECT_NAME": "admin", "OS_USER_DOMAIN_NAME": "Default", "OS_PROJECT_DOMAIN_NAME": "Default",
	}[name]
}

// Requests returns what was asked so far.
func (c *Cloud) Requests() []Request {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.requests)
}

// Forget empties the list of requests.
func (c *Cloud) Forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests = nil
}

// Expire ends all tokens.
func (c *Cloud) Expire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.tokens)
}

// ServeHTTP routes /SERVICE/REGION/path.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	parts := strings.SplitN(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/", 3)
	for len(parts) < 3 {
		parts = append(parts, "")
	}
	req := Request{Service: parts[0], Region: parts[1], Method: r.Method, Path: parts[2], Request: r}
	if r.URL.RawQuery != "" {
		req.Path += "?" + r.URL.RawQuery
	}
	c.mu.Lock()
	c.requests = append(c.requests, req)
	intercept := c.Intercept
	c.mu.Unlock()
	w.Header().Set("X-Openstack-Request-Id", fmt.Sprintf("req-%d", len(c.Requests())))
	if intercept != nil {
		if f := intercept(req); f != nil && c.fail(w, req, f) {
			return
		}
	}
	c.serve(w, req, parts[2])
}

func (c *Cloud) serve(w http.ResponseWriter, req Request, path string) {
	switch req.Service {
	case "identity":
		c.identity(w, req, path)
	case "image":
		c.image(w, req, strings.TrimPrefix(path, "v2/"))
	case "object-store":
		c.objectStore(w, req, path)
	default:
		http.NotFound(w, req.Request)
	}
}

// fail carries out a fault and tells whether the request has been answered.
func (c *Cloud) fail(w http.ResponseWriter, req Request, f *Fault) bool {
	if f.After < 0 {
		_, _ = io.Copy(io.Discard, req.Body) // a body that breaks off is the fault's business
	} else if f.After > 0 {
		_, _ = io.CopyN(io.Discard, req.Body, f.After)
	}
	await(req, f.Wait)
	if f.Do != nil {
		f.Do()
	}
	if f.Applied {
		c.serve(httptest.NewRecorder(), req, strings.SplitN(strings.TrimPrefix(req.URL.EscapedPath(), "/"), "/", 3)[2])
	}
	switch {
	case f.Cut:
		panic(http.ErrAbortHandler)
	case f.Status == 0:
		return false
	}
	for key, values := range f.Header {
		w.Header()[key] = values
	}
	w.WriteHeader(f.Status)
	io.WriteString(w, f.Body)
	if f.Stall != nil {
		_ = http.NewResponseController(w).Flush() // a client that went away is no error of the cloud
		await(req, f.Stall)
	}
	return true
}

// await waits until gate, if there is one, is closed or the client has gone.
func await(req Request, gate <-chan struct{}) {
	if gate == nil {
		return
	}
	select {
	case <-gate:
	case <-req.Context().Done():
	}
}

// allowed tells whether the request has a token that is good.
func (c *Cloud) allowed(r *http.Request) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tokens[r.Header.Get("X-Auth-Token")]
}

// page answers an error as OpenStack's services do: with a page.
func page(w http.ResponseWriter, status int, text string) {
	title := fmt.Sprintf("%d %s", status, http.StatusText(status))
	w.Header().Set("Content-Type", "text/html; charset=UTF-8")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<html>\n <head>\n  <title>%s</title>\n </head>\n <body>\n  <h1>%s</h1>\n  %s<br /><br />\n\n\n </body>\n</html>", title, title, text)
}

func answer(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // a client that went away is no error of the cloud
}
