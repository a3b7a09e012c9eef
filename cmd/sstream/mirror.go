package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/seed-43fb3962/sstream/mirror"
	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/store/swift"
	"github.com/seed-43fb3962/sstream/streams"
)

// mirrorFlags is one call of sstream mirror.
type mirrorFlags struct {
	sourceFlags
	signer    signerFlags
	max       maximum
	keep      bool
	noItems   bool
	dryRun    bool
	progress  bool
	unchecked bool

	jobs          int
	grace         time.Duration
	maxDelete     string
	metadata      string
	plan          string
	useDeltas     bool
	seeds         []string
	allowRollback bool
	wait          time.Duration
	cloud         string
}

func newMirrorCommand(a *app) *cobra.Command {
	m := &mirrorFlags{}
	cmd := &cobra.Command{
		Use:   "mirror SOURCE TARGET [FILTER...]",
		Short: "Mirror a stream into a directory or an object store",
		Long: `Mirror a stream into a directory or an object store.

SOURCE is a directory or the URL of a mirror, or of a document there (…/streams/v1/index.json). TARGET is a directory, or
swift://CONTAINER/PREFIX in the object store of the cloud that the environment (OS_*) or --os-cloud names. Only items for
which every FILTER holds are mirrored: key=value, key!=value, key~regexp or key!~regexp, over the fields of an item and what
lies above it, as arch, release, ftype, product_name, version_name, item_name. Several runs with other filters into one
TARGET add up.

Files come first, then all documents as one, then old files go: what is published lists no file that is yet to come. The
source's own documents list also what FILTER and --max leave out; --metadata=trimmed publishes what is held only.

With --use-deltas an image is made of one that TARGET holds or is about to hold and of a delta between the two, if the
stream lists one (an item with delta_base) that saves reading bytes. It is checked as any other; what goes wrong is said,
and it is read whole.

` + exitHelp,
		Example: `  sstream mirror --max=1 https://images.maas.io/ephemeral-v3/stable /srv/maas 'arch=amd64' 'release~(jammy|noble)'
  sstream mirror --use-deltas --max=2 https://images.lxd.canonical.com /srv/lxd 'release=noble'
  sstream mirror --dry-run --path=streams/v1/index.json examples/foocloud/ my.out`,
	}
	m.add(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return m.main(cmd.Context(), a, args) }
	return cmd
}

// newOldMirrorCommand is sstream-mirror. It is do-mirror as well, whose third word may be the document to begin with.
func newOldMirrorCommand(name string) func(*app) *cobra.Command {
	return func(a *app) *cobra.Command {
		m := &mirrorFlags{sourceFlags: sourceFlags{old: true}}
		cmd := &cobra.Command{
			Use:   name + " [OPTION...] SOURCE_MIRROR OUTPUT_D [FILTER...]",
			Short: "Mirror a stream into a directory (now: sstream mirror)",
			Long:  "Mirror a stream into a directory, with the command line of the Python tool. See also: sstream mirror --help.\n\nExit codes: 0 done, 1 failed, 2 wrong usage.",
			Example: `  sstream-mirror --keyring=/usr/share/keyrings/ubuntu-cloudimage-keyring.gpg https://images.maas.io/ephemeral-v3/stable DIR 'arch=amd64' --max=1 --progress
  sstream-mirror --path=streams/v1/index.json examples/foocloud/ my.out`,
		}
		m.add(cmd.Flags())
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			if name == "do-mirror" && len(args) > 2 && m.path == "" && strings.Contains(args[2], "/") {
				m.path, args = args[2], append(args[:2:2], args[3:]...)
			}
			return m.main(cmd.Context(), a, args)
		}
		return cmd
	}
}

func (m *mirrorFlags) add(f *pflag.FlagSet) {
	m.sourceFlags.add(f, true)
	f.Var(&m.max, "max", "keep at most this `number` of versions of a product")
	f.BoolVar(&m.keep, "keep", false, "keep versions that left the source, up to --max")
	f.BoolVar(&m.noItems, "no-item-download", false, "mirror the documents only")
	f.BoolVar(&m.dryRun, "dry-run", false, "only say what would be done")
	f.BoolVar(&m.progress, "progress", false, "show the progress of downloads")
	f.BoolVar(&m.unchecked, "no-checksumming-reader", false, "take items that have no size or checksum")
	grace, graceText := 90*time.Minute, "keep files that nothing lists any more for so long, as clients cache documents"
	if m.old {
		grace = 0
	}
	addNew(f, func(f *pflag.FlagSet) {
		f.IntVar(&m.jobs, "jobs", 4, "items to read at once")
		f.DurationVar(&m.grace, "grace", grace, graceText)
		f.StringVar(&m.maxDelete, "max-delete", "", "refuse to remove more items than `N` or N%")
		f.StringVar(&m.metadata, "metadata", "verbatim", "publish the source's own documents (verbatim), or `kind` trimmed: what is held and nothing else")
		m.signer.add(f)
		f.StringVar(&m.plan, "plan", "", "print the plan in this `format` (json) on stdout")
		f.BoolVar(&m.useDeltas, "use-deltas", false, "make images of deltas and of older images, where that saves reading them")
		f.StringArrayVar(&m.seeds, "seed", nil, "`directory` to take files from whose size and checksum are right (repeatable)")
		f.BoolVar(&m.allowRollback, "allow-rollback", false, "take a stream that is older than what was mirrored before")
		f.StringVar(&m.cloud, "os-cloud", "", "`name` of the cloud in clouds.yaml that swift:// is in (default: that of the environment)")
		f.DurationVar(&m.wait, "wait", 0, "wait so long for another run on the same target to end")
	})
}

// maximum is the value of --max, nil if it was not given.
type maximum struct{ n *int }

func (m *maximum) String() string {
	if m.n == nil {
		return ""
	}
	return fmt.Sprint(*m.n)
}

const maximumType = "number"

func (m *maximum) Type() string { return maximumType }

func (m *maximum) Set(text string) error {
	var n int
	if _, err := fmt.Sscanf(text+"\n", "%d\n", &n); err != nil {
		return fmt.Errorf("invalid int value: %q", text)
	}
	m.n = &n
	return nil
}

func (m *mirrorFlags) main(ctx context.Context, a *app, args []string) error {
	if len(args) < 2 || args[0] == "" || args[1] == "" {
		return usageError("a source and a target are needed")
	}
	o, err := m.options(a, args[2:])
	if err != nil {
		return err
	}
	log, done, err := m.logger(a, m.quiet())
	if err != nil {
		return err
	}
	o.Log = log
	o.Anew = log.Enabled(ctx, slog.LevelInfo) // showPlan names every product
	err = m.run(ctx, a, args[0], args[1], o)
	for tries := 1; tries < 10 && errors.Is(err, store.ErrRemoved); tries++ { // the run that was waited for had made the target, in vain
		err = m.run(ctx, a, args[0], args[1], o)
	}
	return errors.Join(err, done())
}

func (m *mirrorFlags) options(a *app, filters []string) (o mirror.Options, err error) {
	list, err := parseFilters(filters, m.old)
	if err != nil {
		return o, err
	}
	if len(list) > 0 {
		o.Plan.Item = func(e *streams.Entity) (bool, error) { return list.Match(e.Get) }
		o.Wanted = fmt.Sprintf("%q", filters)
	}
	o.Plan.Max, o.Plan.Keep, o.Plan.RemoveProducts = m.max.n, m.keep, !m.old
	o.NoItems, o.Unchecked, o.Jobs, o.Grace = m.noItems, m.unchecked, m.jobs, m.grace
	o.UseDeltas, o.Seeds, o.AllowRollback, o.ReadOnly, o.Wait = m.useDeltas, m.seeds, m.allowRollback, m.dryRun, m.wait
	if m.keep && m.max.n == nil {
		return o, wrongUsage(m.old, errors.New("--keep needs --max: say how many versions are to be kept"))
	}
	for _, dir := range m.seeds {
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			return o, usageError("--seed: there is no directory %s", dir)
		}
	}
	if m.maxDelete != "" {
		if o.MaxDelete, err = mirror.ParseLimit(m.maxDelete); err != nil {
			return o, usageError("--max-delete: %w", err)
		}
	}
	switch m.metadata {
	case "verbatim":
	case "trimmed":
		o.Metadata = mirror.Trimmed
	default:
		return o, usageError("--metadata is verbatim or trimmed, not %q", m.metadata)
	}
	if m.plan != "" && m.plan != "json" {
		return o, usageError("--plan knows json only, not %q", m.plan)
	}
	if m.signer.key != "" || m.signer.command != "" {
		if o.Metadata != mirror.Trimmed {
			return o, usageError("signing needs --metadata=trimmed: verbatim documents keep the source's signatures")
		}
		if o.Signer, err = m.signer.open(a); err != nil {
			return o, err
		}
	}
	return o, nil
}

func (m *mirrorFlags) run(ctx context.Context, a *app, source, target string, o mirror.Options) (err error) {
	collect := collectLate(a)
	dst, done, err := m.openTarget(ctx, a, target, o.Log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	src, path, err := m.open(a, source, o.Log, mirror.Published(dst))
	if err != nil {
		return err
	}
	defer src.Close()
	if sameDirectory(src.Dir(), target) {
		return usageError("the source and the target are the same directory: what is removed would be lost")
	}
	o.Path = path
	bar := newProgress(a, m.progress)
	defer bar.close()
	o.Progress = bar
	w, err := mirror.Prepare(ctx, src, dst, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	if err := m.showPlan(a, w, o.Log); err != nil {
		return err
	}
	if m.dryRun && m.old { // which never refused
		return nil
	}
	if m.dryRun {
		return w.Check(ctx)
	}
	busy := slices.ContainsFunc(w.Parts, func(p mirror.Part) bool { return !p.Plan.Empty() })
	if busy {
		collect(50) // what was read is held on to; there is little garbage from here on, but for a long time
	}
	report, err := w.Apply(ctx)
	if err != nil {
		return err
	}
	bar.close()
	m.showReport(a, report)
	return nil
}

func sameDirectory(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false // none, as of a server
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}

// openTarget opens the directory or the object store container to mirror into. A dry run makes neither.
func (m *mirrorFlags) openTarget(ctx context.Context, a *app, target string, log *slog.Logger) (dst store.Store, done func() error, err error) {
	none := func() error { return nil }
	if strings.HasPrefix(target, "swift://") {
		if m.useDeltas {
			return nil, nil, usageError("--use-deltas needs a directory: what a delta changes is read back and forth")
		}
		dst, err = a.openSwift(ctx, m.cloud, target, swift.Options{ReadACL: swift.PublicRead}, log)
		return dst, none, err
	}
	if strings.Contains(target, "://") {
		return nil, nil, usageError("cannot mirror into %q: it is neither a directory nor swift://CONTAINER/PREFIX", target)
	}
	_, missing := os.Lstat(target)
	d, err := store.OpenDir(target, store.DirOptions{Create: !m.dryRun})
	if errors.Is(err, fs.ErrNotExist) && m.dryRun {
		return new(store.Memory), none, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("target: %w", err)
	}
	return d, func() error {
		if missing != nil {
			removeUnused(d)
		}
		return d.Close()
	}, nil
}

// removeUnused removes a directory that a run has made and locked and put nothing into, unless another run has it by now.
func removeUnused(d *store.Dir) {
	if entries, err := os.ReadDir(d.Path()); err != nil || len(entries) > 1 {
		return
	}
	once, cancel := context.WithCancel(context.Background())
	cancel()
	unlock, err := d.Lock(once)
	if err != nil {
		return
	}
	ours := filepath.Join(d.Path(), ".sstream")
	if entries, err := os.ReadDir(ours); err == nil && len(entries) == 1 {
		_ = os.Remove(filepath.Join(ours, "lock"))
	}
	_ = os.Remove(ours)
	_ = os.Remove(d.Path())
	_ = unlock() // of what is gone, if it was unused
}
