//go:build unix

package group

import (
	"os"
	"os/exec"
	"syscall"
	"time"
)

// inGroup gives a command a process group of its own, all of which is told to end when its context is done, and killed
// when it does not. finish must be called once the command has ended.
func inGroup(cmd *exec.Cmd) (finish func(stopped bool), err error) {
	left, held, err := os.Pipe() // held by all of the group: it ends with the last of them
	if err != nil {
		return nil, err
	}
	cmd.ExtraFiles = []*os.File{held}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	kill := func(signal syscall.Signal) error { return syscall.Kill(-cmd.Process.Pid, signal) }
	var last *time.Timer
	cmd.Cancel = func() error {
		last = time.AfterFunc(Mercy, func() { kill(syscall.SIGKILL) })
		return kill(syscall.SIGTERM)
	}
	return func(stopped bool) {
		held.Close()
		if stopped && cmd.Process != nil {
			if last == nil { // the shell has ended of itself
				kill(syscall.SIGTERM)
			}
			_ = left.SetReadDeadline(time.Now().Add(Mercy))
			_, _ = left.Read(make([]byte, 1))
			kill(syscall.SIGKILL)
		}
		left.Close()
		if last != nil {
			last.Stop()
		}
	}, nil
}

// Status is the exit status as a shell gives it.
func Status(p *os.ProcessState) int {
	if w, ok := p.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		return 128 + int(w.Signal())
	}
	return p.ExitCode()
}
