package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/seed-43fb3962/sstream/fetch/fetchtest"
)

// failing is call while system calls fail as inject says: see strace(1), --inject.
func (p program) failing(t *testing.T, inject string, args ...string) (string, int) {
	t.Helper()
	if gone, err := missing("strace"); err != nil {
		t.Fatal(err)
	} else if gone {
		t.Skip("strace, which makes system calls fail, is not installed")
	}
	name, _, _ := strings.Cut(inject, ":")
	trace := []string{"-f", "-qq", "--seccomp-bpf", "-o", os.DevNull, "-e", "trace=" + name, "-e", "inject=" + inject, string(p)}
	return runIt(t, exec.Command("strace", append(trace, args...)...))
}

// TestBrokenDisk has the kernel refuse what the program asks of it, early in a run or late. Whatever it refuses: what is
// published stays true, a run that fails says what and where, and the run after that is right.
func TestBrokenDisk(t *testing.T) {
	source, before := t.TempDir(), t.TempDir()
	writeStream(t, source, 1, 4, 6)
	sstream := newProgram(t)
	mirror := func(target string) []string {
		return []string{"mirror", "--grace=0", source + "/streams/v1/index.json", target}
	}
	sstream.run(t, mirror(before)...)
	want := writeStream(t, source, 2, 4, 6)
	for _, test := range []struct {
		call, errno, text string
		fatal             bool // there is no way around it
	}{
		{"syncfs", "EIO", "input/output error", true},
		{"fsync", "EIO", "input/output error", true},
		{"linkat", "ENOSPC", "no space left on device", false},
		{"linkat", "ENOENT", "", false}, // as without /proc
		{"linkat", "EPERM", "", false},
		{"renameat", "EIO", "input/output error", true},
		{"renameat2", "ENOSPC", "no space left on device", true},
		{"renameat2", "EINVAL", "", false}, // a filesystem that cannot exchange
		{"pwrite64", "ENOSPC", "no space left on device", true},
		{"mkdirat", "ENOSPC", "no space left on device", true},
		{"unlinkat", "EIO", "input/output error", false},
	} {
		for _, when := range []string{"1+", "2", "5"} {
			t.Run(test.call+" "+test.errno+" "+when, func(t *testing.T) {
				target := t.TempDir()
				if err := os.CopyFS(target, os.DirFS(before)); err != nil {
					t.Fatal(err)
				}
				out, code := sstream.failing(t, test.call+":error="+test.errno+":when="+when, mirror(target)...)
				switch {
				case code != exitDone && (code != exitFailed || strings.Count(out, "error: ") != 1):
					t.Errorf("exit code %d: %s", code, out)
				case code == exitFailed && test.text != "" && (!strings.Contains(out, test.text) || !strings.Contains(out, target)):
					t.Errorf("it does not say what failed, and where: %s", out)
				case code == exitDone && test.fatal && when == "1+":
					t.Error("the run ends well")
				}
				checkListed(t, target)
				sstream.run(t, mirror(target)...)
				wantTree(t, target, want)
			})
		}
	}
}

// wantTree fails the test unless the files are in dir, and nothing of the day before is.
func wantTree(t *testing.T, dir string, want map[string][]byte) {
	t.Helper()
	for path, data := range want {
		if got, err := os.ReadFile(filepath.Join(dir, path)); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s is not as it should be (%v)", path, err)
		}
	}
	left, err := exec.Command("find", dir, "-path", "*/files/1/*", "-type", "f", "-o", "-name", "*.part").Output()
	if err != nil || len(left) > 0 {
		t.Errorf("left over: %s (%v)", left, err)
	}
}

// mountSmall gives the test a filesystem of its own, and returns how to make another of it.
func mountSmall(t *testing.T, options string) (dir string, remount func(options string)) {
	t.Helper()
	dir = t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		if os.Getenv("CI_REAL") == "1" {
			t.Fatalf("CI_REAL=1, but a filesystem cannot be mounted: %v", err)
		}
		t.Skipf("cannot mount a filesystem, as root could: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir, func(options string) {
		if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, options); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFullDisk: there is no room for a small file, for the documents, or for the record of what is published. What is
// published stays true, and the next run is right once there is room.
func TestFullDisk(t *testing.T) {
	for _, test := range []struct {
		name, options string
		products      int
		document      int // bytes more that the products file has
		where         string
		published     bool
	}{
		{"no room for a file", "size=64m,nr_inodes=120", 30, 0, "files/2/", false},
		{"no room for the documents", "size=4m", 4, 3 << 20, "cannot publish", false},
		{"no room for the record", "size=6m", 4, 3 << 20, "everything is published, but the record", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			source := t.TempDir()
			dir, remount := mountSmall(t, test.options)
			target := filepath.Join(dir, "mirror")
			sstream, mirror := newProgram(t), []string{"mirror", "--grace=0", "--path=streams/v1/index.json", source, target}
			writeStream(t, source, 1, 4, 6)
			sstream.run(t, mirror...)
			old, err := os.ReadFile(filepath.Join(target, "streams/v1/list.json"))
			if err != nil {
				t.Fatal(err)
			}
			want := writeStream(t, source, 2, test.products, 6)
			if test.document > 0 {
				list := bytes.Replace(want["streams/v1/list.json"], []byte(`{`), []byte(`{"x": "`+strings.Repeat("x", test.document)+`",`), 1)
				want["streams/v1/list.json"] = list
				writeFile(t, filepath.Join(source, "streams/v1/list.json"), list)
			}
			out, code := sstream.call(t, mirror...)
			if code != exitFailed || !strings.Contains(out, "no space left on device") || !strings.Contains(out, test.where) || !strings.Contains(out, "hint: df and df -i") {
				t.Errorf("exit code %d: %s", code, out)
			}
			checkListed(t, target)
			if test.published {
				old = want["streams/v1/list.json"]
			}
			if now, err := os.ReadFile(filepath.Join(target, "streams/v1/list.json")); err != nil || !bytes.Equal(now, old) {
				t.Errorf("the documents are not as they should be (%v)", err)
			}
			remount("size=64m,nr_inodes=0")
			sstream.run(t, mirror...)
			wantTree(t, target, want)
		})
	}
}

// TestFullDiskResumed: the disk is full in the middle of a large file, which the next run goes on with.
func TestFullDiskResumed(t *testing.T) {
	dir, _ := mountSmall(t, "size=8m")
	target, filler := filepath.Join(dir, "mirror"), filepath.Join(dir, "filler")
	const sent = 400_000
	big := strings.Repeat("0123456789abcdef", 300_000)
	server := fetchtest.New(t, interruptSource(2, big))
	server.Fail(bigFile, 1, func(w http.ResponseWriter, r *http.Request, body []byte, _ http.Handler) {
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		_, _ = w.Write(body[:sent])
		_ = http.NewResponseController(w).Flush()
		if waitForPart(r.Context(), filepath.Join(target, bigFile+".part")) {
			fill(t, filler)
		}
		_, _ = w.Write(body[sent:])
	})
	// with one job the small file is there before the disk is full
	sstream, mirror := newProgram(t), []string{"mirror", "--jobs=1", server.URL + "streams/v1/index.json", target}
	out, code := sstream.call(t, mirror...)
	if code != exitFailed || !strings.Contains(out, bigFile) || !strings.Contains(out, "no space left on device") {
		t.Errorf("exit code %d: %s", code, out)
	}
	if _, err := os.Stat(filepath.Join(target, "streams")); err == nil {
		t.Error("something is published")
	}
	kept, err := os.ReadFile(filepath.Join(target, bigFile+".part"))
	if err != nil || len(kept) == 0 || !strings.HasPrefix(big, string(kept)) {
		t.Fatalf("of the part %d bytes are left (%v)", len(kept), err)
	}
	out, code = sstream.call(t, mirror...)
	if code != exitFailed || !strings.Contains(out, "no room: ") || !strings.Contains(out, "nothing was changed") {
		t.Errorf("the disk is still full: exit code %d: %s", code, out)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	server.Requests()
	sstream.run(t, mirror...)
	if asked := strings.Join(server.Requests(), "\n"); !strings.Contains(asked, fmt.Sprintf("%s [bytes=%d-]", bigFile, len(kept))) {
		t.Errorf("the rest was not asked for from byte %d on: %s", len(kept), asked)
	}
	checkListed(t, target)
}

// waitForPart waits until something of a file has come.
func waitForPart(ctx context.Context, part string) bool {
	for ctx.Err() == nil {
		if info, err := os.Stat(part); err == nil && info.Size() > 0 {
			return true
		}
	}
	return false
}

// fill writes a file that leaves no room for another.
func fill(t *testing.T, path string) {
	f, err := os.Create(path)
	if err == nil {
		_, err = io.Copy(f, zeros{})
		err = errors.Join(err, f.Close())
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("filling the disk: %v", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// TestFewOpenFiles: a mirror of many files in many directories needs few open at a time. If it may not have even those, it
// says so, and nothing is harmed.
func TestFewOpenFiles(t *testing.T) {
	source, target := t.TempDir(), t.TempDir()
	server := httptestServer(t, source)
	want := writeStream(t, source, 2, 150, 4)
	sstream := newProgram(t)
	for fd := 3; fd < 256; fd++ {
		syscall.CloseOnExec(fd) // what whoever runs the tests has left open does not count
	}
	limited := func(n int) (string, int) {
		return runIt(t, exec.Command("sh", "-c", fmt.Sprintf(`ulimit -n %d && exec "$@"`, n), "sh", string(sstream), "mirror", server+"/streams/v1/index.json", target))
	}
	out, code := limited(15)
	if code != exitFailed || !strings.Contains(out, "too many open files") || !strings.Contains(out, "hint: ") || !strings.Contains(out, "ulimit -n") {
		t.Errorf("with 15 files: exit code %d: %s", code, out)
	}
	if out, code = limited(64); code != exitDone {
		t.Errorf("with 64 files: exit code %d: %s", code, out)
	}
	wantTree(t, target, want)
}

// TestWithoutProc: where /proc is not mounted, as in some jails, new files and those of a seed are mirrored as well.
func TestWithoutProc(t *testing.T) {
	source, target := t.TempDir(), t.TempDir()
	seed := filepath.Join(source, "files/2/00")
	want := writeStream(t, source, 2, 4, 6)
	cmd := exec.Command("unshare", "-m", "sh", "-c", `mount -t tmpfs none /proc && test ! -e /proc/self && exec "$@"`, "sh",
		string(newProgram(t)), "mirror", "--seed="+seed, source+"/streams/v1/index.json", target)
	out, code := runIt(t, cmd)
	if os.Getenv("CI_REAL") != "1" && os.Getuid() != 0 {
		t.Skipf("cannot mount something over /proc, as root could: %s", out)
	}
	if code != exitDone {
		t.Fatalf("exit code %d: %s", code, out)
	}
	wantTree(t, target, want)
}
