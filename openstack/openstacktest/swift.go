package openstacktest

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// container is one container of a region's object store.
type container struct {
	read    string // its X-Container-Read
	objects map[string]*object
}

type object struct {
	data     []byte
	etag     string
	kind     string // content type
	modified time.Time
	segments []segment // of a static large object
}

type segment struct {
	Path string `json:"path"`
	ETag string `json:"etag"`
	Size int64  `json:"size_bytes"`
}

// Objects returns the objects of a container and their bytes; nil if there is no such container.
func (c *Cloud) Objects(region, name string) map[string][]byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	found := c.containers[region+"/"+name]
	if found == nil {
		return nil
	}
	objects := map[string][]byte{}
	for path, o := range found.objects {
		objects[path] = c.content(region, o)
	}
	return objects
}

// ReadACL returns a container's X-Container-Read.
func (c *Cloud) ReadACL(region, name string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if found := c.containers[region+"/"+name]; found != nil {
		return found.read
	}
	return ""
}

// content returns an object's bytes, those of its segments one after the other.
func (c *Cloud) content(region string, o *object) []byte {
	if o.segments == nil {
		return o.data
	}
	var data []byte
	for _, s := range o.segments {
		name, path, _ := strings.Cut(strings.TrimPrefix(s.Path, "/"), "/")
		if from := c.containers[region+"/"+name]; from != nil && from.objects[path] != nil {
			data = append(data, from.objects[path].data...)
		}
	}
	return data
}

// objectStore answers v1/ACCOUNT/CONTAINER[/OBJECT].
func (c *Cloud) objectStore(w http.ResponseWriter, req Request, path string) {
	parts := strings.SplitN(path, "/", 4)
	for len(parts) < 4 {
		parts = append(parts, "")
	}
	name, err := url.PathUnescape(parts[2])
	if err != nil || parts[1] != "AUTH_"+Project {
		http.NotFound(w, req.Request)
		return
	}
	object, err := url.PathUnescape(parts[3])
	if err != nil {
		http.NotFound(w, req.Request)
		return
	}
	reads := req.Method == http.MethodGet || req.Method == http.MethodHead
	if !c.allowed(req.Request) && !(reads && strings.Contains(c.ReadACL(req.Region, name), ".r:*")) {
		w.WriteHeader(http.StatusUnauthorized)
		io.WriteString(w, "<html><h1>Unauthorized</h1><p>This server could not verify that you are authorized to access the document you requested.</p></html>")
		return
	}
	if object == "" {
		c.container(w, req, name)
		return
	}
	switch req.Method {
	case http.MethodPut:
		c.putObject(w, req, name, object)
	case http.MethodGet, http.MethodHead:
		c.getObject(w, req, name, object)
	case http.MethodDelete:
		c.deleteObject(w, req.Region, name, object)
	}
}

func (c *Cloud) container(w http.ResponseWriter, req Request, name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := req.Region + "/" + name
	found := c.containers[key]
	if req.Method == http.MethodPut {
		status := http.StatusAccepted
		if found == nil {
			found = &container{objects: map[string]*object{}}
			c.containers[key] = found
			status = http.StatusCreated
		}
		if acl, ok := req.Header["X-Container-Read"]; ok {
			found.read = acl[0]
		}
		w.WriteHeader(status)
		return
	}
	if found == nil {
		noResource(w)
		return
	}
	if req.Method == http.MethodHead {
		w.Header().Set("X-Container-Read", found.read)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	query := req.URL.Query()
	limit, err := strconv.Atoi(query.Get("limit"))
	if err != nil {
		limit = 10000
	}
	var names []string
	for path := range found.objects {
		if strings.HasPrefix(path, query.Get("prefix")) && path > query.Get("marker") {
			names = append(names, path)
		}
	}
	slices.Sort(names)
	list := []any{}
	for _, path := range names[:min(limit, len(names))] {
		o := found.objects[path]
		list = append(list, map[string]any{"name": path, "bytes": len(o.data), "hash": o.etag,
			"content_type": o.kind, "last_modified": o.modified.UTC().Format("2006-01-02T15:04:05.000000")})
	}
	answer(w, http.StatusOK, list)
}

func noResource(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html; charset=UTF-8")
	w.WriteHeader(http.StatusNotFound)
	io.WriteString(w, "<html><h1>Not Found</h1><p>The resource could not be found.</p></html>")
}

func (c *Cloud) putObject(w http.ResponseWriter, req Request, name, path string) {
	c.mu.Lock()
	known := c.containers[req.Region+"/"+name] != nil
	c.mu.Unlock()
	if !known {
		noResource(w)
		return
	}
	data, err := io.ReadAll(req.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	sum := md5.Sum(data)
	o := &object{data: data, etag: hex.EncodeToString(sum[:]), kind: req.Header.Get("Content-Type"), modified: c.Now()}
	if req.URL.Query().Get("multipart-manifest") == "put" {
		if err := json.Unmarshal(data, &o.segments); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		hash := md5.New()
		for _, s := range o.segments {
			io.WriteString(hash, s.ETag)
		}
		o.etag = hex.EncodeToString(hash.Sum(nil))
	} else if want := req.Header.Get("ETag"); want != "" && want != o.etag {
		w.WriteHeader(http.StatusUnprocessableEntity)
		io.WriteString(w, "<html><h1>Unprocessable Entity</h1><p>Unable to process the contained instructions</p></html>")
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.containers[req.Region+"/"+name].objects[path] = o
	w.Header().Set("Etag", o.etag)
	w.WriteHeader(http.StatusCreated)
}

func (c *Cloud) getObject(w http.ResponseWriter, req Request, name, path string) {
	c.mu.Lock()
	found := c.containers[req.Region+"/"+name]
	if found == nil || found.objects[path] == nil {
		c.mu.Unlock()
		noResource(w)
		return
	}
	o := found.objects[path]
	data := c.content(req.Region, o)
	c.mu.Unlock()
	w.Header().Set("Content-Type", o.kind)
	w.Header().Set("Etag", o.etag)
	if o.segments != nil {
		w.Header().Set("X-Static-Large-Object", "True")
		w.Header().Set("Etag", `"`+o.etag+`"`)
	}
	if req.URL.Query().Get("multipart-manifest") == "get" && o.segments != nil {
		var manifest []any
		for _, s := range o.segments {
			manifest = append(manifest, map[string]any{"name": "/" + strings.TrimPrefix(s.Path, "/"), "hash": s.ETag, "bytes": s.Size})
		}
		answer(w, http.StatusOK, manifest)
		return
	}
	w.Header().Set("Accept-Ranges", "bytes")
	w.Header().Set("Last-Modified", o.modified.UTC().Format(http.TimeFormat))
	status, from := http.StatusOK, 0
	if spec, ok := strings.CutPrefix(req.Header.Get("Range"), "bytes="); ok && len(data) > 0 {
		from, _ = strconv.Atoi(strings.TrimSuffix(spec, "-"))
		if from >= len(data) {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes */%d", len(data)))
			w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
			return
		}
		status = http.StatusPartialContent
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(data)-1, len(data)))
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(data)-from))
	w.WriteHeader(status)
	if req.Method == http.MethodGet {
		_, _ = w.Write(data[from:]) // a client that went away is no error of the cloud
	}
}

func (c *Cloud) deleteObject(w http.ResponseWriter, region, name, path string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	found := c.containers[region+"/"+name]
	if found == nil || found.objects[path] == nil {
		noResource(w)
		return
	}
	delete(found.objects, path)
	w.WriteHeader(http.StatusNoContent)
}
