package openstack_test

import (
	"bytes"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-43fb3962/sstream/openstack"
	"github.com/seed-43fb3962/sstream/openstack/openstacktest"
)

func TestFake(t *testing.T) {
	cloud := openstacktest.New(t, "RegionOne", "RegionTwo")
	common(t, cloud.Getenv)
}

func TestReal(t *testing.T) { common(t, openstacktest.RealAlone(t)) }

// common is the list of what the fake and the real servers must have in common.
func common(t *testing.T, getenv func(string) string) {
	cloud := connect(t, getenv)
	if got := fmt.Sprint(cloud.Regions("image"), cloud.Regions("object-store")); got != "[RegionOne RegionTwo] [RegionOne RegionTwo]" {
		t.Fatalf("regions: %s", got)
	}
	if len(cloud.Project()) != 32 {
		t.Errorf("project: %q", cloud.Project())
	}
	one, err := cloud.Image("RegionOne")
	if err != nil {
		t.Fatal(err)
	}
	for name, check := range map[string]func(*testing.T, *openstack.Service){
		"upload": checkUpload, "refusals": checkRefusals, "truncated": checkTruncated, "source fails": checkSourceFails,
		"deleted meanwhile": checkDeletedMeanwhile, "list": checkList, "list by ID": checkListByID, "import": checkImport, "patch": checkPatch, "own id": checkOwnID,
	} {
		t.Run(name, func(t *testing.T) { check(t, one) })
	}
	t.Run("renewal", func(t *testing.T) { checkRenewal(t, cloud, one) })
	t.Run("regions are apart", func(t *testing.T) {
		two, err := cloud.Image("RegionTwo")
		if err != nil {
			t.Fatal(err)
		}
		i := createImage(t, two, nil)
		err = do(t, one, openstack.Request{Method: "GET", Path: "images/" + i.ID, OK: []int{200}})
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("an image of the other region: %v", err)
		}
	})
	t.Run("wrong password", func(t *testing.T) {
		_, err := signIn(t, with(getenv, "OS_PASSWORD=wrong"))
		if openstack.StatusOf(err) != 401 || !strings.Contains(err.Error(), "identity: cannot sign in: 401 Unauthorized: The request you have made requires authentication.") {
			t.Errorf("%v", err)
		}
	})
	t.Run("version 2.0 is not spoken", func(t *testing.T) {
		_, err := signIn(t, with(getenv, "OS_AUTH_URL="+strings.Replace(getenv("OS_AUTH_URL"), "/v3", "/v2.0", 1)))
		if openstack.StatusOf(err) != 404 || !strings.Contains(err.Error(), "set OS_AUTH_URL to its /v3 address") {
			t.Errorf("%v", err)
		}
	})
}

func checkUpload(t *testing.T, s *openstack.Service) {
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<14)
	i := createImage(t, s, map[string]string{"visibility": "public", "content_id": "c"})
	if i.Status != "queued" {
		t.Errorf("a new image is %q", i.Status)
	}
	if err := upload(t, s, i.ID, content(data)); err != nil {
		t.Fatal(err)
	}
	sum := sha512.Sum512(data)
	if got := getImage(t, s, i.ID); got.Status != "active" || got.Size != int64(len(data)) || got.Hash != hex.EncodeToString(sum[:]) {
		t.Errorf("%+v", got)
	}
	if err := upload(t, s, i.ID, content(data)); openstack.StatusOf(err) != 409 {
		t.Errorf("the second upload to an image: %v", err)
	}
}

// A token that the service refuses is renewed, and the upload is whole.
func checkRenewal(t *testing.T, cloud *openstack.Cloud, s *openstack.Service) {
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	i := createImage(t, s, nil)
	cloud.Identity().SetToken("has-ended")
	if err := upload(t, s, i.ID, content(data)); err != nil {
		t.Fatal(err)
	}
	if got := getImage(t, s, i.ID); got.Status != "active" || got.Size != int64(len(data)) {
		t.Errorf("%+v", got)
	}
}

func checkRefusals(t *testing.T, s *openstack.Service) {
	for fields, status := range map[[2]string]int{
		{"checksum", "x"}: 403, {"disk_format", "root-tar"}: 400,
	} {
		err := do(t, s, openstack.Request{Method: "POST", Path: "images", OK: []int{201}, JSON: map[string]string{"name": "x", fields[0]: fields[1]}})
		var e *openstack.Error
		if !errors.As(err, &e) || e.Status != status || e.RequestID == "" || e.Region != "RegionOne" || e.Message == "" {
			t.Errorf("%v: %v", fields, err)
		}
	}
	err := do(t, s, openstack.Request{Method: "POST", Path: "images", OK: []int{201}, JSON: map[string]any{"name": "x", "os_distro": nil}})
	if openstack.StatusOf(err) != 400 {
		t.Errorf("a property that is null: %v", err)
	}
	err = do(t, s, openstack.Request{Method: "DELETE", Path: "images/3d0d4a5b-0000-4000-8000-000000000000", OK: []int{204}})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("deletes what is not there: %v", err)
	}
}

// A body that ends early leaves the image queued.
func checkTruncated(t *testing.T, s *openstack.Service) {
	i := createImage(t, s, nil)
	short := content(make([]byte, 1<<19))
	short.Size = 1 << 20
	if err := upload(t, s, i.ID, short); err == nil {
		t.Fatal("a truncated upload succeeded")
	}
	waitStatus(t, s, i.ID, "queued")
}

// waitStatus asks until the service has noticed that a connection broke off.
func waitStatus(t *testing.T, s *openstack.Service, id, want string) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; {
		got := getImage(t, s, id).Status
		if got == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the image is %q, want %q", got, want)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// The error of the source is the error of the request.
func checkSourceFails(t *testing.T, s *openstack.Service) {
	for _, size := range []int64{1 << 20, -1} {
		i := createImage(t, s, nil)
		broken := errors.New("source: connection lost")
		body := &openstack.Body{Size: size, Open: func() (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(bytes.NewReader(make([]byte, 1000)), failing{broken})), nil
		}}
		if err := upload(t, s, i.ID, body); !errors.Is(err, broken) {
			t.Errorf("%v", err)
		}
		waitStatus(t, s, i.ID, "queued")
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func checkDeletedMeanwhile(t *testing.T, s *openstack.Service) {
	i := createImage(t, s, nil)
	body := content(make([]byte, 1<<20))
	open := body.Open
	body.Open = func() (io.ReadCloser, error) { // the service has asked for the first byte
		if err := do(t, s, openstack.Request{Method: "DELETE", Path: "images/" + i.ID, OK: []int{204}}); err != nil {
			return nil, err
		}
		return open()
	}
	if err := upload(t, s, i.ID, body); openstack.StatusOf(err) != 410 && openstack.StatusOf(err) != 404 {
		t.Errorf("%v", err)
	}
}

func checkList(t *testing.T, s *openstack.Service) {
	want := map[string]bool{}
	for range 3 {
		want[createImage(t, s, map[string]string{"content_id": "list me"}).ID] = true
	}
	createImage(t, s, map[string]string{"content_id": "not me"})
	path, pages := "images?limit=2&content_id=list+me", 0
	for ; path != ""; pages++ {
		var page struct {
			Images []image
			Next   string
		}
		if err := do(t, s, openstack.Request{Method: "GET", Path: path, OK: []int{200}, Into: &page}); err != nil {
			t.Fatal(err)
		}
		for _, i := range page.Images {
			if !want[i.ID] {
				t.Errorf("listed %s, which is not asked for or was listed before", i.ID)
			}
			delete(want, i.ID)
		}
		path = ""
		if page.Next != "" {
			path = s.Below(page.Next)
		}
	}
	if len(want) > 0 || pages != 2 {
		t.Errorf("%d images are missing, %d pages", len(want), pages)
	}
}

// Several images can be asked for at once, whoever may see them.
func checkListByID(t *testing.T, s *openstack.Service) {
	var ids []string
	for _, visibility := range []string{"public", "private", "community", "shared"} {
		ids = append(ids, createImage(t, s, map[string]string{"visibility": visibility}).ID)
	}
	createImage(t, s, nil)
	none := "3d0d4a5b-0000-4000-8000-000000000000"
	query := url.Values{"id": {"in:" + strings.Join(append(ids, none), ",")}, "limit": {"100"}}
	var page struct{ Images []image }
	if err := do(t, s, openstack.Request{Method: "GET", Path: "images?" + query.Encode(), OK: []int{200}, Into: &page}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, i := range page.Images {
		got = append(got, i.ID)
	}
	slices.Sort(got)
	slices.Sort(ids)
	if !slices.Equal(got, ids) {
		t.Errorf("listed %v, want %v", got, ids)
	}
}

func checkImport(t *testing.T, s *openstack.Service) {
	i := createImage(t, s, nil)
	direct := map[string]any{"method": map[string]string{"name": "glance-direct"}}
	err := do(t, s, openstack.Request{Method: "POST", Path: "images/" + i.ID + "/import", OK: []int{202}, JSON: direct})
	if openstack.StatusOf(err) != 409 {
		t.Errorf("imports what is not staged: %v", err)
	}
	err = do(t, s, openstack.Request{Method: "PUT", Path: "images/" + i.ID + "/stage", OK: []int{204}, Body: content([]byte("staged")),
		Header: map[string]string{"Content-Type": "application/octet-stream"}})
	if err != nil {
		t.Fatal(err)
	}
	if err = do(t, s, openstack.Request{Method: "POST", Path: "images/" + i.ID + "/import", OK: []int{202}, JSON: direct}); err != nil {
		t.Fatal(err)
	}
	waitStatus(t, s, i.ID, "active")
}

func checkPatch(t *testing.T, s *openstack.Service) {
	i := createImage(t, s, map[string]string{"latest": "true"})
	patch := func(op, value string) error {
		p := map[string]string{"op": op, "path": "/latest"}
		if op != "remove" {
			p["value"] = value
		}
		return do(t, s, openstack.Request{Method: "PATCH", Path: "images/" + i.ID, OK: []int{200}, JSON: []any{p},
			Header: map[string]string{"Content-Type": "application/openstack-images-v2.1-json-patch"}})
	}
	for _, op := range []string{"replace", "remove", "add"} {
		if err := patch(op, "true"); err != nil {
			t.Errorf("%s: %v", op, err)
		}
	}
	_ = patch("remove", "")
	if err := patch("remove", ""); openstack.StatusOf(err) != 409 {
		t.Errorf("removes what is not there: %v", err)
	}
}

// An ID that the client chose works once, and never again: so a POST can be repeated.
func checkOwnID(t *testing.T, s *openstack.Service) {
	id := fmt.Sprintf("%08x-0000-4000-8000-%012x", rand.Uint32(), rand.Int64N(1<<48))
	i := createImage(t, s, map[string]string{"id": id})
	if i.ID != id {
		t.Fatalf("got the ID %s, want %s", i.ID, id)
	}
	again := openstack.Request{Method: "POST", Path: "images", OK: []int{201}, JSON: map[string]string{"name": "x", "id": id}}
	if err := do(t, s, again); openstack.StatusOf(err) != 409 {
		t.Errorf("the same ID again: %v", err)
	}
}
