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

// completeOption returns the one option of cmd that begins with name, or name itself if there is none.
func completeOption(cmd *cobra.Command, name string) (string, error) {
	var fits []string
	exact := false
	visit := func(f *pflag.Flag) {
		exact = exact || f.Name == name
		if strings.HasPrefix(f.Name, name) && !slices.Contains(fits, f.Name) {
			fits = append(fits, f.Name)
		}
	}
	cmd.Flags().VisitAll(visit)
	cmd.InheritedFlags().VisitAll(visit)
	switch {
	case exact || len(fits) == 0:
		return name, nil
	case len(fits) > 1:
		return "", usageError("ambiguous option: --%s could match --%s", name, strings.Join(fits, ", --"))
	}
	return fits[0], nil
}
