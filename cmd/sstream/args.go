package main

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/seed-43fb3962/sstream/streams"
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

// parseFilters reads filters. What is none is wrong usage, except to the old tools.
func parseFilters(words []string, old bool) (streams.Filters, error) {
	filters, err := streams.ParseFilters(words)
	if err == nil {
		return filters, nil
	}
	for _, w := range words { // a word that looks like the path of a document
		if strings.HasSuffix(w, "json") && strings.Contains(w, "/") && !strings.ContainsAny(w, "=~") {
			err = fmt.Errorf("%q is not a filter: for the document to begin with, write --path=%s", w, w)
			break
		}
	}
	return nil, wrongUsage(old, err)
}

// badValue words err for people if it is that of a flag whose value cannot be read.
func badValue(err error) error {
	bad := (*pflag.InvalidValueError)(nil)
	if !errors.As(err, &bad) {
		return err
	}
	kinds := map[string]string{"int": "a whole number", "int64": "a whole number", maximumType: "a whole number", "float64": "a number",
		"duration": "a time such as 90s, 10m or 2h", "bool": "true or false"}
	kind, known := kinds[bad.GetFlag().Value.Type()]
	switch {
	case errors.Is(err, strconv.ErrRange):
		return fmt.Errorf("--%s: %s is out of range", bad.GetFlag().Name, bad.GetValue())
	case known:
		return fmt.Errorf("--%s: %q is not %s", bad.GetFlag().Name, bad.GetValue(), kind)
	}
	return err
}

// wrongUsage gives err the exit code of wrong usage, except under an old name: the old tools found out later.
func wrongUsage(old bool, err error) error {
	if old {
		return err
	}
	return &exitError{exitUsage, err}
}

// refuseNegative refuses a negative number or time, which would be taken for the default, or worse. Under an old name the
// flags of the old tool take what they took: --max=-1 is all versions but the oldest.
func refuseNegative(cmd *cobra.Command, _ []string) (err error) {
	_, old := oldNames[cmd.Root().Name()]
	cmd.Flags().Visit(func(f *pflag.Flag) {
		numeric := slices.Contains([]string{"int", "int64", "float64", "duration", maximumType}, f.Value.Type())
		if numeric && strings.HasPrefix(f.Value.String(), "-") && (!old || f.Annotations[newFlag] != nil) {
			err = usageError("--%s: %s is negative", f.Name, f.Value)
		}
	})
	return err
}
