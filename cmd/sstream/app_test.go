package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func testApp(t *testing.T) (*app, *bytes.Buffer, *bytes.Buffer) {
	t.Helper()
	var out, errs bytes.Buffer
	return &app{stdin: strings.NewReader(""), stdout: &out, stderr: &errs, getenv: func(string) string { return "" }}, &out, &errs
}

func TestPrefixes(t *testing.T) {
	for _, c := range []struct{ args, out, err string }{
		{"--pa x --no-i y z", "x true [y z]", ""},
		{"y --path=x -- --pa", "x false [y --pa]", ""},
		{"--no y", "", "ambiguous option: --no could match --no-item-download, --no-verify"},
		{"--nope", "", "unknown flag: --nope"},
	} {
		a, out, errs := testApp(t)
		var path string
		var noItem, noVerify bool
		cmd := &cobra.Command{Use: "x", RunE: func(cmd *cobra.Command, args []string) error {
			cmd.Print(path, " ", noItem, " ", args)
			return nil
		}}
		cmd.Flags().StringVar(&path, "path", "", "")
		cmd.Flags().BoolVar(&noItem, "no-item-download", false, "")
		cmd.Flags().BoolVar(&noVerify, "no-verify", false, "")
		code := a.execute(t.Context(), cmd, strings.Fields(c.args))
		if c.err != "" {
			if code != exitUsage || !strings.Contains(errs.String(), c.err) {
				t.Errorf("%s: exit code %d, stderr %q", c.args, code, errs)
			}
			continue
		}
		if got := out.String() + errs.String(); code != 0 || got != c.out {
			t.Errorf("%s: exit code %d, output %q, want %q", c.args, code, got, c.out)
		}
	}
}
