package store_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/store/storetest"
)

// TestMain lets the test binary be another process that works on a directory.
func TestMain(m *testing.M) {
	switch os.Getenv("STORE_TEST_PROCESS") {
	case "lock":
		inOtherProcess(holdLock)
	case "publish":
		inOtherProcess(publishForever)
	default:
		os.Exit(m.Run())
	}
}

func inOtherProcess(work func(context.Context, *store.Dir) error) {
	d, err := store.OpenDir(os.Getenv("STORE_TEST_DIR"), store.DirOptions{})
	if err == nil {
		err = work(context.Background(), d)
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func holdLock(ctx context.Context, d *store.Dir) error {
	if _, err := d.Lock(ctx); err != nil {
		return err
	}
	fmt.Println("locked")
	_, err := io.Copy(io.Discard, os.Stdin) // until killed
	return err
}

// publishForever writes items and the documents that list them, generation after generation.
func publishForever(ctx context.Context, d *store.Dir) error {
	if _, err := d.Lock(ctx); err != nil {
		return err
	}
	for generation := 1; ; generation++ {
		text := fmt.Sprintf("%06d", generation)
		for i := range 20 {
			path := fmt.Sprintf("items/%s/%d", text, i)
			if err := d.PutSoon(ctx, path, storetest.Content([]byte(strings.Repeat(path, 1000)))); err != nil {
				return err
			}
			fmt.Println(path)
		}
		if err := d.Put(ctx, "state", storetest.Content([]byte(strings.Repeat(text, 50_000)))); err != nil {
			return err
		}
		fmt.Println("state", text)
		if err := d.Sync(ctx); err != nil {
			return err
		}
		fmt.Println("synced", text)
		docs := map[string][]byte{"s/index": []byte(text), "s/a": []byte(text), "s/b/c": []byte(text)}
		if err := d.Replace(ctx, storetest.Contents(docs), nil); err != nil {
			return err
		}
		fmt.Println("published", text)
	}
}

// startProcess runs this binary as another process, until the test kills it or ends.
func startProcess(t *testing.T, what, dir string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "STORE_TEST_PROCESS="+what, "STORE_TEST_DIR="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kill(cmd) })
	return cmd, bufio.NewScanner(out)
}

func kill(cmd *exec.Cmd) {
	cmd.Process.Kill()
	cmd.Wait()
}

// TestLockOfAnotherProcess: the error tells who is at work, and a killed process holds no lock.
func TestLockOfAnotherProcess(t *testing.T) {
	d := openDir(t, t.TempDir())
	other, lines := startProcess(t, "lock", d.Path())
	if !lines.Scan() {
		t.Fatal("the other process ends without the lock")
	}
	asking, cancel := context.WithDeadline(t.Context(), time.Now())
	defer cancel()
	_, err := d.Lock(asking)
	host, _ := os.Hostname()
	want := fmt.Sprintf("%s: another run is at work there (process %d on %s since 20", d.Path(), other.Process.Pid, host)
	if err == nil || !strings.HasPrefix(err.Error(), want) || !strings.HasSuffix(err.Error(), ")") || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Lock: %v, want %s…)", err, want)
	}
	synctest.Test(t, func(t *testing.T) { // where nothing but the wait takes time
		waiting, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
		defer cancel()
		if _, err := d.Lock(waiting); err == nil || !strings.Contains(err.Error(), "; waited 200ms ") { // which is rounded
			t.Errorf("Lock: %v, want to know how long it waited", err)
		}
	})
	kill(other)
	unlock, err := d.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := unlock(); err != nil {
		t.Error(err)
	}
}

// TestKilled kills a process somewhere while it publishes, later in every round, and looks at what it left.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	for round := range 25 {
		cmd, lines := startProcess(t, "publish", dir)
		for range 1 + 5*round {
			if !lines.Scan() {
				t.Fatal("the process ends by itself")
			}
		}
		kill(cmd)
		wantWhole(t, dir)
	}
	d := openDir(t, dir)
	unlock, err := d.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	if _, err := os.Stat(dir + "/.sstream/aside"); err == nil {
		t.Error("what the killed processes left aside is still there")
	}
}

// wantWhole fails the test if anything that is published is not whole, or leads to what is not there.
func wantWhole(t *testing.T, dir string) {
	t.Helper()
	d := openDir(t, dir)
	index, published := storetest.Get(t, d, "s/index")
	for _, path := range []string{"s/a", "s/b/c"} {
		if got, _ := storetest.Get(t, d, path); got != index {
			t.Errorf("%s is of %q, and the index of %q", path, got, index)
		}
	}
	if state, ok := storetest.Get(t, d, "state"); ok && state != strings.Repeat(state[:6], 50_000) {
		t.Errorf("the state is not whole: %d bytes", len(state))
	}
	for i := range 20 {
		path := fmt.Sprintf("items/%s/%d", index, i)
		if !published {
			break
		}
		if _, ok := storetest.Get(t, d, path); !ok {
			t.Errorf("%s is listed and not there", path)
		}
	}
	for _, path := range storetest.List(t, d, "items/") {
		if got, _ := storetest.Get(t, d, path); got != strings.Repeat(path, 1000) {
			t.Errorf("%s is not whole: %d bytes", path, len(got))
		}
	}
	if err := os.RemoveAll(filepath.Join(dir, "items")); err != nil { // the next round begins with generation 1
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "s")); err != nil {
		t.Fatal(err)
	}
}
