package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/seed-43fb3962/sstream/publish"
	"github.com/seed-43fb3962/sstream/sign"
)

// newJS2SignedCommand is js2signed [--force] FILE|DIR...: it signs with gpg, one argument after the other. What
// differs from the old tool: the old signatures stay if gpg fails, the new ones appear together, and a signed index does not say of
// signed documents what sizes and checksums the others have.
func newJS2SignedCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:                "js2signed [--force] FILE|DIR...",
		Short:              "Sign documents with gpg: .sjson and .json.gpg beside each .json",
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			o := publish.SignOptions{Signer: sign.GPGFrom(a.getenv)}
			if len(args) > 0 && (args[0] == "-h" || args[0] == "--help") {
				return cmd.Help()
			}
			if len(args) > 0 && args[0] == "--force" {
				o.Force, args = true, args[1:]
			}
			for _, arg := range args {
				if err := js2signed(cmd.Context(), a, arg, o); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func js2signed(ctx context.Context, a *app, arg string, o publish.SignOptions) error {
	info, err := os.Stat(arg)
	if err != nil || !info.IsDir() && !info.Mode().IsRegular() {
		return fmt.Errorf("%s: input must be file or dir", arg)
	}
	tree, err := signTreeOf(ctx, arg, true)
	if err != nil {
		return err
	}
	if len(tree.paths) == 0 {
		return nil
	}
	names, err := tree.sign(ctx, o)
	if info.IsDir() {
		for _, name := range names {
			fmt.Fprintln(a.stderr, name)
		}
	}
	return err
}
