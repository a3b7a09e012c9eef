//go:build unix

package maintain

import (
	"bytes"
	"log/slog"
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

// TestFifoMemory: a build that cannot read what the one before wrote down says so, and reads everything.
func TestFifoMemory(t *testing.T) {
	r := newTestRoot(t)
	r.version(product0 + "20240101")
	if err := os.Mkdir(filepath.Join(r.dir, ".sstream"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(r.dir, memoryPath), 0o666); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	r.mustBuild(Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	if !strings.Contains(log.String(), errIrregular.Error()) {
		t.Errorf("it does not say so: %s", log.String())
	}
}

// TestAddFifo: an image is read more than once, which a pipe cannot be.
func TestAddFifo(t *testing.T) {
	dir := t.TempDir()
	fifo, whole := filepath.Join(dir, "fifo"), filepath.Join(dir, "whole")
	if err := syscall.Mkfifo(fifo, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(whole, tarball(t, "metadata.yaml", aboutNoble), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, i := range []Image{{Metadata: fifo}, {Metadata: whole, Root: fifo}} {
		if _, err := Add(t.Context(), t.TempDir(), i); err == nil || !strings.Contains(err.Error(), errIrregular.Error()) {
			t.Errorf("%+v: got %v", i, err)
		}
	}
}
