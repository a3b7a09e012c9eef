package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/seed-43fb3962/sstream/maintain"
)

func newPruneCommand(a *app) *cobra.Command {
	var t treeFlags
	var o maintain.PruneOptions
	var pins []string
	var pinFile string
	cmd := &cobra.Command{
		Use:   "prune ROOT",
		Short: "Remove old versions of images from a stream",
		Long: `prune takes versions out of the documents below ROOT/streams and then deletes their directories.

Of each product the newest --retain-builds versions stay, unless they are older than --retain-days; the newest always
stays. Versions that are gone from the disk leave the documents. With --dangling, directories that are not listed are
deleted when nothing in them has changed for 6 hours.

Clients keep documents for up to an hour: what leaves them stays on disk for the --grace period, and a later run deletes
it. Empty directories of streams are removed. Nothing is deleted through a link, and nothing but versions.

` + exitHelp,
		Example: `  sstream prune /srv/images --retain-builds 3 --dangling
  sstream prune /srv/images --retain-days 30 --pin ubuntu:noble:amd64:cloud@20240505_1212
  sstream prune /srv/images --dry-run --json`,
		Args: exactly("ROOT"),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if o.Builds < 1 {
				return usageError("--retain-builds: at least 1 version has to stay")
			}
			o.Streams, o.StreamVersion = t.streams, t.streamVersion
			if o.Publish, _, err = t.publisher(a, args[0]); err != nil {
				return err
			}
			if o.Log, err = t.log(a.stderr); err != nil {
				return err
			}
			if o.Pins, err = readPins(pins, pinFile); err != nil {
				return err
			}
			ctx, cancel := t.context(cmd)
			defer cancel()
			plans, err := maintain.Prune(ctx, args[0], o)
			if told := a.tellPrune(plans, t.json); err == nil {
				err = told
			}
			return t.explain(err)
		},
	}
	t.add(cmd)
	f := cmd.Flags()
	f.IntVar(&o.Builds, "retain-builds", 10, "how many versions of a product stay at most")
	f.IntVar(&o.Days, "retain-days", 0, "how many days old a version may become; 0: any age")
	f.BoolVar(&o.Dangling, "dangling", false, "delete versions that are not listed")
	f.DurationVar(&o.Grace, "grace", 2*time.Hour, "how long versions stay on disk after they have left the documents")
	f.StringSliceVar(&pins, "pin", nil, "`product` or product@version that stays; may be repeated")
	f.StringVar(&pinFile, "pin-file", "", "`file` with a pin on each line; # begins a comment")
	f.IntVar(&o.MaxDelete, "max-delete", 0, "do nothing if more versions than this would go; 0: any number may")
	f.BoolVar(&o.DryRun, "dry-run", false, "only say what would be done")
	return cmd
}

// readPins collects the pins of the command line and of a file.
func readPins(texts []string, file string) ([]maintain.Pin, error) {
	if file != "" {
		body, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("cannot read pins: %w", err)
		}
		for line := range strings.Lines(string(body)) {
			line, _, _ = strings.Cut(line, "#")
			if line = strings.TrimSpace(line); line != "" {
				texts = append(texts, line)
			}
		}
	}
	var pins []maintain.Pin
	for _, text := range texts {
		p, err := maintain.ParsePin(text)
		if err != nil {
			return nil, usageError("%v", err)
		}
		pins = append(pins, p)
	}
	return pins, nil
}

// tellPrune says what a prune did, or would do if it was not carried out, and returns the error for one that could not delete everything.
func (a *app) tellPrune(plans []*maintain.PrunePlan, asJSON bool) error {
	failed := 0
	for _, p := range plans {
		failed += len(p.Failed)
	}
	if asJSON {
		if err := a.tellJSON(plans); err != nil {
			return err
		}
	} else if err := a.tellRemovals(plans); err != nil {
		return err
	}
	if failed > 0 {
		return &exitError{exitPart, fmt.Errorf("%s could not be deleted: see the log", count(failed, "directory", "directories"))}
	}
	return nil
}

func (a *app) tellRemovals(plans []*maintain.PrunePlan) error {
	for _, p := range plans {
		words := [3]string{"unlisted", "deleted", "to be deleted later"}
		if !p.Done {
			words = [3]string{"would unlist", "would delete", "would delete later"}
		}
		for i, list := range [][]maintain.Removal{p.Unlist, p.Delete, p.Retire} {
			for _, r := range list {
				if slices.ContainsFunc(p.Failed, func(f maintain.Problem) bool { return i == 1 && f.Path == r.Path }) {
					continue // the log says so
				}
				if _, err := fmt.Fprintf(a.stdout, "%s %s (%s)\n", words[i], r.Path, r.Reason); err != nil {
					return err
				}
			}
		}
		if len(p.Unlist)+len(p.Delete) == 0 {
			if _, err := fmt.Fprintf(a.stdout, "%s: nothing to prune\n", p.Stream); err != nil {
				return err
			}
		}
	}
	return nil
}
