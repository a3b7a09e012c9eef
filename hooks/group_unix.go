//go:build unix

package hooks

import (
	"os"
	"os/exec"
	"syscall"
	"time"
)

// inGroup gives a command a process group of its own, all of which is told to end when its context is done, and killed
// when it does not. finish must be called once the command has ended.
func inGroup(cmd *exec.Cmd) (finish func(stopped bool)) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	kill := func(signal syscall.Signal) error { return syscall.Kill(-cmd.Process.Pid, signal) }
	var last *time.Timer
	cmd.Cancel = func() error {
		last = time.AfterFunc(mercy, func() { kill(syscall.SIGKILL) })
		return kill(syscall.SIGTERM)
	}
	return func(stopped bool) {
		if stopped && cmd.Process != nil {
			if last == nil {
				kill(syscall.SIGTERM)
			}
			// What the shell left behind is to end in order as well.
			for end := time.Now().Add(mercy); kill(0) == nil && time.Now().Before(end); {
				time.Sleep(10 * time.Millisecond)
			}
			kill(syscall.SIGKILL)
		}
		if last != nil {
			last.Stop()
		}
	}
}

// status is the exit status as a shell gives it.
func status(p *os.ProcessState) int {
	if w, ok := p.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		return 128 + int(w.Signal())
	}
	return p.ExitCode()
}
