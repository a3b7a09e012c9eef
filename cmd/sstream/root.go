package main

import (
	"strings"

	"github.com/spf13/cobra"
)

func newRootCommand(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "sstream COMMAND",
		Short: "Mirror, query, build, sign and publish Simple Streams",
		Long: `sstream mirrors, queries, builds, signs and publishes Simple Streams: the format in which Ubuntu, LXD, Incus, MAAS,
Juju and OpenStack say which images exist.

` + exitHelp,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },

		Version: about(),

		SuggestionsMinimumDistance: 2,
	}
	root.SetVersionTemplate("{{.Version}}\n")
	// Use says already that a command follows.
	root.SetUsageTemplate(strings.Replace(root.UsageTemplate(), "{{if .HasAvailableSubCommands}}\n  {{.CommandPath}} [command]{{end}}", "", 1))
	root.AddCommand(
		newAddCommand(a),
		newBuildCommand(a),
		newConvertCommand(a),
		newDeltaCommand(a),
		newGenerateMetadataCommand(a),
		newGlanceCommand(a),
		newKeygenCommand(a),
		newLintCommand(a),
		newListCommand(a),
		newManCommand(a),
		newMirrorCommand(a),
		newNamesCommand(a),
		newPruneCommand(a),
		newQueryCommand(a),
		newRemoveCommand(a),
		newServeCommand(a),
		newSignCommand(a),
		newSyncCommand(a),
		newVerifyCommand(a),
		newVersionCommand(a),
	)
	refineCompletion(root)
	return root
}

// refineCompletion makes wrong usage of a shell for which there is no completion.
func refineCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	cmd, _, _ := root.Find([]string{"completion"})
	var shells []string
	for _, shell := range cmd.Commands() {
		shell.Args = exactly()
		shells = append(shells, shell.Name())
	}
	cmd.Use = "completion SHELL"
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		return usageError("there is no completion for %s, but for %s", args[0], strings.Join(shells, ", "))
	}
}
