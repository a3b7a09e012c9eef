package main

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// app is what a command has of the world around it.
type app struct {
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	getenv func(string) string
}

// Exit codes. The old names have only 0, 1 and 2, as the old tools.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitPart        = 3 // done in part: what was left out is named on stderr
	exitInterrupted = 130
)

// exitHelp is the last paragraph of a command's help page.
const exitHelp = "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done in part, 130 interrupted."

// exitError is an error with the exit code that it deserves. A nil err is printed nowhere.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// tellJSON prints x on stdout.
func (a *app) tellJSON(x any) error {
	out := json.NewEncoder(a.stdout)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	return out.Encode(x)
}

// usageError is a wrong command line.
func usageError(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...)}
}

// run is the whole program: args[0] is the name that it was called by. It returns the exit code.
func (a *app) run(ctx context.Context, args []string) int {
	name := strings.TrimSuffix(filepath.Base(args[0]), ".exe")
	if old, ok := oldNames[name]; ok {
		return a.execute(ctx, old(a), args[1:])
	}
	root := newRootCommand(a)
	if err := knownCommand(root, args[1:]); err != nil {
		return a.finish(ctx, root, err)
	}
	return a.execute(ctx, root, args[1:])
}

// knownCommand refuses a word that is no command. Cobra would complain of its flags first.
func knownCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		return nil
	}
	if args[0] == "help" {
		return knownCommand(root, args[1:])
	}
	cmd, _, err := root.Find(args)
	if (err == nil && cmd != root) || strings.HasPrefix(args[0], "__complete") {
		return nil
	}
	if near := root.SuggestionsFor(args[0]); len(near) > 0 {
		return usageError("there is no command %q; did you mean %s?", args[0], strings.Join(near, " or "))
	}
	return usageError("there is no command %q", args[0])
}

func (a *app) execute(ctx context.Context, cmd *cobra.Command, args []string) int {
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetIn(a.stdin)
	cmd.SetOut(a.stdout)
	cmd.SetErr(a.stderr)
	if cmd.PersistentPreRunE == nil { // else it is another program's, which takes what it always took
		cmd.PersistentPreRunE = refuseNegative
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &exitError{exitUsage, badValue(err)} })
	args, err := expandPrefixes(cmd, args)
	if err == nil {
		cmd.SetArgs(args)
		cmd, err = cmd.ExecuteContextC(ctx)
	}
	return a.finish(ctx, cmd, err)
}

// finish says what went wrong and returns the exit code.
func (a *app) finish(ctx context.Context, cmd *cobra.Command, err error) int {
	if err == nil {
		return exitDone
	}
	if ctx.Err() != nil { // whatever became of the command, this is why
		fmt.Fprintf(a.stderr, "%s: interrupted\n", cmd.CommandPath())
		return exitInterrupted
	}
	exit := &exitError{code: exitFailed, err: err}
	if errors.As(err, &exit) && exit.err == nil {
		return exit.code
	}
	if exit.code == exitUsage {
		fmt.Fprintf(a.stderr, "usage: %s\n", cmd.UseLine())
	}
	fmt.Fprintf(a.stderr, "%s: error: %s\n", cmd.CommandPath(), oneLine(err.Error()))
	switch {
	case errors.Is(err, syscall.EMFILE):
		fmt.Fprintln(a.stderr, "hint: this process may not open more files: ulimit -n 256 would be enough for most, --jobs=1 needs the fewest")
	case errors.Is(err, syscall.ENOSPC):
		fmt.Fprintln(a.stderr, "hint: df and df -i tell whether room for bytes or for files has run out")
	case errors.As(err, new(x509.UnknownAuthorityError)) && cmd.Flag("cacert") != nil:
		fmt.Fprintln(a.stderr, "hint: --cacert=FILE trusts the authorities in FILE besides the system's")
	}
	if exit.code == exitUsage {
		fmt.Fprintf(a.stderr, "%s --help says more\n", cmd.CommandPath())
	}
	return exit.code
}

// oneLine is a message on one line, that of several errors too.
func oneLine(text string) string { return printable(strings.ReplaceAll(text, "\n", "; ")) }

// printable is a text of a catalogue on one line, without what a terminal would obey.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' {
			return '?'
		}
		return r
	}, text)
}
