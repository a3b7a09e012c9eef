package main

import (
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func newManCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "man DIR",
		Short: "Write the man pages of all commands",
		Long:  "Write the man pages of all commands to a directory. SOURCE_DATE_EPOCH gives their date.\n\n" + exitHelp,
		Example: `  sstream man /usr/local/share/man/man1
  SOURCE_DATE_EPOCH=0 sstream man build/man`,
		Args: exactly("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o777); err != nil {
				return err
			}
			date, err := now(a)
			if err != nil {
				return err
			}
			root := cmd.Root()
			root.DisableAutoGenTag = true
			return doc.GenManTree(root, &doc.GenManHeader{Section: "1", Source: "sstream", Date: &date}, args[0])
		},
	}
}
