package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestManPages: each command has a page, which the formatter of man pages has nothing to say against.
func TestManPages(t *testing.T) {
	dir := t.TempDir()
	a, _, errs := testApp(t)
	if code := a.run(t.Context(), []string{"sstream", "man", dir}); code != exitDone {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	gone, err := missing("groff")
	if err != nil {
		t.Fatal(err)
	}
	var check func(*cobra.Command)
	check = func(cmd *cobra.Command) {
		name := strings.ReplaceAll(cmd.CommandPath(), " ", "-")
		t.Run(name, func(t *testing.T) {
			if gone {
				t.Skip("groff is not installed")
			}
			out, err := exec.Command("groff", "-k", "-man", "-Tutf8", "-ww", filepath.Join(dir, name+".1")).CombinedOutput()
			text := string(out)
			if err != nil || strings.Contains(text, "warning") || !strings.Contains(text, strings.ToUpper(name)+"(1)") {
				t.Errorf("%v: %s", err, text)
			}
		})
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() {
				check(sub)
			}
		}
	}
	check(newRootCommand(a))
}
