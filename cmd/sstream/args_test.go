package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestWrongUsage calls every command with a flag that there is not, with no arguments and with many: what is wrong usage
// ends with exit code 2, whatever the command.
func TestWrongUsage(t *testing.T) {
	endless := []string{"convert", "glance", "mirror", "query", "sign"} // take any number of arguments
	bare := []string{"delta", "list", "names", "version"}
	usage := func(words ...string) {
		t.Helper()
		a, out, errs := testApp(t)
		t.Chdir(t.TempDir())
		code := a.run(t.Context(), append([]string{"sstream"}, words...))
		if code != exitUsage || out.Len() > 0 || !strings.HasPrefix(errs.String(), "usage: sstream ") || !strings.HasSuffix(errs.String(), " --help says more\n") {
			t.Errorf("%q: exit code %d, stdout %q, stderr %q", words, code, out, errs)
		}
	}
	var check func(cmd *cobra.Command)
	check = func(cmd *cobra.Command) {
		words := strings.Fields(cmd.CommandPath())[1:]
		name := strings.Join(words, " ")
		usage(append(slices.Clone(words), "--no-such-flag")...)
		if len(words) > 0 && !slices.Contains(bare, name) {
			usage(words...)
		}
		if len(words) > 0 && !slices.Contains(endless, name) {
			usage(append(slices.Clone(words), "a", "b", "c", "d")...)
		}
		for _, sub := range cmd.Commands() {
			if sub.Name() != "help" && sub.Name() != "completion" {
				check(sub)
			}
		}
	}
	a, _, _ := testApp(t)
	check(newRootCommand(a))
}
