//go:build !unix

package hooks

import (
	"os"
	"os/exec"
)

func inGroup(*exec.Cmd) (finish func(stopped bool)) { return func(bool) {} }

func status(p *os.ProcessState) int { return p.ExitCode() }
