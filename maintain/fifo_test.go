//go:build unix

package maintain

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestFifos: nobody waits for what will never be written, wherever a file is expected.
func TestFifos(t *testing.T) {
	for _, c := range []struct {
		path  string
		fails bool // under the old name; else only the version is left out
	}{
		{product0 + "20240102/image.yaml", true},
		{product0 + "20240102/SHA256SUMS", true},
		{product0 + "20240102/extra.tar.xz", false},
		{"streams/v1/images.json", true},
	} {
		r := newTestRoot(t)
		r.version(product0 + "20240101")
		r.version(product0 + "20240102")
		at := filepath.Join(r.dir, c.path)
		if err := os.MkdirAll(filepath.Dir(at), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Mkfifo(at, 0o666); err != nil {
			t.Fatal(err)
		}
		report, err := r.build(Options{Seed: true})
		if !c.fails {
			if err != nil {
				t.Errorf("%s: %v", c.path, err)
				continue
			}
			err = report.Problems[0]
		}
		if err == nil || !strings.Contains(err.Error(), errIrregular.Error()) {
			t.Errorf("%s: got %v", c.path, err)
		}
	}
}
