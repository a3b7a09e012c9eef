package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/seed-43fb3962/sstream/maintain"
	"github.com/seed-43fb3962/sstream/web"
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
	if v := t.streamVersion; v == "." || !fs.ValidPath(v) || strings.ContainsRune(v, '/') {
		return nil, false, usageError("--stream-version: %q is not the name of a directory", v)
	}
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

// explain returns err, in the user's words if it is because the time was over.
func (t *treeFlags) explain(err error) error {
	if t.timeout > 0 && errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("stopped: the --timeout of %v is over", t.timeout)
	}
	return err
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

// buildFlags are what all commands have in common that list images.
type buildFlags struct {
	treeFlags
	workers         int
	clients, deltas []string
	tool            string
	rebuild         bool
	page            pageFlags
	look            web.Config // of the page
}

func (b *buildFlags) add(cmd *cobra.Command) {
	b.treeFlags.add(cmd)
	f := cmd.Flags()
	f.IntVar(&b.workers, "workers", 0, "how many files are read, or deltas worked on, at a time; 0: one a processor")
	f.StringSliceVar(&b.clients, "clients", []string{"lxd", "incus"}, "for `whom` images are listed: lxd, incus")
	f.StringSliceVar(&b.deltas, "deltas", []string{"squashfs"}, "`kinds` of deltas: squashfs, disk (never beside incus), none")
	f.StringVar(&b.tool, "delta-tool", "vcdiff", "what makes deltas: vcdiff (built in) or xdelta3 (the `program`)")
	f.BoolVar(&b.rebuild, "rebuild", false, "start over if the documents that are there cannot be read")
	b.page.add(f)
}

// options returns what the flags ask for.
func (b *buildFlags) options(a *app, root string) (o maintain.Options, err error) {
	o = maintain.Options{Streams: b.streams, StreamVersion: b.streamVersion, Workers: b.workers, Rebuild: b.rebuild}
	if o.Clients, err = maintain.ParseClients(b.clients); err != nil {
		return o, usageError("--clients: %v", err)
	}
	if o.Deltas, err = deltaKinds(b.deltas); err != nil {
		return o, err
	}
	if o.Differ, err = differ(b.tool); err != nil {
		return o, err
	}
	if len(o.Deltas) == 0 {
		o.Differ = nil
	}
	if o.Log, err = b.log(a.stderr); err != nil {
		return o, err
	}
	if b.look, err = b.page.read(); err != nil {
		return o, err
	}
	o.Publish, o.Signed, err = b.publisher(a, root)
	return o, err
}

// finish writes the page of what was built, if one is asked for, and says what was done.
func (b *buildFlags) finish(ctx context.Context, a *app, root string, report *maintain.Report, err error) error {
	if err == nil && b.page.wanted {
		err = writePage(ctx, root, report, b.look, true)
	}
	if err != nil {
		return b.explain(err)
	}
	return a.tellBuild(report, b.json)
}

func newBuildCommand(a *app) *cobra.Command {
	var b buildFlags
	var watch bool
	var settle time.Duration
	cmd := &cobra.Command{
		Use:   "build ROOT",
		Short: "Make a stream of a directory of images",
		Long: `build lists the images below ROOT in ROOT/streams/v1/index.json and the product files that it leads to.

A version of an image is a directory ROOT/images/DISTRO/RELEASE/ARCH/VARIANT/VERSION/ with lxd.tar.xz or incus.tar.xz and
at least one *.squashfs or *.qcow2. A version whose name begins with a dot is passed over: upload into such a directory
and rename it when it is whole. SHA256SUMS is verified if there is one; image.yaml (or images.yaml) may name the
distribution, further aliases and requirements in a section simplestream.

Each file is read once, when it is new or has changed. Deltas are made between each version and the one before it, one at
a time with up to 256 MiB of memory, and listed once they are known to work; one that has more than four fifths of its
target's size is left out. The documents are replaced when everything is ready. A version that is not right is left out
and reported; versions that are gone from the disk leave the documents.

With --watch the command stays and builds again whenever images come or go, until it is interrupted.

` + exitHelp,
		Example: `  sstream build /srv/images
  sstream build /srv/images -d images -d images-daily --clients lxd
  sstream build /srv/images --deltas none --build-webpage`,
		Args: exactly("ROOT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			collectLate(a)
			o, err := b.options(a, args[0])
			if err != nil {
				return err
			}
			ctx, cancel := b.context(cmd)
			defer cancel()
			if watch {
				return b.watch(ctx, a, args[0], o, settle)
			}
			report, err := maintain.Build(ctx, args[0], o)
			return b.finish(ctx, a, args[0], report, err)
		},
	}
	b.add(cmd)
	cmd.Flags().BoolVar(&watch, "watch", false, "stay, and build again whenever images come or go")
	cmd.Flags().DurationVar(&settle, "settle", 5*time.Second, "with --watch: how long nothing may change before a build")
	return cmd
}

// watch builds again and again until ctx is done. A build that fails is reported, and the next one may do better.
func (b *buildFlags) watch(ctx context.Context, a *app, root string, o maintain.Options, settle time.Duration) error {
	return maintain.Watch(ctx, root, o.Streams, settle, func(ctx context.Context) error {
		report, err := maintain.Build(ctx, root, o)
		if err := b.finish(ctx, a, root, report, err); err != nil && ctx.Err() == nil {
			o.Log.Error("The build failed", "error", err)
		}
		return nil
	})
}

// worthPublishing is the part of its target that a delta may have: one that saves less costs more than it is worth.
const worthPublishing = 0.8

func differ(tool string) (maintain.Differ, error) {
	switch tool {
	case "vcdiff":
		var d maintain.VCDIFF
		d.Options.MaxRatio = worthPublishing
		return &d, nil
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
