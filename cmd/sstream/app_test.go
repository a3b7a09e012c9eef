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
		{"--pa --no-item y", "", "--path: a value is expected, before --no-item"},
		{"--path --no y", "", "--path: a value is expected, before --no"},
		{"--path -- y", "", "--path: a value is expected, before --"},
		{"-vo -vv y", "", "-vo: a value is expected, before -vv"},
		{"-o -v y", "", "-o: a value is expected, before -v"},
		{"--path", "", "flag needs an argument: --path"},
		{"--path -1 -o- y", "-1 false [y]", ""},
		{"--path -vx -o-v -v --pa=--no y", "--no false [y]", ""},
		{"-o --nope y", " false [y]", ""},
		{"-o -é y", " false [y]", ""},
	} {
		a, out, errs := testApp(t)
		var path string
		var noItem, noVerify bool
		cmd := &cobra.Command{Use: "x", RunE: func(cmd *cobra.Command, args []string) error {
			cmd.Print(path, " ", noItem, " ", args)
			return nil
		}}
		cmd.Flags().StringVar(&path, "path", "", "")
		cmd.Flags().StringP("output", "o", "", "")
		cmd.Flags().CountP("verbose", "v", "")
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
