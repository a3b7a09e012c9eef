package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/seed-43fb3962/sstream/lint"
	"github.com/seed-43fb3962/sstream/maintain"
	"github.com/seed-43fb3962/sstream/streams"
)

// treeFlags are what build, prune and their like have in common.
type treeFlags struct {
	streams       []string
	streamVersion string
	json          bool
	timeout       time.Duration
	level, format string
	sign          bool
	signer        signerFlags
}

func (t *treeFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringSliceVarP(&t.streams, "image-dir", "d", []string{"images"}, "stream: a `directory` of images below ROOT; may be repeated")
	f.StringVar(&t.streamVersion, "stream-version", "v1", "`directory` below streams/ that the documents are in")
	f.BoolVar(&t.json, "json", false, "say in JSON what was done")
	f.DurationVar(&t.timeout, "timeout", 0, "stop after this time; 0: never")
	f.StringVar(&t.level, "loglevel", "info", "what is logged on stderr: debug, info, warn or error")
	f.StringVar(&t.format, "logformat", "text", "how: text or json")
	f.BoolVar(&t.sign, "sign", false, "sign the documents; so does each of the options for signing")
	t.signer.add(f)
}

// publisher returns what publishes the documents, and whether it signs them.
func (t *treeFlags) publisher(a *app, root string) (publish func(context.Context, map[string][]byte) error, signed bool, err error) {
	if !t.sign && t.signer.key == "" && t.signer.command == "" {
		return publishInto(root, nil), false, nil
	}
	signer, err := t.signer.open(a)
	if err != nil {
		return nil, false, err
	}
	return publishInto(root, signer), true, nil
}

// context returns one that ends with the timeout.
func (t *treeFlags) context(cmd *cobra.Command) (context.Context, context.CancelFunc) {
	if t.timeout <= 0 {
		return context.WithCancel(cmd.Context())
	}
	return context.WithTimeout(cmd.Context(), t.timeout)
}

// log makes the log that the flags ask for.
func (t *treeFlags) log(w io.Writer) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(t.level)); err != nil {
		return nil, usageError("--loglevel: %q is not debug, info, warn or error", t.level)
	}
	o := &slog.HandlerOptions{Level: level}
	switch t.format {
	case "text":
		return slog.New(slog.NewTextHandler(w, o)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, o)), nil
	}
	return nil, usageError("--logformat: %q is neither text nor json", t.format)
}

func newBuildCommand(a *app) *cobra.Command {
	var t treeFlags
	var o maintain.Options
	var clients, deltas []string
	var tool string
	var page pageFlags
	cmd := &cobra.Command{
		Use:   "build ROOT",
		Short: "Make a stream of a directory of images",
		Long: `build lists the images below ROOT in ROOT/streams/v1/index.json and the product files that it leads to.

A version of an image is a directory ROOT/images/DISTRO/RELEASE/ARCH/VARIANT/VERSION/ with lxd.tar.xz or incus.tar.xz and
at least one *.squashfs or *.qcow2. A version whose name begins with a dot is passed over: upload into such a directory
and rename it when it is whole. SHA256SUMS is verified if there is one; image.yaml (or images.yaml) may name the
distribution, further aliases and requirements in a section simplestream.

Each file is read once, when it is new or has changed. Deltas are made between each version and the one before it, and
listed once they are known to work. The documents are replaced when everything is ready. A version that is not right is
left out and reported; versions that are gone from the disk leave the documents.

` + exitHelp,
		Example: `  sstream build /srv/images
  sstream build /srv/images -d images -d images-daily --clients lxd
  sstream build /srv/images --deltas none --build-webpage`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			o.Streams, o.StreamVersion = t.streams, t.streamVersion
			if o.Publish, o.Signed, err = t.publisher(a, args[0]); err != nil {
				return err
			}
			if o.Log, err = t.log(a.stderr); err != nil {
				return err
			}
			if o.Clients, err = maintain.ParseClients(clients); err != nil {
				return usageError("--clients: %v", err)
			}
			if o.Differ, err = differ(tool); err != nil {
				return err
			}
			if o.Deltas, err = deltaKinds(deltas); err != nil {
				return err
			}
			if len(o.Deltas) == 0 {
				o.Differ = nil
			}
			look, err := page.read()
			if err != nil {
				return err
			}
			ctx, cancel := t.context(cmd)
			defer cancel()
			report, err := maintain.Build(ctx, args[0], o)
			if err == nil && page.wanted {
				err = writePage(ctx, args[0], report, look, true)
			}
			if err != nil {
				return err
			}
			report.Warnings = append(report.Warnings, unseen(report, o.Clients)...)
			return a.tellBuild(report, t.json)
		},
	}
	t.add(cmd)
	f := cmd.Flags()
	f.IntVar(&o.Workers, "workers", 0, "how many files are read, or deltas made, at a time; 0: one a processor")
	f.StringSliceVar(&clients, "clients", []string{"lxd", "incus"}, "for `whom` images are listed: lxd, incus")
	f.StringSliceVar(&deltas, "deltas", []string{"squashfs"}, "`kinds` of deltas: squashfs, disk (never beside incus), none")
	f.StringVar(&tool, "delta-tool", "vcdiff", "what makes deltas: vcdiff (built in) or xdelta3 (the `program`)")
	page.add(f)
	f.BoolVar(&o.Rebuild, "rebuild", false, "start over if the documents that are there cannot be read")
	return cmd
}

// unseen warns of new versions that clients do not show, and do not say so.
func unseen(r *maintain.Report, clients []maintain.Client) []maintain.Problem {
	var warnings []maintain.Problem
	for _, s := range r.Streams {
		for _, ref := range s.Added {
			warn := func(format string, args ...any) {
				warnings = append(warnings, maintain.Problem{Stream: s.Name, Product: ref.Product, Version: ref.Version,
					Path: ref.String(), Err: fmt.Errorf(format, args...)})
			}
			if fault := lint.VersionFault(ref.Version); fault != "" {
				warn("clients do not show it: %s", fault)
			}
			product, _ := s.Products.Products.Get(ref.Product)
			for _, c := range clients {
				if arch := product.Str("arch"); !lint.KnownArch(lint.Client(c), arch) {
					warn("%s does not show it: it does not know the architecture %q", c, arch)
				}
			}
		}
	}
	return warnings
}

func differ(tool string) (maintain.Differ, error) {
	switch tool {
	case "vcdiff":
		var d maintain.VCDIFF
		d.Options.MaxRatio = 1
		return d, nil
	case "xdelta3":
		return maintain.Xdelta3{}, nil
	}
	return nil, usageError("--delta-tool: %q is neither vcdiff nor xdelta3", tool)
}

// deltaKinds returns the ftypes of the roots that deltas are made of.
func deltaKinds(names []string) ([]string, error) {
	ftypes := map[string]string{"squashfs": "squashfs", "disk": "disk-kvm.img"}
	var kinds []string
	for _, name := range names {
		if name == "none" && len(names) == 1 {
			return nil, nil
		}
		ftype, ok := ftypes[name]
		if !ok {
			return nil, usageError("--deltas: %q is neither squashfs nor disk, or none alone", name)
		}
		if !slices.Contains(kinds, ftype) {
			kinds = append(kinds, ftype)
		}
	}
	return kinds, nil
}

// tellBuild says what a build did, and returns the error for one that left something out.
func (a *app) tellBuild(r *maintain.Report, asJSON bool) error {
	if asJSON {
		if err := a.tellJSON(buildSummary(r)); err != nil {
			return err
		}
	} else if err := a.tellText(r); err != nil {
		return err
	}
	if n := len(r.Problems); n > 0 {
		return &exitError{exitPart, fmt.Errorf("%s left out: see the log", count(n, "thing was", "things were"))}
	}
	return nil
}

func (a *app) tellText(r *maintain.Report) error {
	for _, w := range r.Warnings {
		if _, err := fmt.Fprintf(a.stderr, "warning: %v\n", w); err != nil {
			return err
		}
	}
	for _, s := range r.Streams {
		line := fmt.Sprintf("%s: %s, %s", s.Name, count(s.Products.Products.Len(), "product", "products"), count(s.Versions, "version", "versions"))
		for _, part := range []struct {
			n    int
			what string
		}{{len(s.Added), "new"}, {len(s.Removed), "removed"}, {len(s.Altered), "changed files"}, {s.Deltas, "deltas made"}} {
			if part.n > 0 {
				line += fmt.Sprintf(", %d %s", part.n, part.what)
			}
		}
		if _, err := fmt.Fprintln(a.stdout, line); err != nil {
			return err
		}
	}
	if !r.Changed {
		_, err := fmt.Fprintln(a.stdout, "nothing has changed")
		return err
	}
	return nil
}

func (a *app) tellJSON(x any) error {
	enc := json.NewEncoder(a.stdout)
	enc.SetIndent("", " ")
	return enc.Encode(x)
}

// buildSummary is a report as JSON has it.
func buildSummary(r *maintain.Report) any {
	type place struct {
		Path  string `json:"path"`
		Error string `json:"error"`
	}
	type stream struct {
		Name     string   `json:"name"`
		Products int      `json:"products"`
		Versions int      `json:"versions"`
		Added    []string `json:"added"`
		Removed  []string `json:"removed"`
		Altered  []string `json:"changed"`
		Deltas   int      `json:"deltas"`
	}
	type summary struct {
		Changed  bool     `json:"changed"`
		Streams  []stream `json:"streams"`
		Problems []place  `json:"problems"`
		Warnings []place  `json:"warnings"`
	}
	refs := func(list []streams.Ref) []string {
		out := make([]string, len(list))
		for i, ref := range list {
			out[i] = ref.String()
		}
		return out
	}
	places := func(list []maintain.Problem) []place {
		out := make([]place, len(list))
		for i, p := range list {
			out[i] = place{p.Path, p.Err.Error()}
		}
		return out
	}
	out := summary{r.Changed, []stream{}, places(r.Problems), places(r.Warnings)}
	for _, s := range r.Streams {
		out.Streams = append(out.Streams, stream{s.Name, s.Products.Products.Len(), s.Versions, refs(s.Added), refs(s.Removed), refs(s.Altered), s.Deltas})
	}
	return out
}

// count is "1 version" or "2 versions".
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
