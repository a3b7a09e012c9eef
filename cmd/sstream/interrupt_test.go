package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/seed-43fb3962/sstream/fetch/fetchtest"
)

const bigFile = "files/2/big"

// interruptSource is a stream of one version, named after its day; that of the second day has a big file.
func interruptSource(day int, big string) map[string]string {
	files := map[string]string{fmt.Sprintf("files/%d/small", day): strings.Repeat("small", day)}
	if day == 2 {
		files[bigFile] = big
	}
	var items []string
	for path, data := range files {
		items = append(items, fmt.Sprintf(`"%s": {"path": "%s", "size": %d, "sha256": "%x"}`, filepath.Base(path), path, len(data), sha256.Sum256([]byte(data))))
	}
	files["streams/v1/list.json"] = fmt.Sprintf(`{"format": "products:1.0", "content_id": "test", "products": {"p": {"versions": {"%d": {"items": {%s}}}}}}`,
		day, strings.Join(items, ", "))
	files["streams/v1/index.json"] = `{"format": "index:1.0", "index": {"test": {"format": "products:1.0", "path": "streams/v1/list.json"}}}`
	return files
}

// TestInterrupted presses Ctrl-C while the server says nothing: the program ends within a second, with 130; the mirror is what
// it was, and the next run asks for the rest only. A busy machine has ten tries to show that second.
func TestInterrupted(t *testing.T) {
	sstream := newProgram(t)
	var took []time.Duration
	for range 10 {
		last := interrupt(t, sstream)
		if last <= time.Second {
			return
		}
		took = append(took, last)
	}
	t.Errorf("from Ctrl-C to the end it took %v", took)
}

func interrupt(t *testing.T, sstream program) time.Duration {
	const sent = 400_000
	big := strings.Repeat("0123456789abcdef", 50_000)
	server, target := fetchtest.New(t, interruptSource(1, "")), t.TempDir()
	mirror := func() (*exec.Cmd, *bytes.Buffer) {
		cmd := exec.Command(string(sstream), "mirror", "--grace=0", server.URL+"streams/v1/index.json", target)
		out := new(bytes.Buffer)
		cmd.Stdout, cmd.Stderr = out, out
		return cmd, out
	}
	run := func() {
		if cmd, out := mirror(); cmd.Run() != nil {
			t.Fatalf("%v: %s", cmd, out)
		}
	}
	run()
	for path, data := range interruptSource(2, big) {
		server.Put(path, data)
	}
	server.Fail(bigFile, 1, server.Stall(sent))

	cmd, out := mirror()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	part := filepath.Join(target, bigFile+".part")
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		if info, err := os.Stat(part); err == nil && info.Size() > 0 {
			break
		}
		if time.Since(began) > time.Minute {
			_ = cmd.Process.Kill()
			t.Fatal("nothing comes")
		}
	}
	began := time.Now()
	_ = cmd.Process.Signal(syscall.SIGINT)
	err := cmd.Wait()
	took := time.Since(began)
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != exitInterrupted || !strings.Contains(out.String(), "interrupted") {
		t.Fatalf("after Ctrl-C: %v: %s", err, out)
	}
	checkListed(t, target)
	kept, err := os.ReadFile(part)
	if err != nil || len(kept) == 0 || !strings.HasPrefix(big, string(kept)) {
		t.Fatalf("of the part %d bytes are left (%v)", len(kept), err)
	}

	server.Log()
	run()
	rest := slices.IndexFunc(server.Log(), func(r *http.Request) bool {
		return r.URL.Path == "/"+bigFile && r.Header.Get("Range") == fmt.Sprintf("bytes=%d-", len(kept))
	})
	if rest < 0 {
		t.Errorf("the next run did not ask for the rest from byte %d on", len(kept))
	}
	checkListed(t, target)
	if _, err := os.Stat(filepath.Join(target, "files/1")); err == nil {
		t.Error("the old version is still there")
	}
	return took
}

// TestConvertInterrupted presses Ctrl-C while a list does not go on.
func TestConvertInterrupted(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	cmd := exec.CommandContext(t.Context(), string(newProgram(t)), "convert", "-", dir)
	list, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer list.Close()
	out := new(bytes.Buffer)
	cmd.Stderr = out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := list.Write(bytes.Repeat([]byte("# more than a pipe holds\n"), 10_000)); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Process.Signal(syscall.SIGINT)
	err = cmd.Wait()
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != exitInterrupted || out.String() != "sstream convert: interrupted\n" {
		t.Errorf("%v: %s", err, out)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("something was written")
	}
}

// TestInterruptedAgain goes on pressing Ctrl-C while a hook will not end: the program does not wait for it.
func TestInterruptedAgain(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "p.json"), []byte(`{"format": "products:1.0", "content_id": "c", "products": {}}`), 0o666); err != nil {
		t.Fatal(err)
	}
	deaf := `--hook-load-products=trap "" TERM; echo >&2; while kill -0 $PPID; do sleep 0.1; done`
	cmd := exec.CommandContext(t.Context(), string(newProgram(t)), "sync", deaf, "--path=p.json", dir)
	cmd.Env = append(os.Environ(), "TMPDIR="+t.TempDir()) // where it leaves something
	began, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := began.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- cmd.Wait() }()
	for {
		select {
		case err := <-done:
			if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || !exit.Sys().(syscall.WaitStatus).Signaled() {
				t.Errorf("it ended in order: %v", err)
			}
			return
		case <-time.After(20 * time.Millisecond):
			_ = cmd.Process.Signal(syscall.SIGINT)
		}
	}
}
