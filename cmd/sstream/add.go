package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/seed-43fb3962/sstream/maintain"
)

func newAddCommand(a *app) *cobra.Command {
	var b buildFlags
	var root string
	var image maintain.Image
	cmd := &cobra.Command{
		Use:   "add METADATA [DISK]",
		Short: "Put an image into a stream",
		Long: `add copies an image to where it belongs below the root of a stream and lists it for LXD and Incus.

METADATA is the tarball with metadata.yaml; DISK is the squashfs or the qcow2. If METADATA holds the root file system
too, it stands alone. The image's own metadata says where it belongs, unless options do; its version is the time at which
it was made. Further aliases are kept in image.yaml beside the image.

` + exitHelp,
		Example: `  sstream add incus.tar.xz rootfs.squashfs --root /srv/images --alias web
  sstream add lxd.tar.xz disk.qcow2 --os ubuntu --release noble --variant desktop`,
		Args: between(1, 2, "METADATA"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(b.streams) != 1 {
				return usageError("--image-dir: an image is added to one stream")
			}
			o, err := b.options(a, root)
			if err != nil {
				return err
			}
			image.Metadata, image.Stream = args[0], b.streams[0]
			if len(args) > 1 {
				image.Root = args[1]
			}
			ctx, cancel := b.context(cmd)
			defer cancel()
			dir, err := maintain.Add(ctx, root, image)
			if err != nil {
				return err
			}
			if !b.json {
				if _, err := fmt.Fprintln(a.stdout, "added", dir); err != nil {
					return err
				}
			}
			report, err := maintain.Build(ctx, root, o)
			return b.finish(ctx, a, root, report, err)
		},
	}
	b.add(cmd)
	f := cmd.Flags()
	f.StringVar(&root, "root", ".", "`directory` of the stream")
	f.StringSliceVar(&image.Aliases, "alias", nil, "further `name` of the image; may be repeated")
	f.BoolVar(&image.OnlyAliases, "no-default-alias", false, "do not name the image after its distribution, release and variant")
	f.StringVar(&image.Distro, "os", "", "distribution (default: what the metadata says)")
	f.StringVar(&image.Release, "release", "", "release (default: what the metadata says)")
	f.StringVar(&image.Arch, "arch", "", "architecture (default: what the metadata says)")
	f.StringVar(&image.Variant, "variant", "", "variant (default: what the metadata says, or \"default\")")
	f.StringVar(&image.Version, "version", "", "version (default: when the image was made, as YYYYMMDD_hhmm)")
	return cmd
}

func newRemoveCommand(a *app) *cobra.Command {
	var b buildFlags
	var root string
	cmd := &cobra.Command{
		Use:   "remove FINGERPRINT",
		Short: "Take an image out of a stream and delete its files",
		Long: `remove takes the image with that fingerprint, of which the first 12 digits are enough, out of the documents and then
deletes its files: its version, or only its root file system with the deltas that make it if the version holds another
image too. Should it be interrupted, the next prune deletes what is left.

` + exitHelp,
		Example: `  sstream remove 3f53ad56f5b2 --root /srv/images
  sstream list --root /srv/images && sstream remove 3f53ad56f5b2 --root /srv/images`,
		Args: exactly("FINGERPRINT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o, err := b.options(a, root)
			if err != nil {
				return err
			}
			ctx, cancel := b.context(cmd)
			defer cancel()
			report, err := maintain.Remove(ctx, root, o, args[0])
			return b.finish(ctx, a, root, report, err)
		},
	}
	b.add(cmd)
	cmd.Flags().StringVar(&root, "root", ".", "`directory` of the stream")
	return cmd
}
