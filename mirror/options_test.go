package mirror_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/seed-43fb3962/sstream/fetch/fetchtest"
	"github.com/seed-43fb3962/sstream/mirror"
	"github.com/seed-43fb3962/sstream/store"
)

// fullDir is a directory on a disk that has some bytes left.
type fullDir struct {
	*store.Dir
	free int64
}

func (d fullDir) Free(context.Context) (int64, error) { return d.free, nil }

// TestNoRoom: what does not fit is not begun; what is there already needs no room.
func TestNoRoom(t *testing.T) {
	dir, files := t.TempDir(), first.files(t, 1)
	server := fetchtest.New(t, files)
	_, err := mirror.Run(t.Context(), open(t, server.URL), fullDir{openDir(t, dir), 61}, options())
	wantError(t, err, "no room: 62 bytes are needed, 61 are free; nothing was changed")
	if got := held(t, dir); len(got) > 0 {
		t.Errorf("the mirror holds %v", slices.Sorted(maps.Keys(got)))
	}
	if slices.ContainsFunc(server.Requests(), func(r string) bool { return strings.Contains(r, "/files/") }) {
		t.Error("an item was read")
	}
	if _, err := mirror.Run(t.Context(), open(t, server.URL), fullDir{openDir(t, dir), 62}, options()); err != nil {
		t.Error(err)
	}
	if _, err := mirror.Run(t.Context(), open(t, server.URL), fullDir{openDir(t, dir), 0}, options()); err != nil {
		t.Errorf("with nothing to do: %v", err)
	}
}

func sum(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }

// TestPythonMirror goes on from what the Python tool has left, in its format, and reads no item again.
func TestPythonMirror(t *testing.T) {
	one := stream{"a/1/disk": {"files/a1", "disk of a1"}}
	files := one.files(t, 1)
	there := maps.Clone(files)
	there[".data/references.json"] = `{"files/a1": ["test:download/a/1/disk", "test:download/a/1/disk"], "files/gone": []}`
	there[".data/test:download"] = `{
 "content_id": "test:download",
 "format": "products:1.0",
 "products": {
  "a": {
   "versions": {
    "1": {
     "items": {
      "disk": {
       "path": "files/a1",
       "sha256": "` + sum("disk of a1") + `",
       "size": 10
      }
     }
    }
   }
  }
 },
 "updated": "Mon, 01 Jan 2024 00:00:00 +0000"
}`
	dir, server := directory(t, there), fetchtest.New(t, files)
	report, err := mirror.Run(t.Context(), open(t, server.URL), openDir(t, dir), options())
	if err != nil || report != (mirror.Report{}) {
		t.Errorf("%+v, %v", report, err)
	}
	if got := server.Requests(); len(got) != 2 {
		t.Errorf("it asked for %v", got)
	}
	delete(one, "a/1/disk")
	one["a/2/disk"] = struct{ path, data string }{"files/a2", "disk of a2"}
	mustRun(t, one.files(t, 2), dir, nil)
	if got := held(t, dir); !maps.Equal(got, one.files(t, 2)) {
		t.Errorf("after an update the mirror holds %v", slices.Sorted(maps.Keys(got)))
	}
}

// TestNoItems: the documents come alone, and the items with the next run that wants them.
func TestNoItems(t *testing.T) {
	dir, files := t.TempDir(), first.files(t, 1)
	mustRun(t, files, dir, func(o *mirror.Options) { o.NoItems = true })
	for path := range held(t, dir) {
		if strings.HasPrefix(path, "files/") {
			t.Errorf("%s was read", path)
		}
	}
	mustRun(t, files, dir, nil)
	if got := held(t, dir); !maps.Equal(got, files) {
		t.Errorf("the mirror holds %v", slices.Sorted(maps.Keys(got)))
	}
}

// TestUnchecked takes items as they come, if that is wanted.
func TestUnchecked(t *testing.T) {
	files, dir := edited(t, `"sha256"`, `"sum"`, `"size"`, `"length"`), t.TempDir()
	mustRun(t, files, dir, func(o *mirror.Options) { o.Unchecked = true })
	if got := held(t, dir); !maps.Equal(got, files) {
		t.Errorf("the mirror holds %v", slices.Sorted(maps.Keys(got)))
	}
}
