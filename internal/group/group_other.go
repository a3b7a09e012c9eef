//go:build !unix

package group

import (
	"os"
	"os/exec"
)

func inGroup(*exec.Cmd) (finish func(stopped bool), err error) { return func(bool) {}, nil }

// Status is the exit status.
func Status(p *os.ProcessState) int { return p.ExitCode() }
