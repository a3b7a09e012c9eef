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
	"syscall"
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

// running is a call of the program in the background.
type running struct {
	cmd   *exec.Cmd
	says  bytes.Buffer
	ended chan struct{}
	err   error // once it has ended
}

func (p program) start(t *testing.T, args ...string) *running {
	t.Helper()
	r := &running{cmd: exec.CommandContext(t.Context(), string(p), args...), ended: make(chan struct{})}
	r.cmd.Stdout, r.cmd.Stderr = &r.says, &r.says
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(r.ended)
		r.err = r.cmd.Wait()
	}()
	return r
}

func (r *running) wait() error {
	<-r.ended
	return r.err
}

// until waits for what the program, as long as it runs, will cause.
func (r *running) until(t *testing.T, caused <-chan bool) {
	t.Helper()
	select {
	case <-caused:
	case <-r.ended:
		t.Fatalf("%v: %s", r.err, &r.says)
	}
}

// TestWait: a run that finds another at work says so, or waits as long as it is told to, and goes through once the other
// has come to its end.
func TestWait(t *testing.T) {
	server, target := fetchtest.New(t, interruptSource(1, "")), t.TempDir()
	asked, goOn := make(chan bool, 1), make(chan bool)
	server.Fail("files/1/small", 1, func(w http.ResponseWriter, r *http.Request, _ []byte, next http.Handler) {
		asked <- true
		select {
		case <-goOn:
		case <-r.Context().Done():
		}
		next.ServeHTTP(w, r)
	})
	sstream := newProgram(t)
	start := func(flags ...string) *running {
		return sstream.start(t, append([]string{"mirror", server.URL + "streams/v1/index.json", target}, flags...)...)
	}
	first := start()
	first.until(t, asked)

	impatient := start()
	at := fmt.Sprintf("target: %s: another run is at work there (process %d on ", target, first.cmd.Process.Pid)
	if err := impatient.wait(); err == nil || !strings.Contains(impatient.says.String(), at) || !strings.Contains(impatient.says.String(), "; --wait=10m waits") {
		t.Errorf("without --wait: %v: %s", err, &impatient.says)
	}
	impatient = start("--wait=1s")
	if err := impatient.wait(); err == nil || !strings.Contains(impatient.says.String(), at) || !strings.Contains(impatient.says.String(), "; waited ") {
		t.Errorf("with --wait=1s: %v: %s", err, &impatient.says)
	}

	second := start("--wait=5m")
	waitForLock(t, second.cmd.Process.Pid)
	close(goOn)
	if err := first.wait(); err != nil || !strings.HasPrefix(first.says.String(), "1 file new") {
		t.Errorf("the first: %v: %s", err, &first.says)
	}
	if err := second.wait(); err != nil || !strings.HasPrefix(second.says.String(), "0 files new") {
		t.Errorf("the second: %v: %s", err, &second.says)
	}
	checkListed(t, target)
}

// TestWaitInVain: the run that is waited for has made the target, and is interrupted before it has put anything there. The
// target goes with it, and the run that has waited makes it anew.
func TestWaitInVain(t *testing.T) {
	server, target := fetchtest.New(t, interruptSource(1, "")), filepath.Join(t.TempDir(), "mirror")
	asked := make(chan bool, 1)
	server.Fail("streams/v1/index.json", 1, func(_ http.ResponseWriter, r *http.Request, _ []byte, _ http.Handler) {
		asked <- true
		<-r.Context().Done()
	})
	sstream, mirror := newProgram(t), []string{"mirror", "--wait=5m", server.URL + "streams/v1/index.json", target}
	first := sstream.start(t, mirror...)
	first.until(t, asked)
	second := sstream.start(t, mirror...)
	waitForLock(t, second.cmd.Process.Pid)
	_ = first.cmd.Process.Signal(syscall.SIGINT)
	if err := first.wait(); first.cmd.ProcessState.ExitCode() != exitInterrupted {
		t.Errorf("the first: %v: %s", err, &first.says)
	}
	if err := second.wait(); err != nil || !strings.HasPrefix(second.says.String(), "1 file new") {
		t.Errorf("the second: %v: %s", err, &second.says)
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
