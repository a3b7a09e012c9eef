package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/seed-43fb3962/sstream/glance"
	"github.com/seed-43fb3962/sstream/openstack"
	"github.com/seed-43fb3962/sstream/publish"
	"github.com/seed-43fb3962/sstream/sign"
	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/store/swift"
)

// glanceFlags is one call of sstream glance.
type glanceFlags struct {
	sourceFlags
	max         maximum
	keep        bool
	regions     []string
	outputDir   string
	outputSwift string
	namePrefix  string
	cloudName   string
	contentID   string
	modifyHook  string
	hypervisors bool
	progress    bool

	customProperties []string // key=value
	visibility       string
	importConversion bool
	latestProperty   bool

	osCloud string
	jobs    int
	dryRun  bool
	plan    string
	signer  signerFlags
}

func newGlanceCommand(a *app) *cobra.Command {
	g := &glanceFlags{}
	cmd := &cobra.Command{
		Use:   "glance --cloud-name=NAME --content-id=ID [OPTION...] SOURCE [FILTER...]",
		Short: "Mirror images into the image service of an OpenStack cloud",
		Long: `Mirror images into the image service (Glance) of an OpenStack cloud, and publish which image is which, for Juju and others,
as an image-ids stream in the cloud's object store (Swift) or in a directory.

The cloud is that of the environment, as an openrc file sets it, or one of clouds.yaml (--os-cloud). Without --region all
regions that have an image service are served; each is given its own images. Without a FILTER those are
` + strings.Join(glance.DefaultFilters, " ") + `.

An image is published once it is active and the service's checksum is right, and old images go after that. What an
interrupted run left is removed by the next.

` + exitHelp,
		Example: `  sstream glance --region=RegionOne --cloud-name=localcloud '--content-id=localcloud.%(region)s:partners' \
    --output-swift=published/ --max=1 --name-prefix=ubuntu/ https://cloud-images.ubuntu.com/releases/
  sstream glance --os-cloud=lab --dry-run --cloud-name=lab --content-id=lab:images https://cloud-images.ubuntu.com/daily/ 'release=noble' 'arch=amd64' 'ftype=disk1.img'`,
	}
	return g.complete(cmd, a)
}

// newOldGlanceCommand is sstream-mirror-glance.
func newOldGlanceCommand(a *app) *cobra.Command {
	g := &glanceFlags{}
	g.old = true
	cmd := &cobra.Command{
		Use:     "sstream-mirror-glance --cloud-name=NAME --content-id=ID [OPTION...] SOURCE_MIRROR [FILTER...]",
		Short:   "Mirror images into the image service of an OpenStack cloud (now: sstream glance)",
		Long:    "Mirror images into the image service of an OpenStack cloud, with the command line of the Python tool. See also: sstream glance --help.\n\nExit codes: 0 done, 1 failed, 2 wrong usage.",
		Example: `  sstream-mirror-glance --region=RegionOne --cloud-name=localcloud '--content-id=localcloud.%(region)s:partners' --output-swift=published/ --max=1 --name-prefix=ubuntu/ http://cloud-images.ubuntu.com/releases/`,
	}
	return g.complete(cmd, a)
}

func (g *glanceFlags) complete(cmd *cobra.Command, a *app) *cobra.Command {
	g.add(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return g.main(cmd.Context(), a, cmd, args) }
	return cmd
}

func (g *glanceFlags) add(f *pflag.FlagSet) {
	g.sourceFlags.add(f, true)
	f.Var(&g.max, "max", "keep at most this `number` of versions of a product")
	f.BoolVar(&g.keep, "keep", false, "keep versions that left the source, up to --max")
	f.StringArrayVar(&g.regions, "region", nil, "`region` to serve (repeatable; default: all with an image service)")
	f.StringVar(&g.outputDir, "output-dir", "", "publish below this `directory`, in one of each region's name")
	f.StringVar(&g.outputSwift, "output-swift", "", "publish into the region's object store, below `CONTAINER/PREFIX`, for everybody to read")
	f.StringVar(&g.namePrefix, "name-prefix", "", "`prefix` of every image's name")
	f.StringVar(&g.cloudName, "cloud-name", "", "`name` of the cloud in what is published (required)")
	f.StringVar(&g.contentID, "content-id", "", "content `id` of what is published; %(region)s stands for the region (required)")
	f.StringVar(&g.modifyHook, "modify-hook", "", "`command` that changes each image's file, $IMAGE_PATH, before it is uploaded")
	f.BoolVar(&g.hypervisors, "hypervisor-mapping", false, "set hypervisor_type on images and virt in the stream")
	f.BoolVar(&g.progress, "progress", false, "show the progress of downloads")
	f.StringArrayVar(&g.customProperties, "custom-property", nil, "set `key=value` on every image that is uploaded (repeatable)")
	f.StringVar(&g.visibility, "visibility", "public", "who sees the images: public, private, community or shared")
	f.BoolVar(&g.importConversion, "image-import-conversion", false, "upload by way of an import, which lets the service convert images")
	f.BoolVar(&g.latestProperty, "set-latest-property", false, "set latest=true on the newest image of an OS version and architecture, and on no other")
	addNew(f, func(f *pflag.FlagSet) {
		f.StringVar(&g.osCloud, "os-cloud", "", "the `cloud` of clouds.yaml to use (default: the environment's OS_*)")
		f.IntVar(&g.jobs, "jobs", 2, "products to work on at once")
		f.BoolVar(&g.dryRun, "dry-run", false, "only say what would be done")
		f.StringVar(&g.plan, "plan", "", "print the plan in this `format` (json) on stdout")
		g.signer.add(f)
	})
}

func (g *glanceFlags) main(ctx context.Context, a *app, cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return usageError("a source is needed")
	}
	if len(args) > 1 && g.path == "" && strings.Contains(args[1], "/") && !strings.ContainsAny(args[1], "=~") {
		g.path = args[1] // as the Python tool's documentation has it
		args = append(args[:1:1], args[2:]...)
	}
	o, err := g.options(a, args[1:])
	if err != nil {
		return err
	}
	log, done, err := g.logger(a, g.quiet())
	if err != nil {
		return err
	}
	o.Log = log
	err = errors.Join(g.run(ctx, a, args[0], o), done())
	return g.part(a, cmd, err)
}

// part says what was left out of a run that did the rest, and with which exit code it ends.
func (g *glanceFlags) part(a *app, cmd *cobra.Command, err error) error {
	var part *glance.PartError
	if !errors.As(err, &part) {
		return err
	}
	for _, e := range part.Errors {
		fmt.Fprintf(a.stderr, "%s: error: %s\n", cmd.CommandPath(), oneLine(e.Error()))
	}
	if g.old {
		return &exitError{code: exitFailed}
	}
	return &exitError{code: exitPart}
}

func (g *glanceFlags) options(a *app, filters []string) (o glance.Options, err error) {
	switch {
	case g.cloudName == "" || g.contentID == "":
		return o, usageError("--cloud-name and --content-id are needed")
	case g.outputDir != "" && g.outputSwift != "":
		return o, wrongUsage(g.old, errors.New("--output-dir and --output-swift are mutually exclusive"))
	case g.keep && g.max.n == nil:
		return o, wrongUsage(g.old, errors.New("--keep needs --max: say how many versions are to be kept"))
	case !slices.Contains(glance.Visibilities, g.visibility):
		return o, usageError("--visibility is one of %s, not %q", strings.Join(glance.Visibilities, ", "), g.visibility)
	case g.plan != "" && g.plan != "json":
		return o, usageError("--plan knows json only, not %q", g.plan)
	}
	if len(filters) == 0 {
		filters = glance.DefaultFilters
	}
	if o.Item, err = parseFilters(filters, g.old); err != nil {
		return o, err
	}
	o.CustomProperties = map[string]string{}
	for _, text := range g.customProperties {
		key, value, ok := strings.Cut(text, "=")
		if !ok || key == "" {
			return o, usageError("--custom-property %q is not key=value", text)
		}
		o.CustomProperties[key] = value
	}
	o.CloudName, o.NamePrefix, o.Visibility = g.cloudName, g.namePrefix, g.visibility
	o.Max, o.Keep, o.Jobs = g.max.n, g.keep, g.jobs
	o.HypervisorMapping, o.ImportConversion, o.LatestProperty = g.hypervisors, g.importConversion, g.latestProperty
	o.ModifyHook, o.Environ = strings.Fields(g.modifyHook), os.Environ()
	o.Stderr = a.stderr
	return o, nil
}

func (g *glanceFlags) run(ctx context.Context, a *app, source string, o glance.Options) (err error) {
	src, path, err := g.open(a, source, o.Log, nil)
	if err != nil {
		return err
	}
	defer src.Close()
	cloud, err := a.connect(ctx, g.osCloud, o.Log)
	if err != nil {
		return err
	}
	lines := a.stdout
	if g.plan != "" {
		lines = a.stderr // stdout is the plan's
	}
	o.Stdout = &lockedWriter{w: lines}
	show := newGlanceProgress(a, g.progress, g.old, o.Stdout)
	defer show.close()
	if isTerminal(lines) {
		o.Stdout = show.over(o.Stdout)
	}
	o.Progress = show.report
	targets, done, err := g.targets(ctx, a, cloud)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	p, err := glance.Decide(ctx, src, path, targets, o)
	if err != nil {
		return err
	}
	if err := g.showPlan(a, p); err != nil {
		return err
	}
	if g.dryRun {
		if problems := p.Problems(); len(problems) > 0 {
			return &glance.PartError{Errors: problems}
		}
		return nil
	}
	show.start(p.Uploads())
	return p.Do(ctx)
}

// targets makes one of each region, and returns what closes them.
func (g *glanceFlags) targets(ctx context.Context, a *app, cloud *openstack.Cloud) ([]*glance.Target, func() error, error) {
	regions := slices.Compact(slices.Sorted(slices.Values(g.regions)))
	if len(regions) == 0 {
		regions = cloud.Regions("image")
	}
	if len(regions) == 0 {
		return nil, nil, fmt.Errorf("the catalogue of %s has no image service", cloud.AuthURL())
	}
	var signer sign.Signer
	if g.signer.key != "" || g.signer.command != "" {
		var err error
		if signer, err = g.signer.open(a); err != nil {
			return nil, nil, err
		}
	}
	if g.outputDir == "" && g.outputSwift == "" {
		fmt.Fprintln(a.stderr, "not writing data anywhere")
	}
	var targets []*glance.Target
	var closers []func() error
	done := func() (err error) {
		for _, c := range closers {
			err = errors.Join(err, c())
		}
		return err
	}
	for _, region := range regions {
		t, err := glance.NewTarget(cloud, region, g.contentID, nil)
		if err != nil {
			return nil, nil, errors.Join(err, done())
		}
		s, closer, err := g.output(ctx, cloud, region)
		if err != nil {
			return nil, nil, errors.Join(err, done())
		}
		closers = append(closers, closer)
		if s != nil {
			t.Publisher = &publish.Publisher{Store: s, Signer: signer}
		}
		targets = append(targets, t)
	}
	return targets, done, nil
}

// output opens where a region's stream is published; nil if it is not. Other runs are kept out of a directory.
func (g *glanceFlags) output(ctx context.Context, cloud *openstack.Cloud, region string) (store.Store, func() error, error) {
	none := func() error { return nil }
	switch {
	case g.outputSwift != "":
		container, prefix, err := swift.Split(g.outputSwift)
		if err != nil {
			return nil, nil, usageError("%w", err)
		}
		if !g.old { // the Python tool puts prefix and path together as they are
			prefix = directoryPrefix(prefix)
		}
		service, err := cloud.ObjectStore(region)
		if err != nil {
			return nil, nil, err
		}
		return swift.New(service, container, prefix, swift.Options{ReadACL: swift.PublicRead}), none, nil
	case g.outputDir != "":
		if !filepath.IsLocal(region) {
			return nil, nil, fmt.Errorf("output: the region %q cannot be the name of a directory", region)
		}
		path := filepath.Join(g.outputDir, region)
		d, err := store.OpenDir(path, store.DirOptions{Create: !g.dryRun})
		if errors.Is(err, fs.ErrNotExist) && g.dryRun {
			return new(store.Memory), none, nil
		}
		if err != nil {
			return nil, nil, fmt.Errorf("output: %w", err)
		}
		if g.dryRun {
			return d, d.Close, nil
		}
		wait, cancel := context.WithTimeout(ctx, lockWait)
		defer cancel()
		unlock, err := d.Lock(wait)
		if err != nil {
			return nil, nil, errors.Join(fmt.Errorf("output: %w", err), d.Close())
		}
		return d, func() error { return errors.Join(unlock(), d.Close()) }, nil
	}
	return nil, none, nil
}
