package main

import (
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"
)

// oldNames are the programs that sstream stands in for, by the name that it is called by. Each takes that program's
// command line unchanged and keeps its exit codes.
var oldNames = map[string]func(*app) *cobra.Command{
	"do-mirror":               newOldMirrorCommand("do-mirror"),
	"sstream-query":           newOldQueryCommand,
	"sstream-mirror":          newOldMirrorCommand("sstream-mirror"),
	"sstream-mirror-glance":   newOldGlanceCommand,
	"sstream-sync":            newOldSyncCommand,
	"js2signed":               newJS2SignedCommand,
	"json2streams":            newJSON2StreamsCommand,
	"simplestream-maintainer": newMaintainerCommand,
	"tab2streams":             newTab2StreamsCommand,
}

func newNamesCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "names",
		Short: "List the old programs that sstream stands in for when it is called by their name",
		Long: `List the old programs that sstream stands in for when it is called by their name.

` + exitHelp,
		Example: `  sstream names
  for name in $(sstream names); do ln -s /usr/bin/sstream /usr/local/bin/$name; done`,
		Args: exactly(),
		RunE: func(*cobra.Command, []string) error {
			for _, name := range slices.Sorted(maps.Keys(oldNames)) {
				if _, err := fmt.Fprintln(a.stdout, name); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
