package main

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// deltaFiles writes two versions of a file and one that has nothing to do with them to a new directory.
func deltaFiles(t *testing.T) (dir string, content map[string][]byte) {
	t.Helper()
	dir, content = t.TempDir(), map[string][]byte{}
	random := rand.NewChaCha8([32]byte{1})
	for _, name := range []string{"old", "other"} {
		content[name] = make([]byte, 200_000)
		random.Read(content[name])
	}
	content["new"] = append([]byte("some bytes before"), content["old"]...)
	for name, b := range content {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir, content
}

func TestDelta(t *testing.T) {
	dir, content := deltaFiles(t)
	in := func(args string) []string {
		fields := strings.Fields("sstream delta " + args)
		for i, f := range fields {
			if strings.HasPrefix(f, "./") {
				fields[i] = filepath.Join(dir, f)
			}
		}
		return fields
	}
	longest := strings.Repeat("l", 255)
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"encode ./old ./new ./d", 0, " of 200017"},
		{"encode --workers 1 --memory 64 --window 65536 --no-lzma --no-verify ./old ./new ./d2", 0, " of 200017"},
		{"info ./d", 0, "copied:    200000 bytes"},
		{"info ./d2", 0, "secondary: none"},
		{"encode --memory 64 --window 16777216 ./old ./new ./useless", exitFailed, "64 MiB of memory are not enough"},
		{"info -", exitFailed, "corrupt delta"},
		{"info ./old", exitFailed, "not a VCDIFF file"},
		{"decode ./old ./d ./out", 0, ""},
		{"decode ./old ./d2 ./out2", 0, ""},
		{"decode ./other ./d ./wrong", exitFailed, "not the source this delta was made from"},
		{"decode ./missing ./d ./wrong", exitFailed, "no such file"},
		{"decode ./old ./d ./" + longest, 0, ""},
		{"decode ./old ./d ./.", exitFailed, "not a regular file"},
		{"decode ./old ./d ./pipe", exitFailed, "not a regular file"},
		{"encode --memory 8796093022208 ./old ./new ./useless", exitUsage, "more than there can be"},
		{"encode --max-ratio 0.5 ./other ./new ./useless", exitPart, "no delta written"},
		{"encode --window 1 ./old ./new ./useless", exitFailed, "window size"},
		{"encode ./old ./new", exitUsage, "the following arguments are required: DELTA"},
		{"encode ./old ./new ./d ./e", exitUsage, "unrecognized arguments: "},
		{"encode ./old . ./useless", exitFailed, "not a regular file"},
	} {
		a, out, errs := testApp(t)
		if code := a.run(t.Context(), in(c.args)); code != c.code || !strings.Contains(out.String()+errs.String(), c.says) {
			t.Errorf("%s: exit code %d, said %q %q", c.args, code, out, errs)
		}
	}
	for _, name := range []string{"out", "out2", longest} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(got, content["new"]) {
			t.Errorf("%s: %v, or not what it was made from", name, err)
		}
	}
	// What fails leaves nothing behind.
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.Contains("old new other pipe d d2 out out2 "+longest, e.Name()) {
			t.Errorf("left behind: %s", e.Name())
		}
	}
}

// TestDeltaStreams: a delta from standard input, the result to standard output.
func TestDeltaStreams(t *testing.T) {
	dir, content := deltaFiles(t)
	old, updated, delta := filepath.Join(dir, "old"), filepath.Join(dir, "new"), filepath.Join(dir, "d")
	a, out, errs := testApp(t)
	if code := a.run(t.Context(), []string{"sstream", "delta", "encode", old, updated, delta}); code != 0 {
		t.Fatalf("exit code %d, %s", code, errs)
	}
	d, err := os.ReadFile(delta)
	if err != nil {
		t.Fatal(err)
	}
	out.Reset()
	a.stdin = bytes.NewReader(d)
	if code := a.run(t.Context(), []string{"sstream", "delta", "decode", old, "-", "-"}); code != 0 || !bytes.Equal(out.Bytes(), content["new"]) {
		t.Errorf("exit code %d, %s", code, errs)
	}
	out.Reset()
	a.stdin = bytes.NewReader(d)
	if code := a.run(t.Context(), []string{"sstream", "delta", "info", "-"}); code != 0 || !strings.Contains(out.String(), "secondary: lzma") {
		t.Errorf("exit code %d, %s", code, errs)
	}
}
