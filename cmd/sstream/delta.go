package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/seed-43fb3962/sstream/vcdiff"
)

// newDeltaCommand is the group of commands about deltas between two files.
func newDeltaCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "delta COMMAND",
		Short: "Make, apply and look into deltas between image versions",
		Long: `Make, apply and look into deltas between two versions of an image, in the VCDIFF format (RFC 3284).

A delta that is made here is applied by 'xdelta3 -d' as LXD and Incus call it, and one that 'xdelta3 -e' makes is applied
here. Neither direction needs xdelta3.`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newDeltaEncodeCommand(a), newDeltaDecodeCommand(a), newDeltaInfoCommand(a))
	return cmd
}

func newDeltaEncodeCommand(a *app) *cobra.Command {
	var o vcdiff.Options
	var memory int64
	var noLZMA, noVerify bool
	cmd := &cobra.Command{
		Use:   "encode SOURCE TARGET DELTA",
		Short: "Make the delta that leads from one file to another",
		Long: `Make DELTA, from which and SOURCE the content of TARGET can be had again.

DELTA appears only when it is complete, on disk, and was found to make TARGET: what is there under that name before stays
until then. Finding that out is about a sixth of the work; --no-verify leaves it to you. With --max-ratio nothing
appears if the delta would be larger than that part of TARGET, which is mostly known after a look at a few places; the
exit code is then 3.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not worthwhile, 130 interrupted.`,
		Example: `  # from one version of a container image to the next, the file name as simplestreams has it
  sstream delta encode 20260901/disk.squashfs 20260915/disk.squashfs 20260915/disk.20260901.vcdiff

  # no delta at all if it would save less than a fifth; two processors and 128 MiB are enough
  sstream delta encode --max-ratio 0.8 --workers 2 --memory 128 old.qcow2 new.qcow2 new.old.qcow2.vcdiff`,
		Args: exactly("SOURCE", "TARGET", "DELTA"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if memory > math.MaxInt64>>20 {
				return usageError("--memory: %d MiB are more than there can be", memory)
			}
			o.Memory, o.NoSecondary = memory<<20, noLZMA
			return a.encodeDelta(cmd.Context(), args[0], args[1], args[2], &o, !noVerify)
		},
	}
	cmd.Flags().IntVar(&o.Workers, "workers", 0, "processors to use (0: all)")
	cmd.Flags().Int64Var(&memory, "memory", 0, "most memory to use, in MiB (0: 256)")
	cmd.Flags().IntVar(&o.WindowSize, "window", 0, "bytes that a decoder makes at once, at most 16777216 (0: 8388608, less if the memory is little)")
	cmd.Flags().Float64Var(&o.MaxRatio, "max-ratio", 0, "make no delta larger than this part of TARGET (0: any)")
	cmd.Flags().BoolVar(&noVerify, "no-verify", false, "do not decode DELTA again before it appears")
	cmd.Flags().BoolVar(&noLZMA, "no-lzma", false, "for clients whose xdelta3 was built without liblzma")
	return cmd
}

func newDeltaDecodeCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "decode SOURCE DELTA TARGET",
		Short: "Apply a delta to the file that it was made from",
		Long: `Apply DELTA to SOURCE and write the result to TARGET, which appears when it is complete and on disk.
DELTA may be - for standard input, and TARGET may be - for standard output.

` + exitHelp,
		Example: `  sstream delta decode old.squashfs new.old.vcdiff new.squashfs

  # apply while it is fetched
  curl -sS https://images.example.org/new.old.vcdiff | sstream delta decode old.squashfs - new.squashfs`,
		Args: exactly("SOURCE", "DELTA", "TARGET"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.decodeDelta(cmd.Context(), args[0], args[1], args[2])
		},
	}
}

func newDeltaInfoCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "info DELTA",
		Short: "Say what is in a delta",
		Long: `Read all of DELTA, which may be - for standard input, and say what it makes, and of what.

` + exitHelp,
		Example: `  sstream delta info 20260915/disk.20260901.vcdiff

  curl -sS https://images.example.org/new.old.vcdiff | sstream delta info -`,
		Args: exactly("DELTA"),
		RunE: func(_ *cobra.Command, args []string) error { return a.deltaInfo(args[0]) },
	}
}

func (a *app) encodeDelta(ctx context.Context, source, target, delta string, o *vcdiff.Options, verify bool) error {
	src, srcSize, err := openSized(source)
	if err != nil {
		return err
	}
	defer src.Close()
	tgt, tgtSize, err := openSized(target)
	if err != nil {
		return err
	}
	defer tgt.Close()
	from, to := vcdiff.Map(src), vcdiff.Map(tgt)
	defer from.Close()
	defer to.Close()
	var stats vcdiff.Stats
	err = replaceFile(delta, func(f *os.File) error {
		if stats, err = vcdiff.NewEncoder(f, from, srcSize, o).Encode(ctx, to, tgtSize); err != nil {
			return err
		}
		if !verify {
			return nil
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return err
		}
		return vcdiff.Verify(ctx, from, f, to, tgtSize)
	})
	if errors.Is(err, vcdiff.ErrNotWorthwhile) {
		return &exitError{exitPart, fmt.Errorf("no delta written: %w", err)}
	} else if err != nil {
		return fmt.Errorf("cannot make %s: %w", delta, err)
	}
	_, err = fmt.Fprintf(a.stdout, "%s: %d bytes, %.2f %% of %d\n", delta, stats.Delta, 100*stats.Ratio(), stats.Target)
	return err
}

func (a *app) decodeDelta(ctx context.Context, source, delta, target string) error {
	src, _, err := openSized(source)
	if err != nil {
		return err
	}
	defer src.Close()
	d, err := a.openInput(delta)
	if err != nil {
		return err
	}
	defer d.Close()
	if target == "-" {
		_, err = vcdiff.Decode(ctx, a.stdout, src, d, nil)
	} else {
		err = replaceFile(target, func(f *os.File) error {
			_, err := vcdiff.Decode(ctx, f, src, d, nil)
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("cannot apply %s to %s: %w", delta, source, err)
	}
	return nil
}

func (a *app) deltaInfo(delta string) error {
	d, err := a.openInput(delta)
	if err != nil {
		return err
	}
	defer d.Close()
	info, err := vcdiff.Inspect(d)
	if err != nil {
		return fmt.Errorf("cannot read %s: %w", delta, err)
	}
	var b strings.Builder
	part := func(n int64) float64 { return 100 * float64(n) / float64(max(info.Target, 1)) }
	fmt.Fprintf(&b, "target:    %d bytes, in %d windows of at most %d, %d of them with checksums\n",
		info.Target, info.Windows, info.MaxWindow, info.Checksums)
	fmt.Fprintf(&b, "source:    at least %d bytes\n", info.SourceUsed)
	fmt.Fprintf(&b, "copied:    %d bytes (%.2f %%) in %d copies\n", info.Copied, part(info.Copied), info.Copies)
	fmt.Fprintf(&b, "repeated:  %d bytes (%.2f %%)\n", info.Repeated, part(info.Repeated))
	fmt.Fprintf(&b, "added:     %d bytes (%.2f %%)\n", info.Added, part(info.Added))
	fmt.Fprintf(&b, "sections:  data %d, instructions %d, addresses %d bytes\n",
		info.Data.Stored, info.Instructions.Stored, info.Addresses.Stored)
	fmt.Fprintf(&b, "secondary: %v, from data %d, instructions %d, addresses %d bytes\n", info.Secondary,
		info.Data.Size, info.Instructions.Size, info.Addresses.Size)
	if info.AppHeader != nil {
		fmt.Fprintf(&b, "header:    %q\n", info.AppHeader)
	}
	_, err = fmt.Fprint(a.stdout, b.String())
	return err
}

// openInput opens a file that is read once; - is standard input.
func (a *app) openInput(path string) (io.ReadCloser, error) {
	if path == "-" {
		return io.NopCloser(a.stdin), nil
	}
	return os.Open(path)
}

// openSized opens a regular file and says how long it is.
func openSized(path string) (*os.File, int64, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a fifo would keep it waiting
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s: not a regular file", path)
	}
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, info.Size(), nil
}

// replaceFile has write fill a new file and puts it, once it is on disk, in the place of path. If anything fails, path
// is as it was and nothing else is left. What is no file, as a device, a pipe or a directory, is not replaced.
func replaceFile(path string, write func(f *os.File) error) (err error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s: not a regular file", path)
	}
	name := filepath.Base(path)
	name = strings.ToValidUTF8(name[:min(len(name), 200)], "") // what is added to it has to fit into the 255 bytes of a name
	part := fmt.Sprintf(".%s.%016x.part", name, rand.Uint64())
	f, err := os.OpenFile(filepath.Join(filepath.Dir(path), part), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if err := write(f); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}
