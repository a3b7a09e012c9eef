package openstacktest

import (
	"cmp"
	"crypto/md5"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// region is the image service of a region.
type region struct {
	images map[string]*image
	gone   map[string]bool // IDs that were used and cannot be used again
	made   int
}

// image is one image: its fields as the service shows them, and its bytes.
type image struct {
	fields map[string]any
	data   []byte
	order  int
	tasks  []map[string]string
}

func (i *image) status() string { return i.fields["status"].(string) }

// Image is a look at one image.
type Image struct {
	Fields map[string]any // as GET v2/images/ID shows them
	Data   []byte
}

// Images returns the images of a region, the oldest first.
func (c *Cloud) Images(name string) []Image {
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []Image
	for _, i := range c.images[name].sorted() {
		list = append(list, Image{maps.Clone(i.fields), i.data})
	}
	return list
}

// Corrupt changes a byte of an image as if the service had stored it wrongly, with checksums to match.
func (c *Cloud) Corrupt(name, id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := c.images[name].images[id]
	i.data = slices.Clone(i.data)
	i.data[0] ^= 1
	i.seal()
}

// Delete removes an image behind everybody's back.
func (c *Cloud) Delete(name, id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.images[name].images, id)
	c.images[name].gone[id] = true
}

// BeginDelete leaves an image as it is seen while a request deletes it.
func (c *Cloud) BeginDelete(name, id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.images[name].images[id].fields["status"] = "deleted"
}

func (r *region) sorted() []*image {
	return slices.SortedFunc(maps.Values(r.images), func(a, b *image) int { return cmp.Compare(a.order, b.order) })
}

func (i *image) seal() {
	sum, strong := md5.Sum(i.data), sha512.Sum512(i.data)
	i.fields["status"], i.fields["size"] = "active", len(i.data)
	i.fields["checksum"] = hex.EncodeToString(sum[:])
	i.fields["os_hash_algo"], i.fields["os_hash_value"] = "sha512", hex.EncodeToString(strong[:])
}

func (c *Cloud) image(w http.ResponseWriter, req Request, path string) {
	if !c.allowed(req.Request) {
		page(w, http.StatusUnauthorized, "This server could not verify that you are authorized to access the document you requested.")
		return
	}
	id, action, _ := strings.Cut(strings.TrimPrefix(path, "images/"), "/")
	r := c.images[req.Region]
	switch {
	case path == "images" && req.Method == http.MethodGet:
		c.listImages(w, req, r)
	case path == "images" && req.Method == http.MethodPost:
		c.createImage(w, req, r)
	case action == "file" && req.Method == http.MethodPut:
		c.uploadImage(w, req, r, id, "saving", func(i *image) { i.seal() })
	case action == "stage" && req.Method == http.MethodPut:
		c.uploadImage(w, req, r, id, "uploading", func(i *image) { i.fields["status"] = "uploading" })
	case action == "import" && req.Method == http.MethodPost:
		c.importImage(w, req, r, id)
	case action == "tasks" && req.Method == http.MethodGet:
		c.withImage(w, r, id, func(i *image) { answer(w, http.StatusOK, map[string]any{"tasks": i.tasks}) })
	case action == "" && req.Method == http.MethodGet:
		c.withImage(w, r, id, func(i *image) { answer(w, http.StatusOK, i.fields) })
	case action == "" && req.Method == http.MethodPatch:
		c.patchImage(w, req, r, id)
	case action == "" && req.Method == http.MethodDelete:
		c.deleteImage(w, r, id)
	default:
		http.NotFound(w, req.Request)
	}
}

func (c *Cloud) withImage(w http.ResponseWriter, r *region, id string, then func(*image)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i, ok := r.images[id]; ok {
		then(i)
		return
	}
	page(w, http.StatusNotFound, fmt.Sprintf("Failed to find image %s", id))
}

// listImages filters by any field, or by a list of its values ("in:a,b"), the newest first, a page of limit images with a link to the next.
func (c *Cloud) listImages(w http.ResponseWriter, req Request, r *region) {
	c.mu.Lock()
	defer c.mu.Unlock()
	query := req.URL.Query()
	limit, err := strconv.Atoi(query.Get("limit"))
	if err != nil {
		limit = 25
	}
	list := []any{}
	next, skip := "", query.Get("marker") != ""
	all := r.sorted()
	slices.Reverse(all)
	for _, i := range all {
		if skip {
			skip = i.fields["id"] != query.Get("marker")
			continue
		}
		if !i.matches(query) {
			continue
		}
		if len(list) == limit {
			query.Set("marker", list[limit-1].(map[string]any)["id"].(string))
			next = "/v2/images?" + query.Encode()
			break
		}
		list = append(list, i.fields)
	}
	body := map[string]any{"images": list, "schema": "/v2/schemas/images", "first": "/v2/images"}
	if next != "" {
		body["next"] = next
	}
	answer(w, http.StatusOK, body)
}

func (i *image) matches(query url.Values) bool {
	for key := range query {
		if key == "limit" || key == "marker" {
			continue
		}
		values := []string{query.Get(key)}
		if list, ok := strings.CutPrefix(values[0], "in:"); ok {
			values = strings.Split(list, ",")
		}
		if have, _ := i.fields[key].(string); !slices.Contains(values, have) {
			return false
		}
	}
	return true
}

func (c *Cloud) createImage(w http.ResponseWriter, req Request, r *region) {
	var fields map[string]any
	if err := json.NewDecoder(req.Body).Decode(&fields); err != nil {
		page(w, http.StatusBadRequest, err.Error())
		return
	}
	for key, v := range fields {
		if _, ok := v.(string); ok == (key == "size") {
			page(w, http.StatusBadRequest, fmt.Sprintf("Provided object does not match schema &#x27;image&#x27;: %v is not of type &#x27;string&#x27;", v))
			return
		}
	}
	for _, key := range []string{"checksum", "status"} {
		if _, ok := fields[key]; ok {
			page(w, http.StatusForbidden, fmt.Sprintf("Attribute &#x27;%s&#x27; is read-only.", key))
			return
		}
	}
	format, _ := fields["disk_format"].(string)
	if extra := format == "root-tar" || format == "squashfs"; extra && req.Region == c.Regions[0] { // as test/openstack/up does it
		page(w, http.StatusBadRequest, fmt.Sprintf("Provided object does not match schema &#x27;image&#x27;: &#x27;%s&#x27; is not one of [...]", format))
		return
	}
	if c.Member && fields["visibility"] == "public" {
		page(w, http.StatusForbidden, "You are not authorized to complete publicize_image action.")
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	r.made++
	id, _ := fields["id"].(string)
	if id == "" {
		id = fmt.Sprintf("00000000-0000-4000-8000-%012d", r.made)
	}
	if r.images[id] != nil || r.gone[id] {
		page(w, http.StatusConflict, fmt.Sprintf("Image ID %s already exists!", id))
		return
	}
	now := c.Now().UTC().Format("2006-01-02T15:04:05Z")
	whole := map[string]any{"visibility": "shared", "protected": false, "tags": []string{}, "min_disk": 0, "min_ram": 0, "os_hidden": false}
	maps.Copy(whole, fields)
	maps.Copy(whole, map[string]any{
		"id": id, "owner": Project, "status": "queued", "size": nil, "checksum": nil, "os_hash_algo": nil, "os_hash_value": nil,
		"virtual_size": nil, "created_at": now, "updated_at": now,
	})
	r.images[id] = &image{fields: whole, order: r.made}
	answer(w, http.StatusCreated, whole)
}

// uploadImage reads the body while the image is in the state during. A body that breaks off leaves it queued.
func (c *Cloud) uploadImage(w http.ResponseWriter, req Request, r *region, id, during string, done func(*image)) {
	ok := false
	c.withImage(w, r, id, func(i *image) {
		if ok = i.status() == "queued"; !ok {
			page(w, http.StatusConflict, fmt.Sprintf("Image status transition from %s to %s is not allowed", i.status(), during))
			return
		}
		i.fields["status"] = during
	})
	if !ok {
		return
	}
	data, err := io.ReadAll(req.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	i := r.images[id]
	switch {
	case i == nil:
		page(w, http.StatusGone, fmt.Sprintf("Image %s could not be found after upload. The image may have been deleted during the upload", id))
	case err != nil:
		i.fields["status"] = "queued"
		panic(http.ErrAbortHandler)
	default:
		i.data = data
		done(i)
		w.WriteHeader(http.StatusNoContent)
	}
}

func (c *Cloud) importImage(w http.ResponseWriter, req Request, r *region, id string) {
	c.withImage(w, r, id, func(i *image) {
		if i.status() != "uploading" {
			page(w, http.StatusConflict, "Image needs to be staged before 'glance-direct' method can be used")
			return
		}
		if c.Broken {
			i.fields["status"] = "importing"
			i.tasks = append(i.tasks, map[string]string{"status": "failure", "message": "Task failed due to Internal Error"})
			w.WriteHeader(http.StatusAccepted)
			return
		}
		if c.Convert {
			i.fields["disk_format"] = "raw"
			i.data = append([]byte("raw:"), i.data...)
		}
		i.seal()
		w.WriteHeader(http.StatusAccepted)
	})
}

func (c *Cloud) patchImage(w http.ResponseWriter, req Request, r *region, id string) {
	var patch []struct{ Op, Path, Value string }
	if err := json.NewDecoder(req.Body).Decode(&patch); err != nil {
		page(w, http.StatusBadRequest, err.Error())
		return
	}
	c.withImage(w, r, id, func(i *image) {
		for _, p := range patch {
			key := strings.NewReplacer("~1", "/", "~0", "~").Replace(strings.TrimPrefix(p.Path, "/"))
			if _, ok := i.fields[key]; !ok && p.Op != "add" {
				page(w, http.StatusConflict, fmt.Sprintf("Property %s does not exist.", key))
				return
			}
			if p.Op == "remove" {
				delete(i.fields, key)
			} else {
				i.fields[key] = p.Value
			}
		}
		answer(w, http.StatusOK, i.fields)
	})
}

func (c *Cloud) deleteImage(w http.ResponseWriter, r *region, id string) {
	c.withImage(w, r, id, func(i *image) {
		if i.status() == "deleted" {
			page(w, http.StatusBadRequest, "Image status transition from deleted to deleted is not allowed")
			return
		}
		if i.fields["protected"] == true {
			page(w, http.StatusForbidden, fmt.Sprintf("Image %s is protected and cannot be deleted.", id))
			return
		}
		delete(r.images, id)
		r.gone[id] = true
		w.WriteHeader(http.StatusNoContent)
	})
}
