package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/seed-43fb3962/sstream/fetch/fetchtest"
)

// httptestServer serves a directory until the test ends.
func httptestServer(t *testing.T, dir string) string {
	t.Helper()
	s := httptest.NewServer(http.FileServer(http.Dir(dir)))
	t.Cleanup(s.Close)
	return s.URL
}

// TestWait: a run that finds another at work says so, or waits as long as it is told to, and goes through once the other
// has come to its end.
func TestWait(t *testing.T) {
	server, target := fetchtest.New(t, interruptSource(1, "")), t.TempDir()
	asked, goOn := make(chan bool), make(chan bool)
	server.Fail("files/1/small", 1, func(w http.ResponseWriter, r *http.Request, _ []byte, next http.Handler) {
		for _, wait := range []chan bool{asked, goOn} {
			select {
			case <-wait:
			case <-r.Context().Done():
				return
			}
		}
		next.ServeHTTP(w, r)
	})
	sstream := newProgram(t)
	start := func(flags ...string) (*exec.Cmd, *bytes.Buffer) {
		cmd := exec.CommandContext(t.Context(), string(sstream), append([]string{"mirror", server.URL + "streams/v1/index.json", target}, flags...)...)
		out := new(bytes.Buffer)
		cmd.Stdout, cmd.Stderr = out, out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd, out
	}
	first, firstSays := start()
	ended := make(chan error, 1)
	go func() { ended <- first.Wait() }()
	select {
	case asked <- true:
	case err := <-ended:
		t.Fatalf("the first: %v: %s", err, firstSays)
	}

	impatient, says := start()
	at := fmt.Sprintf("target: %s: another run is at work there (process %d on ", target, first.Process.Pid)
	if err := impatient.Wait(); err == nil || !strings.Contains(says.String(), at) || !strings.Contains(says.String(), "; --wait=10m waits") {
		t.Errorf("without --wait: %v: %s", err, says)
	}
	impatient, says = start("--wait=1s")
	if err := impatient.Wait(); err == nil || !strings.Contains(says.String(), at) || !strings.Contains(says.String(), "; waited ") {
		t.Errorf("with --wait=1s: %v: %s", err, says)
	}

	second, secondSays := start("--wait=5m")
	waitForLock(t, second.Process.Pid)
	close(goOn)
	if err := <-ended; err != nil || !strings.HasPrefix(firstSays.String(), "1 file new") {
		t.Errorf("the first: %v: %s", err, firstSays)
	}
	if err := second.Wait(); err != nil || !strings.HasPrefix(secondSays.String(), "0 files new") {
		t.Errorf("the second: %v: %s", err, secondSays)
	}
	checkListed(t, target)
}

// waitForLock returns once a process is about to ask for the lock.
func waitForLock(t *testing.T, pid int) {
	t.Helper()
	for range 6000 {
		names, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if file, err := os.Readlink(name); err == nil && strings.HasSuffix(file, "/.sstream/lock") {
				return
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the second run does not ask for the lock")
}
