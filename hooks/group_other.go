//go:build !unix

package hooks

import (
	"os"
	"os/exec"
)

func inGroup(*exec.Cmd) (finish func(stopped bool), err error) { return func(bool) {}, nil }

func status(p *os.ProcessState) int { return p.ExitCode() }
