// Package swift keeps content in OpenStack's object store.
//
// A store is a container, or what begins with a prefix in it. Content that is longer than a segment is put as a static
// large object: its segments lie in the container "NAME_segments", which is made when it is first needed.
package swift

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/seed-43fb3962/sstream/openstack"
	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/streams"
)

// PublicRead is the ACL with which everybody may read a container and list it.
const PublicRead = ".r:*,.rlistings"

// Options say how a store is kept. The zero value leaves the container as it is, or makes a private one.
type Options struct {
	ReadACL  string // set on the container at the first write; empty: it is left as it is
	Segment  int64  // bytes in one object, beyond which content is divided; 0: 1 GiB. Swift takes 5 GiB
	Attempts int    // at an object whose upload fails in a way that may pass; 0: 3
}

// Store is a [store.Store], a [store.Lister] and a [store.Preparer]. A reader of a large object that is replaced meanwhile may get an error.
// Only one Store at a time may write or delete one large object: each deletes the segments that it did not put itself.
type Store struct {
	service   *openstack.Service
	container string
	prefix    string
	options   Options

	paths pathLocks
	ready sync.Mutex      // held while containers are made
	made  map[string]bool // containers that are there
}

var (
	_ store.Store  = (*Store)(nil)
	_ store.Lister = (*Store)(nil)

	_ store.Preparer = (*Store)(nil)
)

// Split divides a location, swift://CONTAINER/PREFIX or CONTAINER/PREFIX, into the container and the prefix, which may be empty.
func Split(location string) (container, prefix string, err error) {
	container, prefix, _ = strings.Cut(strings.TrimPrefix(location, "swift://"), "/")
	if container == "" {
		return "", "", fmt.Errorf("unknown location %q: it names no container: CONTAINER/PREFIX is needed", location)
	}
	return container, prefix, nil
}

// New returns the store of all objects in a container whose names begin with prefix. A path follows the prefix as it
// stands: for a directory the prefix ends in a slash. No request is made yet.
func New(service *openstack.Service, container, prefix string, o Options) *Store {
	if o.Segment == 0 {
		o.Segment = 1 << 30
	}
	if o.Attempts == 0 {
		o.Attempts = 3
	}
	return &Store{service: service, container: container, prefix: prefix, options: o, made: map[string]bool{}}
}

// segments is where the parts of large objects lie.
func (s *Store) segments() string { return s.container + "_segments" }

// name returns where a path is kept.
func (s *Store) name(path string) (string, error) {
	if err := streams.CheckPath(path); err != nil {
		return "", err
	}
	return s.prefix + path, nil
}

// object is the path of an object in requests; with an empty name it is the container's.
func object(container, name string) string {
	escaped := url.PathEscape(container)
	if name == "" {
		return escaped
	}
	return escaped + "/" + strings.ReplaceAll(url.PathEscape(name), "%2F", "/")
}

// Open implements [store.Source].
func (s *Store) Open(ctx context.Context, path string, off int64) (io.ReadCloser, error) {
	name, err := s.name(path)
	if err != nil {
		return nil, err
	}
	r := openstack.Request{
		Method: http.MethodGet, Path: object(s.container, name), Doing: "read " + s.container + "/" + name,
		OK: []int{http.StatusOK, http.StatusPartialContent, http.StatusRequestedRangeNotSatisfiable}, Keep: true,
	}
	if off > 0 {
		r.Header = map[string]string{"Range": fmt.Sprintf("bytes=%d-", off)}
	}
	resp, err := s.service.Do(ctx, r)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusRequestedRangeNotSatisfiable { // off is the end
		resp.Body.Close()
		return http.NoBody, nil
	}
	return resp.Body, nil
}

// Stat implements [store.Store].
func (s *Store) Stat(ctx context.Context, path string) (store.Info, error) {
	name, err := s.name(path)
	if err != nil {
		return store.Info{}, err
	}
	resp, err := s.service.Do(ctx, openstack.Request{
		Method: http.MethodHead, Path: object(s.container, name), Doing: "look at " + s.container + "/" + name, OK: []int{http.StatusOK},
	})
	if err != nil {
		return store.Info{}, err
	}
	info := store.Info{Size: resp.ContentLength}
	if t, err := time.Parse(http.TimeFormat, resp.Header.Get("Last-Modified")); err == nil {
		info.Modified = t
	}
	return info, nil
}

// Delete implements [store.Store].
func (s *Store) Delete(ctx context.Context, path string) error {
	name, err := s.name(path)
	if err != nil {
		return err
	}
	unlock, err := s.paths.lock(ctx, name)
	if err != nil {
		return err
	}
	defer unlock()
	if err := s.deleteObject(ctx, s.container, name); err != nil {
		return err
	}
	return s.deleteSegments(ctx, name, "")
}

// deleteObject returns nil if nothing is there.
func (s *Store) deleteObject(ctx context.Context, container, name string) error {
	_, err := s.service.Do(ctx, openstack.Request{
		Method: http.MethodDelete, Path: object(container, name), Doing: "delete " + container + "/" + name, OK: []int{http.StatusNoContent},
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// List implements [store.Lister].
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for name, err := range s.names(ctx, s.container, s.prefix+prefix) {
			if !yield(strings.TrimPrefix(name, s.prefix), err) || err != nil {
				return
			}
		}
	}
}

const maxListing = 64 << 20 // bytes of one answer, which has 10,000 names

// names yields the names in a container that begin with prefix, in byte order.
func (s *Store) names(ctx context.Context, container, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for marker := ""; ; {
			query := url.Values{"format": {"json"}, "prefix": {prefix}, "marker": {marker}}
			resp, err := s.service.Do(ctx, openstack.Request{
				Method: http.MethodGet, Path: object(container, "") + "?" + query.Encode(), Doing: "list " + container,
				OK: []int{http.StatusOK, http.StatusNotFound}, Keep: true,
			})
			var page []struct{ Name string }
			if err == nil {
				page, err = readListing(resp, &page)
			}
			if err != nil {
				yield("", err)
				return
			}
			if len(page) == 0 {
				return
			}
			for _, o := range page {
				if !yield(o.Name, nil) {
					return
				}
			}
			marker = page[len(page)-1].Name
		}
	}
}

// readListing reads an answer; a container that is not there has no names.
func readListing[T any](resp *http.Response, page *[]T) ([]T, error) {
	body, err := openstack.ReadAll(resp, maxListing)
	if err != nil || resp.StatusCode == http.StatusNotFound {
		return nil, err
	}
	err = json.Unmarshal(body, page)
	return *page, err
}
