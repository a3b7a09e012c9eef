package main

import (
	"math"
	"strings"

	"github.com/spf13/cobra"
)

// exactly demands an argument for each name.
func exactly(names ...string) cobra.PositionalArgs { return between(len(names), len(names), names...) }

// atLeast demands an argument for each name, and takes more.
func atLeast(names ...string) cobra.PositionalArgs { return between(len(names), math.MaxInt, names...) }

// between demands that many arguments, called by these names; other numbers are wrong usage.
func between(least, most int, names ...string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return usageError("the following arguments are required: %s", strings.Join(names[len(args):least], ", "))
		case len(args) > most:
			return usageError("unrecognized arguments: %s", strings.Join(args[most:], " "))
		}
		return nil
	}
}
