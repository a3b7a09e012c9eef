package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// expandPrefixes reads args as Python's argparse does, where cobra does not. Long options that were cut short are
// completed: --keyr is --keyring if no other option of the command begins so. An option is no value of the one before
// it: in "--keyring --dry-run" the keyring is missing.
func expandPrefixes(root *cobra.Command, args []string) ([]string, error) {
	cmd, _, err := root.Find(args)
	if err != nil {
		return args, nil // cobra says what is wrong with it
	}
	cmd.InitDefaultHelpFlag()
	expanded := slices.Clone(args)
	for i := 0; i < len(expanded) && expanded[i] != "--"; i++ {
		if name, long := strings.CutPrefix(expanded[i], "--"); long {
			name, _, _ := strings.Cut(name, "=")
			full, err := completeOption(cmd, name)
			if err != nil {
				return nil, err
			}
			expanded[i] = "--" + full + strings.TrimPrefix(expanded[i][2:], name)
		}
		if i+1 == len(expanded) || !wantsValue(cmd, expanded[i]) {
			continue
		}
		if i++; isOption(cmd, expanded[i]) {
			return nil, usageError("%s: a value is expected, before %s", expanded[i-1], expanded[i])
		}
	}
	return expanded, nil
}

// wantsValue tells whether word is an option of cmd, its name in full, whose value is the word after it.
func wantsValue(cmd *cobra.Command, word string) bool {
	if name, long := strings.CutPrefix(word, "--"); long {
		f := cmd.Flag(name)
		return f != nil && f.NoOptDefVal == ""
	}
	last := len(word) - 1
	for i := 1; i <= last && word[0] == '-'; i++ {
		if f := shorthand(cmd, word[i:i+1]); f == nil || f.NoOptDefVal == "" {
			return f != nil && i == last // else the rest of word is the value
		}
	}
	return false
}

// isOption tells whether word is, or begins the name of, an option of cmd, or ends the options.
func isOption(cmd *cobra.Command, word string) bool {
	if name, long := strings.CutPrefix(word, "--"); long {
		name, _, _ := strings.Cut(name, "=")
		full, err := completeOption(cmd, name)
		return err != nil || cmd.Flag(full) != nil
	}
	letters, short := strings.CutPrefix(word, "-")
	return short && letters != "" && !slices.ContainsFunc(strings.Split(letters, ""), func(letter string) bool { return shorthand(cmd, letter) == nil })
}

func shorthand(cmd *cobra.Command, letter string) *pflag.Flag {
	if len(letter) > 1 { // no flag has one beyond ASCII
		return nil
	}
	if f := cmd.Flags().ShorthandLookup(letter); f != nil {
		return f
	}
	return cmd.InheritedFlags().ShorthandLookup(letter)
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
