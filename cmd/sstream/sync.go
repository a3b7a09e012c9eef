package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/seed-43fb3962/sstream/hooks"
	"github.com/seed-43fb3962/sstream/internal/python"
)

// syncFlags is one call of sstream sync.
type syncFlags struct {
	sourceFlags
	config  string
	hooks   map[string]*string // by the name of the hook
	max     maximum
	keep    bool
	skip    bool
	remove  bool
	jobs    int
	timeout time.Duration
	format  string
	unset   string
}

const syncHelp = `For every document, product, version and item of the mirror a command of yours is run, and told by its environment what it
is about: HOOK is the name of the hook, FIELDS lists the fields, and each field is a variable of its own, as $arch, $path
or $version_name. The hooks, in the order in which they run:

  filter_index_entry   is this products file wanted?           exit 0: yes, 1: no
  load_products        print what is there: PRODUCT VERSION a line, or with --load-format=json a products document
  filter_item, filter_product, filter_version                  exit 0: yes, 1: no
  insert_item          a new file: $path_local is a verified copy, which goes afterwards; $item_url is where it is
  insert_version       all items of a version were inserted
  remove_item, remove_version                                  what is there and wanted no more
  insert_product       a product was gone through
  remove_product       a product that is there has left the source; only with delete_products: true in the --config
  insert_products      all of a products file was gone through: $content_file_path is a copy of it
  insert_index_entry   the same, with the fields of the index's entry; only with a command of its own, never by the old name
  insert_index         all that an index leads to was gone through: $content_file_path is a copy of it

A command is run by sh. %(name)s in it stands for a field, always as one word, and %% for a percent sign. Only fields
whose name has a small letter become variables: PATH or LD_PRELOAD in a catalogue do nothing, neither does http_proxy.
Hooks run one at a time, but for insert_item with --jobs, each in a process group of its own, which is ended when the run
is interrupted.
`

func newSyncCommand(a *app) *cobra.Command {
	s := &syncFlags{}
	cmd := &cobra.Command{
		Use:   "sync [SOURCE]",
		Short: "Synchronise with a mirror by running commands of yours",
		Long: "Synchronise with a mirror by running commands of yours.\n\n" + syncHelp +
			"\n" + exitHelp + "\n141: a hook ended so, as its reader had gone.",
		Example: `  sstream sync --hook=tools/hook-debug --path=streams/v1/index.json examples/foocloud/
  sstream sync --hook-load-products=./held --hook-insert-item='upload %(path_local)s as %(pubname)s' --max=1 https://cloud-images.ubuntu.com/releases/
  sstream sync --config=sync.yaml`,
	}
	s.add(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return s.main(cmd.Context(), a, cmd.Flags(), args) }
	return cmd
}

// newOldSyncCommand is sstream-sync.
func newOldSyncCommand(a *app) *cobra.Command {
	s := &syncFlags{sourceFlags: sourceFlags{old: true}}
	cmd := &cobra.Command{
		Use:   "sstream-sync [OPTION...] MIRROR_URL",
		Short: "Synchronise with a mirror by running commands of yours (now: sstream sync)",
		Long: "Synchronise with a mirror by running commands of yours, with the command line of the Python tool: a hook is the name\n" +
			"of an executable file. See also: sstream sync --help.\n\n" + syncHelp + "\nExit codes: 0 done, 1 failed, 2 wrong usage, 141 as a hook did.",
		Example: `  sstream-sync --hook=tools/hook-debug --path=streams/v1/index.json examples/foocloud/`,
	}
	s.add(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return s.main(cmd.Context(), a, cmd.Flags(), args) }
	return cmd
}

func (s *syncFlags) add(f *pflag.FlagSet) {
	s.sourceFlags.add(f, false)
	s.hooks = map[string]*string{hooks.Default: f.String("hook", "", "`command` for every hook that has none of its own")}
	for _, name := range hooks.Names {
		s.hooks[name] = f.String(hookFlag(name), "", "`command` for "+name)
	}
	f.StringVarP(&s.config, "config", "c", "", "`file` with hooks and options, in YAML; what the command line says comes first")
	f.Var(&s.max, "max", "insert at most this `number` of versions of a product, the newest")
	f.BoolVar(&s.keep, "keep", false, "keep versions that left the source, up to --max")
	f.BoolVar(&s.skip, "item-skip-download", false, "run insert_item without a local copy")
	f.BoolVar(&s.remove, "delete", false, "remove versions that filter_version refuses and that are there")
	addNew(f, func(f *pflag.FlagSet) {
		f.StringArrayVar(&s.mirrors, "mirror", nil, "another `root` to read from when the source fails (repeatable)")
		f.IntVar(&s.jobs, "jobs", 1, "insert_item hooks of one version to run at once")
		f.DurationVar(&s.timeout, "hook-timeout", 0, "end a hook, and the run, that takes longer than this")
		f.StringVar(&s.format, "load-format", "", "what load_products prints: serial_list or json (default: serial_list)")
		f.StringVar(&s.unset, "unset-value", "", "`text` to put where a command names a field that is not there (default: that is an error)")
	})
}

// hookFlag is the option for a hook.
func hookFlag(name string) string {
	if name == hooks.Default {
		return "hook"
	}
	return "hook-" + strings.ReplaceAll(name, "_", "-")
}

func (s *syncFlags) main(ctx context.Context, a *app, f *pflag.FlagSet, args []string) error {
	switch {
	case len(args) == 0 && s.old:
		return usageError("one source is needed")
	case len(args) > 1:
		return usageError("unrecognized arguments: %s (a hook filter_item says which items are wanted)", strings.Join(args[1:], " "))
	}
	c, err := s.readConfig(a, f)
	if err != nil {
		return err
	}
	address := c.MirrorURL
	if len(args) == 1 {
		address = args[0]
	}
	if address == "" {
		return usageError("one source is needed")
	}
	if err := s.checkHooks(a, c.Commands); err != nil {
		return err
	}
	if s.keep && c.Max == nil && !s.old {
		return usageError("--keep needs --max: how many versions are to be kept")
	}
	if !slices.Contains([]hooks.LoadFormat{"", hooks.SerialList, hooks.JSON}, hooks.LoadFormat(s.format)) {
		return usageError("--load-format is %s or %s, not %q", hooks.SerialList, hooks.JSON, s.format)
	}
	log, done, err := s.logger(a, s.quiet())
	if err != nil {
		return err
	}
	c.Log = log
	err = errors.Join(s.run(ctx, a, address, c.Options), done())
	var exit *hooks.ExitError
	if errors.As(err, &exit) && exit.Code == hooks.SIGPIPE {
		return &exitError{code: hooks.SIGPIPE}
	}
	return err
}

func (s *syncFlags) run(ctx context.Context, a *app, address string, o hooks.Options) error {
	s.path = o.Path
	src, path, err := s.open(a, address, o.Log, nil)
	if err != nil {
		return err
	}
	defer src.Close()
	o.Path = path
	o.Stdin, o.Stdout, o.Stderr = hookStdin(a.stdin), a.stdout, a.stderr
	return hooks.Run(ctx, src, o)
}

// hookStdin is what hooks may read. Reading the terminal from a process group of their own would stop them.
func hookStdin(in io.Reader) io.Reader {
	if f, ok := in.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice == 0 {
			return f
		}
	}
	return nil
}

// readConfig returns the configuration file, if there is one, with what the command line says over it.
func (s *syncFlags) readConfig(a *app, f *pflag.FlagSet) (*hooks.Config, error) {
	var data []byte
	var err error
	if s.config != "" {
		if data, err = os.ReadFile(s.config); err != nil {
			return nil, usageError("cannot read the configuration: %w", err)
		}
	}
	c, err := hooks.ParseConfig(data)
	if err != nil {
		return nil, fmt.Errorf("cannot read the configuration %s: %w", s.config, err)
	}
	unknown := c.Unknown
	if s.old {
		unknown = c.Hidden
	}
	if len(unknown) > 0 {
		fmt.Fprintf(a.stderr, "WARN: unknown keys in config: %s\n", python.List(slices.Values(unknown)))
	}
	for name, command := range s.hooks {
		if f.Changed(hookFlag(name)) {
			c.Commands[name] = *command
		}
	}
	if s.old {
		delete(c.Commands, hooks.InsertIndexEntry) // it never ran
	}
	if s.path != "" {
		c.Path = s.path
	}
	if s.max.n != nil {
		c.Max = s.max.n
	}
	if s.format != "" {
		c.LoadFormat = hooks.LoadFormat(s.format)
	}
	if f.Changed("unset-value") {
		c.Unset = &s.unset
	}
	if s.old && c.Max == nil {
		c.Keep = false // a configuration that says so without a maximum never failed
	}
	c.Keep = c.Keep || s.keep
	c.SkipDownload = c.SkipDownload || s.skip
	c.RemoveUnwanted = c.RemoveUnwanted || s.remove
	c.Jobs, c.Timeout = s.jobs, s.timeout
	return c, nil
}

// checkHooks refuses what cannot work before anything is read.
func (s *syncFlags) checkHooks(a *app, commands map[string]string) error {
	if !s.old {
		if commands[hooks.LoadProducts] == "" && commands[hooks.Default] == "" {
			return usageError("a command for load_products is needed: --hook-load-products=true if nothing is there yet, or --hook for all hooks")
		}
		return nil
	}
	for _, name := range append([]string{hooks.Default}, hooks.Names[:]...) {
		if command := commands[name]; command != "" {
			if _, err := exec.LookPath(command); err != nil && !errors.Is(err, exec.ErrDot) {
				fmt.Fprintf(a.stderr, "invalid input for --%s. '%s' is not executable\n", hookFlag(name), command)
				return &exitError{code: exitFailed}
			}
		}
	}
	if commands[hooks.LoadProducts] == "" && commands[hooks.Default] == "" {
		fmt.Fprint(a.stderr, "must provide input for (--hook/hook for default):\n  cmdline '--hook-load-products' or cfgname 'load_products'\n")
		return &exitError{code: exitFailed}
	}
	return nil
}
