package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestHelp: each command teaches with two examples and says how it exits, and what a program greps for is there.
func TestHelp(t *testing.T) {
	a, _, _ := testApp(t)
	var check func(*cobra.Command)
	check = func(cmd *cobra.Command) {
		if cmd.Name() == "completion" {
			return // its pages are cobra's
		}
		for _, sub := range cmd.Commands() {
			check(sub)
		}
		if cmd.HasSubCommands() || cmd.Name() == "help" || cmd.Name() == "version" {
			return
		}
		examples := 0
		for line := range strings.Lines(cmd.Example) {
			if strings.Contains(line, "sstream ") {
				examples++
			}
		}
		if examples < 2 {
			t.Errorf("%s --help has %d examples", cmd.CommandPath(), examples)
		}
		if !strings.Contains(cmd.Long, "Exit codes: 0") {
			t.Errorf("%s --help does not say how it exits", cmd.CommandPath())
		}
	}
	check(newRootCommand(a))

	for _, args := range [][]string{{"--help"}, {"delta", "--help"}} {
		a, out, _ := testApp(t)
		if code := a.execute(t.Context(), newRootCommand(a), args); code != 0 || strings.Contains(out.String(), "[command]\n") {
			t.Errorf("%v: exit code %d, and the usage comes twice: %s", args, code, out)
		}
	}

	a, out, _ := testApp(t)
	if code := a.execute(t.Context(), oldNames["sstream-mirror"](a), []string{"--help"}); code != 0 || !strings.Contains(out.String(), "--progress") {
		t.Errorf("sstream-mirror --help: exit code %d, %s", code, out)
	}
}
