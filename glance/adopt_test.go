package glance_test

import (
	"bytes"
	"crypto/md5"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-43fb3962/sstream/openstack"
	"github.com/seed-43fb3962/sstream/openstack/openstacktest"
)

func TestAdopt(t *testing.T)     { adopt(t, openstacktest.New(t, "RegionOne").Getenv) }
func TestAdoptReal(t *testing.T) { adopt(t, openstacktest.RealAlone(t)) }

// Images that the Python tool has uploaded are recognised: none is made again, and they are what is published.
func adopt(t *testing.T, getenv func(string) string) {
	s := newSetup(t, getenv, "RegionOne")
	s.clear()
	t.Cleanup(s.clear)
	var recorded []map[string]any
	if err := json.Unmarshal(read(t, "01-basic", "glance-images.json"), &recorded); err != nil {
		t.Fatal(err)
	}
	files := sourceFiles(t)
	for _, i := range recorded {
		s.create(i, files[i["checksum"].(string)])
	}
	ids := func() (list []string) {
		for _, i := range s.images("RegionOne") {
			list = append(list, i["id"].(string))
		}
		return list
	}
	before := ids()
	s.must(newMirror(t, "base"), released)
	if diff := cmp.Diff(before, ids()); diff != "" || s.out.Len() > 0 {
		t.Errorf("%s%s", diff, s.out.String())
	}
	var published []string
	for e := range s.products("RegionOne").All() {
		published = append(published, e.Get("id"))
	}
	slices.Sort(published)
	slices.Sort(before)
	if diff := cmp.Diff(before, published); diff != "" || len(before) != 3 {
		t.Errorf("published (-images +stream):\n%s", diff)
	}
}

// sourceFiles returns the files of the source by their MD5.
func sourceFiles(t *testing.T) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	err := filepath.WalkDir("testdata/source", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		files[fmt.Sprintf("%x", md5.Sum(data))] = data
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// create makes an image with the fields of another that a client can set.
func (s *setup) create(fields map[string]any, data []byte) {
	s.t.Helper()
	service, err := s.cloud.Image(s.regions[0])
	if err != nil {
		s.t.Fatal(err)
	}
	own := map[string]any{}
	for key, value := range fields {
		if _, ok := value.(string); !ok {
			continue
		}
		switch key {
		case "checksum", "created_at", "file", "id", "os_hash_algo", "os_hash_value", "owner", "schema", "self", "status", "stores", "updated_at":
		default:
			own[key] = value
		}
	}
	var made struct{ ID string }
	for _, r := range []openstack.Request{
		{Method: "POST", Path: "images", Doing: "create", OK: []int{201}, JSON: own, Into: &made},
		{Method: "PUT", Doing: "upload", OK: []int{204}, Header: map[string]string{"Content-Type": "application/octet-stream"}, Body: &openstack.Body{
			Size: int64(len(data)), Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }}},
	} {
		if r.Path == "" {
			r.Path = "images/" + made.ID + "/file"
		}
		if _, err := service.Do(s.t.Context(), r); err != nil {
			s.t.Fatal(err)
		}
	}
}
