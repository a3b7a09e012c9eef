package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// program is this test's binary by the name of sstream, to be run in processes of its own: see TestMain.
type program string

func newProgram(t *testing.T) program {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := program(filepath.Join(t.TempDir(), "sstream"))
	if err := os.Symlink(self, string(p)); err != nil {
		t.Fatal(err)
	}
	return p
}

// run calls the program, which has to end well.
func (p program) run(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command(string(p), args...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// call runs the program, and returns what it says and its exit code.
func (p program) call(t *testing.T, args ...string) (string, int) {
	t.Helper()
	return runIt(t, exec.Command(string(p), args...))
}

func runIt(t *testing.T, cmd *exec.Cmd) (string, int) {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v", cmd, err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// killed calls the program and kills it after a while, with no chance to clean up. It tells whether it did: if the
// program came to its end before that, it has to be a good one.
func (p program) killed(t *testing.T, after time.Duration, args ...string) bool {
	t.Helper()
	cmd := exec.Command(string(p), args...)
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	err := cmd.Wait()
	exit := new(exec.ExitError)
	if err != nil && (!errors.As(err, &exit) || exit.Exited()) {
		t.Fatalf("%s: %v: %s", cmd, err, &said)
	}
	return err != nil
}

// killer kills runs of the program, each a little later than the one before until one comes to its end, then early ones
// again: so its kills fall within the runs however long these take.
type killer struct {
	program
	after time.Duration
}

func newKiller(p program) *killer { return &killer{p, 2 * time.Millisecond} }

// strike calls the program and tells whether it killed it.
func (k *killer) strike(t *testing.T, args ...string) bool {
	t.Helper()
	killed := k.killed(t, k.after, args...)
	if killed {
		k.after += k.after/4 + time.Millisecond
	} else {
		k.after /= 3
	}
	return killed
}

// writeFile writes a file and the directories above it.
func writeFile(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
}
