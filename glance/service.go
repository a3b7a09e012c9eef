package glance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed-43fb3962/sstream/openstack"
	"github.com/seed-43fb3962/sstream/streams"
)

// Image is an image as the service has it.
type Image struct {
	ID           string    `json:"id"`
	Name         string    `json:"name"`
	Owner        string    `json:"owner"` // the ID of a project
	Status       string    `json:"status"`
	DiskFormat   string    `json:"disk_format"`
	Size         int64     `json:"size"`          // in bytes; 0 until the image is active
	Checksum     string    `json:"checksum"`      // MD5
	HashAlgo     string    `json:"os_hash_algo"`  // "" before OpenStack Rocky
	Hash         string    `json:"os_hash_value"` // in hexadecimal digits
	FailedImport string    `json:"os_glance_failed_import"`
	Updated      time.Time `json:"updated_at"`

	Properties map[string]string `json:"-"` // every field that is a string
}

// UnmarshalJSON keeps all that are strings as properties.
func (i *Image) UnmarshalJSON(text []byte) error {
	type plain Image
	if err := json.Unmarshal(text, (*plain)(i)); err != nil {
		return err
	}
	var all map[string]any
	if err := json.Unmarshal(text, &all); err != nil {
		return err
	}
	i.Properties = map[string]string{}
	for key, v := range all {
		if s, ok := v.(string); ok {
			i.Properties[key] = s
		}
	}
	return nil
}

// ref is the item that the image was made of, as far as it says.
func (i *Image) ref() streams.Ref {
	return streams.Ref{Product: i.Properties[propProduct], Version: i.Properties[propVersion], Item: i.Properties[propItem]}
}

// States of an image. Those not named here are states on the way, or of no use.
const (
	statusActive        = "active"
	statusQueued        = "queued"
	statusDeactivated   = "deactivated" // by an administrator
	statusDeleted       = "deleted"     // seen for as long as the request that deletes it takes
	statusPendingDelete = "pending_delete"
)

// gone tells whether the image is shown for the last time: nothing can be done with it, and the next look will not find it.
func (i *Image) gone() bool { return i.Status == statusDeleted || i.Status == statusPendingDelete }

// service is the image service of one region.
type service struct{ *openstack.Service }

// list returns the project's images that belong to a content id, the newest first.
func (s service) list(ctx context.Context, contentID string) ([]*Image, error) {
	query := url.Values{propContentID: {contentID}, "owner": {s.Cloud().Project()}, "limit": {"500"}}
	var images []*Image
	for path := "images?" + query.Encode(); path != ""; {
		var page struct {
			Images []*Image
			Next   string
		}
		r := openstack.Request{Method: http.MethodGet, Path: path, Doing: "list images", OK: []int{http.StatusOK}, Into: &page}
		if _, err := s.Do(ctx, r); err != nil {
			return nil, err
		}
		images = append(images, slices.DeleteFunc(page.Images, (*Image).gone)...)
		path = ""
		if page.Next != "" {
			path = s.Below(page.Next)
		}
	}
	return images, nil
}

// some returns those of the images that one list has, by ID: a list costs the service little more than one image does. It
// may have none, as with a service that does not know such lists (before OpenStack Newton).
func (s service) some(ctx context.Context, ids []string) (map[string]*Image, error) {
	found := map[string]*Image{}
	for ids := range slices.Chunk(ids, 100) { // addresses have an end, at 8 KiB
		query := url.Values{"id": {"in:" + strings.Join(ids, ",")}, "limit": {strconv.Itoa(len(ids))}}
		var page struct{ Images []*Image }
		r := openstack.Request{Method: http.MethodGet, Path: "images?" + query.Encode(), Doing: "list images", OK: []int{http.StatusOK}, Into: &page}
		if _, err := s.Do(ctx, r); err != nil {
			return nil, err
		}
		for _, i := range slices.DeleteFunc(page.Images, (*Image).gone) {
			found[i.ID] = i
		}
	}
	return found, nil
}

func (s service) get(ctx context.Context, id string) (*Image, error) {
	i := new(Image)
	_, err := s.Do(ctx, openstack.Request{Method: http.MethodGet, Path: "images/" + url.PathEscape(id), Doing: "read image " + id, OK: []int{http.StatusOK}, Into: i})
	if err == nil && i.gone() {
		err = fmt.Errorf("image %s is about to go: its status is %s: %w", id, i.Status, fs.ErrNotExist)
	}
	return i, err
}

// create makes an image without content. The fields name its ID, so that a request that was repeated makes no second one.
func (s service) create(ctx context.Context, fields map[string]string) (*Image, error) {
	i := new(Image)
	_, err := s.Do(ctx, openstack.Request{
		Method: http.MethodPost, Path: "images", Doing: "create image " + fields["name"], OK: []int{http.StatusCreated}, JSON: fields, Into: i,
	})
	if openstack.StatusOf(err) == http.StatusConflict {
		if there, getErr := s.get(ctx, fields["id"]); getErr == nil && there.Status == statusQueued {
			return there, nil
		}
	}
	if openstack.StatusOf(err) == http.StatusForbidden && fields["visibility"] == "public" {
		err = fmt.Errorf("%w; public images may need an administrator: try --visibility", err)
	}
	return i, err
}

// put sends the content of an image: to its place (file), or where an import takes it from (stage).
func (s service) put(ctx context.Context, i *Image, where string, body openstack.Body) error {
	_, err := s.Do(ctx, openstack.Request{
		Method: http.MethodPut, Path: "images/" + url.PathEscape(i.ID) + "/" + where, Doing: "upload image " + i.Name,
		OK: []int{http.StatusNoContent}, Body: &body, Header: map[string]string{"Content-Type": "application/octet-stream"},
	})
	return err
}

// importStaged has the service take over, and convert if it is set up so, what was put to stage.
func (s service) importStaged(ctx context.Context, i *Image) error {
	_, err := s.Do(ctx, openstack.Request{
		Method: http.MethodPost, Path: "images/" + url.PathEscape(i.ID) + "/import", Doing: "import image " + i.Name,
		OK: []int{http.StatusAccepted}, JSON: map[string]any{"method": map[string]string{"name": "glance-direct"}},
	})
	return err
}

// importFailure returns what the service says of an import that has failed: the image itself does not tell if that was a
// plugin's, as when an image cannot be converted. It is "" if none has, and with a service that keeps no record (before
// OpenStack Wallaby).
func (s service) importFailure(ctx context.Context, i *Image) (string, error) {
	var page struct {
		Tasks []struct{ Status, Message string }
	}
	_, err := s.Do(ctx, openstack.Request{
		Method: http.MethodGet, Path: "images/" + url.PathEscape(i.ID) + "/tasks", Doing: "read the tasks of image " + i.ID, OK: []int{http.StatusOK}, Into: &page,
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	for _, t := range page.Tasks {
		if t.Status == "failure" {
			return "the import failed: " + t.Message, nil
		}
	}
	return "", nil
}

// setProperty changes a property of an image; an empty value removes it.
func (s service) setProperty(ctx context.Context, i *Image, key, value string) error {
	change := map[string]string{"op": "add", "path": "/" + key, "value": value}
	if value == "" {
		change = map[string]string{"op": "remove", "path": "/" + key}
	}
	_, err := s.Do(ctx, openstack.Request{
		Method: http.MethodPatch, Path: "images/" + url.PathEscape(i.ID), Doing: "change image " + i.Name, OK: []int{http.StatusOK},
		JSON: []any{change}, Header: map[string]string{"Content-Type": "application/openstack-images-v2.1-json-patch"},
	})
	if openstack.StatusOf(err) == http.StatusConflict { // what has been removed already, by whomever, cannot be removed
		if now, getErr := s.get(ctx, i.ID); getErr == nil && now.Properties[key] == value {
			return nil
		}
	}
	return s.whyRefused(ctx, i, err)
}

// remove deletes an image. It returns nil if there is none.
func (s service) remove(ctx context.Context, i *Image) error {
	_, err := s.Do(ctx, openstack.Request{
		Method: http.MethodDelete, Path: "images/" + url.PathEscape(i.ID), Doing: "delete image " + i.Name, OK: []int{http.StatusNoContent},
	})
	if err = s.whyRefused(ctx, i, err); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// whyRefused returns err, what the service says to a request about an image, and [fs.ErrNotExist] with it if there is no
// such image: while somebody else's request deletes it, the service refuses others with what it stumbles over first (400,
// 409).
func (s service) whyRefused(ctx context.Context, i *Image, err error) error {
	if openstack.StatusOf(err) == 0 || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, gone := s.get(ctx, i.ID); errors.Is(gone, fs.ErrNotExist) {
		return fmt.Errorf("%w; %w", err, gone)
	}
	return err
}
