package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// expandPrefixes completes long options that were cut short, as Python's argparse does: --keyr is --keyring if no
// other option of the command begins so. Cobra knows whole names only.
func expandPrefixes(root *cobra.Command, args []string) ([]string, error) {
	cmd, _, err := root.Find(args)
	if err != nil {
		return args, nil // cobra says what is wrong with it
	}
	cmd.InitDefaultHelpFlag()
	expanded := slices.Clone(args)
	for i, arg := range expanded {
		if arg == "--" {
			break
		}
		if !strings.HasPrefix(arg, "--") {
			continue
		}
		name, _, _ := strings.Cut(arg[2:], "=")
		full, err := completeOption(cmd, name)
		if err != nil {
			return nil, err
		}
		expanded[i] = "--" + full + strings.TrimPrefix(arg[2:], name)
	}
	return expanded, nil
}

// completeOption returns the one option of cmd that begins with name, or name itself if there is none. Options that the
// old tools do not have yield to those that they have, so that what was unique stays so.
func completeOption(cmd *cobra.Command, name string) (string, error) {
	var fits, newer []string
	exact := false
	visit := func(f *pflag.Flag) {
		exact = exact || f.Name == name
		if !strings.HasPrefix(f.Name, name) || slices.Contains(fits, f.Name) {
			return
		}
		if f.Annotations[newFlag] != nil {
			newer = append(newer, f.Name)
		} else {
			fits = append(fits, f.Name)
		}
	}
	cmd.Flags().VisitAll(visit)
	cmd.InheritedFlags().VisitAll(visit)
	if len(fits) == 0 {
		fits = newer
	}
	switch {
	case exact || len(fits) == 0:
		return name, nil
	case len(fits) > 1:
		return "", usageError("ambiguous option: --%s could match --%s", name, strings.Join(fits, ", --"))
	}
	return fits[0], nil
}
