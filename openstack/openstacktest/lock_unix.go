//go:build unix

package openstacktest

import (
	"os"
	"syscall"
	"testing"
)

// lock keeps the tests of other packages away from what path stands for until the test ends.
func lock(tb testing.TB, path string) {
	tb.Helper()
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		tb.Fatal(err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { file.Close() })
}
