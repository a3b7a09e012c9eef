package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestServe(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "index.html"), []byte("<p>"), 0o644); err != nil {
		t.Fatal(err)
	}
	a, _, errs := testApp(t)
	r, w := io.Pipe()
	a.stdout = w
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	code := make(chan int, 1)
	go func() { code <- a.run(ctx, []string{"sstream", "serve", dir, "--listen", "localhost:0"}) }()
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	_, url, ok := strings.Cut(strings.TrimSpace(line), " at ")
	if !ok {
		t.Fatalf("stdout: %q", line)
	}
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Error(response.Status)
	}
	cancel()
	if got := <-code; got != exitDone {
		t.Errorf("exit code %d", got)
	}
	if got := errs.String(); !strings.Contains(got, "msg=request") || !strings.Contains(got, "status=200") {
		t.Errorf("stderr: %q", got)
	}
}

func TestServeErrors(t *testing.T) {
	for _, c := range []struct {
		args string
		code int
		err  string
	}{
		{"serve", exitUsage, "the following arguments are required: DIR"},
		{"serve /gone", exitFailed, "cannot serve: open /gone: no such file or directory"},
		{"serve . --tls-key x", exitUsage, "--tls-key needs --tls-cert"},
		{"serve . --listen localhost:0 --tls-cert /gone.pem", exitFailed, "cannot load the certificate /gone.pem"},
		{"serve . --listen localhost:nowhere", exitFailed, "cannot serve: "},
	} {
		a, out, errs := testApp(t)
		code := a.run(t.Context(), append([]string{"sstream"}, strings.Fields(c.args)...))
		if code != c.code || !strings.Contains(errs.String(), c.err) || out.Len() > 0 {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", c.args, code, out, errs)
		}
	}
}
