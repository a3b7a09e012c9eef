package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/seed-43fb3962/sstream/fetch"
	"github.com/seed-43fb3962/sstream/lint"
	"github.com/seed-43fb3962/sstream/store"
)

func newLintCommand(a *app) *cobra.Command {
	var clients []string
	var asJSON bool
	var o lint.Options
	cmd := &cobra.Command{
		Use:   "lint DIR|URL",
		Short: "Say what each client would refuse, hide or fail to fetch",
		Long: `lint reads a tree as its clients do and says what each makes of it:

  refused  the client reads nothing of the tree, or of the document
  hidden   the client does not show it, and does not say so
  broken   the client shows it and cannot use it
  note     nothing is lost

The exit code is 1 if there is anything but notes. Of a directory it is also told which files are missing or of another
size than is listed.

` + exitHelp,
		Example: `  sstream lint /srv/images
  sstream lint https://images.example.com/ --for lxd,incus
  sstream lint /srv/maas --for maas --json`,
		Args: exactly("DIR|URL"),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if o.Clients, err = lint.ParseClients(clients); err != nil {
				return usageError("--for: %v", err)
			}
			src, err := openTree(args[0])
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, src.Close()) }()
			findings, err := lint.Check(cmd.Context(), src, o)
			if err != nil {
				return err
			}
			return a.tellFindings(findings, asJSON)
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&clients, "for", []string{"lxd", "incus"}, "`clients` to ask for: lxd, incus, maas, juju, multipass, python")
	f.StringVar(&o.Index, "path", "streams/v1/index.json", "`path` of the index")
	f.BoolVar(&o.NoFiles, "no-files", false, "do not look whether the files are there")
	f.BoolVar(&asJSON, "json", false, "say it in JSON")
	return cmd
}

// openedTree is a tree that has to be closed.
type openedTree interface {
	store.Source
	Close() error
}

// openTree opens a directory, or a tree on a server.
func openTree(place string) (openedTree, error) {
	if strings.Contains(place, "://") {
		m, err := fetch.Open(place, fetch.Options{})
		if err != nil {
			return nil, err
		}
		return m, nil
	}
	return store.OpenDir(place, store.DirOptions{})
}

func (a *app) tellFindings(findings []lint.Finding, asJSON bool) error {
	bad := 0
	for _, f := range findings {
		if f.Level != lint.Note {
			bad++
		}
		if asJSON {
			continue
		}
		if _, err := fmt.Fprintln(a.stdout, printable(f.String())); err != nil {
			return err
		}
	}
	if asJSON {
		if findings == nil {
			findings = []lint.Finding{}
		}
		if err := a.tellJSON(findings); err != nil {
			return err
		}
	}
	if bad > 0 {
		return fmt.Errorf("%s found", count(bad, "fault was", "faults were"))
	}
	return nil
}
