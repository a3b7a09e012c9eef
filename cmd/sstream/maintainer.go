package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/seed-43fb3962/sstream/maintain"
	"github.com/seed-43fb3962/sstream/web"
)

// newMaintainerCommand is the command line of simplestream-maintainer: build and prune with its flags, its log and its
// exit codes, in which a version that was left out does not show.
func newMaintainerCommand(a *app) *cobra.Command {
	m := &maintainer{app: a}
	root := &cobra.Command{
		Use:               "simplestream-maintainer",
		Short:             "Simplestream server maintainer",
		Version:           "0.0.1",
		PersistentPreRunE: func(*cobra.Command, []string) error { return m.openLog() },
	}
	root.PersistentFlags().UintVar(&m.timeout, "timeout", 0, "Timeout in seconds")
	root.PersistentFlags().StringVar(&m.level, "loglevel", "info", "Log level")
	root.PersistentFlags().StringVar(&m.format, "logformat", "text", "Log format")
	root.AddGroup(&cobra.Group{ID: "main", Title: "Commands:"}, &cobra.Group{ID: "other", Title: "Other Commands:"})
	root.SetHelpCommandGroupID("other")
	root.SetCompletionCommandGroupID("other")
	for _, cmd := range []*cobra.Command{m.buildCommand(), m.pruneCommand()} {
		cmd.GroupID = "main"
		cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return m.refuse(err) })
		cmd.Flags().StringSliceVarP(&m.streams, "image-dir", "d", []string{"images"}, "Image directory (relative to path argument)")
		cmd.Flags().StringVar(&m.streamVersion, "stream-version", "v1", "Stream version")
		root.AddCommand(cmd)
	}
	return root
}

// maintainer is what the two commands share.
type maintainer struct {
	*app
	timeout       uint
	level, format string
	streams       []string
	streamVersion string
	log           *slog.Logger
}

func (m *maintainer) buildCommand() *cobra.Command {
	var workers int
	var page bool
	cmd := &cobra.Command{
		Use:   "build <path>",
		Short: "Build simplestream index on the given path",
		RunE: func(cmd *cobra.Command, args []string) error {
			return m.run(cmd, args, func(ctx context.Context, root string) error {
				if page && len(m.streams) > 1 {
					//lint:ignore ST1005 the old tool's words
					return errors.New("Building index.html is supported only for a single stream")
				}
				if err := os.MkdirAll(filepath.Join(root, "streams", m.streamVersion), 0o777); err != nil { // also if there is nothing to build
					return err
				}
				report, err := maintain.Build(ctx, root, maintain.Options{Streams: m.streams, StreamVersion: m.streamVersion,
					Workers: max(workers, 1), Differ: &maintain.VCDIFF{}, Publish: publishPlainly(root), Seed: true, Log: m.log})
				if err == nil && len(report.Failed) > 0 { // the others were built
					err = report.Failed[0]
				}
				if err != nil || !page {
					return err
				}
				return writePage(ctx, root, report, web.Config{Title: "LXD Images", Remote: "images", Stale: 8}, false)
			})
		},
	}
	cmd.Flags().BoolVar(&page, "build-webpage", false, "Build index.html")
	cmd.Flags().IntVar(&workers, "workers", max(runtime.NumCPU()/2, 1), "Maximum number of concurrent operations")
	return cmd
}

func (m *maintainer) pruneCommand() *cobra.Command {
	var r maintain.Retention
	cmd := &cobra.Command{
		Use:   "prune <path>",
		Short: "Prune product versions",
		Long:  "Prune product versions except for latest retaining only the specific number of latest ones.",
		RunE: func(cmd *cobra.Command, args []string) error {
			return m.run(cmd, args, func(ctx context.Context, root string) error {
				if r.Builds < 1 {
					//lint:ignore ST1005 the old tool's words
					return errors.New("At least 1 product version build must be retained")
				}
				_, err := maintain.Prune(ctx, root, maintain.PruneOptions{Retention: r, Streams: m.streams,
					StreamVersion: m.streamVersion, Publish: publishPlainly(root), Seed: true, Log: m.log})
				return err
			})
		},
	}
	cmd.Flags().BoolVar(&r.Dangling, "dangling", false, "Remove dangling product versions (not referenced from any product catalog)")
	cmd.Flags().IntVar(&r.Builds, "retain-builds", 10, "Maximum number of product versions to retain")
	cmd.Flags().IntVar(&r.Days, "retain-days", 0, "Maximum number of days to retain any product version")
	return cmd
}

// run calls work with the root directory and the timeout; what goes wrong is logged.
func (m *maintainer) run(cmd *cobra.Command, args []string, work func(ctx context.Context, root string) error) error {
	collectLate(m.app)
	ctx := cmd.Context()
	if m.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(min(uint64(m.timeout), math.MaxInt64/uint64(time.Second)))*time.Second)
		defer cancel()
	}
	//lint:ignore ST1005 the old tool's words
	err := errors.New(`Argument "path" is required and cannot be empty`)
	if len(args) > 0 && args[0] != "" {
		if err = m.checkStreamVersion(); err == nil {
			err = work(ctx, args[0])
		}
	}
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	for line := range strings.Lines(err.Error()) { // one for each stream
		m.log.Error(strings.TrimSuffix(line, "\n"))
	}
	return &exitError{code: exitFailed}
}

// checkStreamVersion takes "v1/" for "v1", and refuses what leads out of streams/.
func (m *maintainer) checkStreamVersion() error {
	v := path.Clean(m.streamVersion)
	if !fs.ValidPath(v) {
		return fmt.Errorf("--stream-version: %q is not the name of a directory", m.streamVersion)
	}
	m.streamVersion = v
	return nil
}

// refuse says what is wrong with the command line before there is a log.
func (m *maintainer) refuse(err error) error {
	fmt.Fprintf(m.stderr, "%s ERROR %s\n", time.Now().Format("2006/01/02 15:04:05"), err)
	return &exitError{code: exitFailed}
}

// openLog makes the log, or says why not as simplestream-maintainer does.
func (m *maintainer) openLog() error {
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
	level, ok := levels[strings.ToLower(m.level)]
	if !ok {
		fmt.Fprintf(m.stderr, "Error: Invalid log level %q. Valid log levels are: [debug, info, warn, error]\n", m.level)
		return &exitError{code: exitFailed}
	}
	handlers := map[string]func(io.Writer, *slog.HandlerOptions) slog.Handler{
		"text": func(w io.Writer, o *slog.HandlerOptions) slog.Handler { return slog.NewTextHandler(w, o) },
		"json": func(w io.Writer, o *slog.HandlerOptions) slog.Handler { return slog.NewJSONHandler(w, o) },
	}
	handler, ok := handlers[strings.ToLower(m.format)]
	if !ok {
		fmt.Fprintf(m.stderr, "Error: Invalid log format %q. Valid log formats are: [text, json]\n", m.format)
		return &exitError{code: exitFailed}
	}
	m.log = slog.New(handler(m.stderr, &slog.HandlerOptions{Level: level}))
	return nil
}
