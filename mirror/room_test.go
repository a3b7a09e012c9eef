package mirror_test

import (
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seed-43fb3962/sstream/mirror"
)

// TestRoomOfWhatIsHere: what comes of files on this machine is not counted, be they seeds, held under another path, twice the
// same, or half there already.
func TestRoomOfWhatIsHere(t *testing.T) {
	kernels := stream{"a/1/x": {"files/x", "a kernel"}, "a/1/y": {"files/y", "a kernel"}, "a/2/x": {"files/new/x", "a kernel"}}
	held := stream{"a/0/x": {"files/old", "a kernel"}}
	tests := []struct {
		name   string
		before stream
		free   int64
		change func(dir string, o *mirror.Options) error
		err    string
	}{
		{"nothing is here", nil, 7, nil, "8 bytes are needed, 7 are free"},
		{"three times the same", nil, 8, nil, ""},
		{"held", held, 0, nil, ""},
		{"a seed", nil, 0, func(_ string, o *mirror.Options) error {
			seed := t.TempDir()
			o.Seeds = []string{seed}
			return os.WriteFile(filepath.Join(seed, "k"), []byte("a kernel"), 0o644)
		}, ""},
		{"a seed of another size", nil, 7, func(_ string, o *mirror.Options) error {
			seed := t.TempDir()
			o.Seeds = []string{seed}
			return os.WriteFile(filepath.Join(seed, "k"), []byte("kernel"), 0o644)
		}, "8 bytes are needed, 7 are free"},
		{"a draft", nil, 5, func(dir string, _ *mirror.Options) error {
			if err := os.MkdirAll(filepath.Join(dir, "files/new"), 0o755); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(dir, "files/new/x.part"), []byte("a k"), 0o644)
		}, ""},
		{"a file in the place of a directory", nil, 8, func(dir string, _ *mirror.Options) error {
			return os.WriteFile(filepath.Join(dir, "files"), nil, 0o644)
		}, "files"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir, o, after := t.TempDir(), options(), maps.Clone(kernels)
			if test.before != nil {
				mustRun(t, test.before.files(t, 1), dir, nil)
				maps.Copy(after, test.before)
			}
			if test.change != nil {
				if err := test.change(dir, &o); err != nil {
					t.Fatal(err)
				}
			}
			_, err := mirror.Run(t.Context(), open(t, directory(t, after.files(t, 2))), fullDir{openDir(t, dir), test.free}, o)
			if test.err != "" {
				wantError(t, err, test.err)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

// TestRoomForAnything: sizes that somebody made up do not add up to something small.
func TestRoomForAnything(t *testing.T) {
	files := first.files(t, 1)
	list := files["streams/v1/test.json"]
	list = strings.ReplaceAll(list, `"size": 10`, `"size": 9223372036854775807`)
	files["streams/v1/test.json"] = list
	dir := t.TempDir()
	target := openDir(t, dir)
	_, err := mirror.Run(t.Context(), open(t, directory(t, files)), fullDir{target, math.MaxInt64 - 1}, options())
	wantError(t, err, "no room: 9223372036854775807 bytes are needed")
	if got := held(t, dir); len(got) > 0 {
		t.Errorf("the mirror holds %v", slices.Sorted(maps.Keys(got)))
	}
}

// TestRoomForReplacement: a file that is replaced by a larger one needs the room of that.
func TestRoomForReplacement(t *testing.T) {
	dir, files := t.TempDir(), first.files(t, 1)
	mustRun(t, files, dir, nil)
	changed := maps.Clone(first)
	changed["b/1/disk"] = struct{ path, data string }{"files/b1", "disk of b1, made again"}
	_, err := mirror.Run(t.Context(), open(t, directory(t, changed.files(t, 2))), fullDir{openDir(t, dir), 21}, options())
	wantError(t, err, "no room: 22 bytes are needed, 21 are free")
	if got := held(t, dir); !maps.Equal(got, files) {
		t.Errorf("the mirror holds %v", slices.Sorted(maps.Keys(got)))
	}
}
