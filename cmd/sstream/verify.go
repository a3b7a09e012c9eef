package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/seed-43fb3962/sstream/fetch"
	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/streams"
	"github.com/seed-43fb3962/sstream/verify"
)

// verifyFlags is one call of sstream verify.
type verifyFlags struct {
	sourceFlags
	jobs   int
	asJSON bool
	held   bool
	repair bool
	from   []string
}

func newVerifyCommand(a *app) *cobra.Command {
	v := &verifyFlags{}
	cmd := &cobra.Command{
		Use:   "verify DIR|URL",
		Short: "Check everything that a mirror lists",
		Long: `Check everything that a mirror lists: the signatures of its documents; of every file its size and all checksums; and the
fingerprints that LXD and Incus know images by (combined_squashfs_sha256 and the like), which are computed anew.

Without --path both streams/v1/index.sjson and streams/v1/index.json are followed, those that are there. What is wrong is
printed on stdout, a line each. Nothing is wrong with documents that are not signed, unless --keyring or --fingerprint say
whose signatures are wanted.

The documents of a mirror that was made with filters or --max list more than it holds: --held looks at what it holds by its
own record.

--repair takes files that are wrong from --from, and replaces each in one step. Documents are not repaired: mirror again.

` + exitHelp + `
It is 3 if anything is wrong, or still is after a repair.`,
		Example: `  sstream verify --keyring=/usr/share/keyrings/ubuntu-cloudimage-keyring.gpg /srv/mirror
  sstream verify --held --repair --from=https://images.example.org/ /srv/part-of-it
  sstream verify --json --path=streams/v1/index.json https://images.example.org/
  sstream verify --repair --from=https://images.example.org/ --from=https://mirror.example.net/ /srv/mirror`,
		Args: exactly("DIR|URL"),
		RunE: func(cmd *cobra.Command, args []string) error { return v.main(cmd.Context(), a, args[0]) },
	}
	v.add(cmd.Flags())
	return cmd
}

func (v *verifyFlags) add(f *pflag.FlagSet) {
	v.sourceFlags.add(f, false)
	f.IntVar(&v.jobs, "jobs", runtime.GOMAXPROCS(0), "files to read at once")
	f.BoolVar(&v.asJSON, "json", false, "print the report as JSON")
	f.BoolVar(&v.held, "held", false, "of a mirror that holds a part of what its documents list, check that part")
	f.BoolVar(&v.repair, "repair", false, "replace files that are wrong; needs --from")
	f.StringArrayVar(&v.from, "from", nil, "mirror, a directory or a `URL`, to take files from (repeatable: the next if one fails)")
}

func (v *verifyFlags) main(ctx context.Context, a *app, address string) (err error) {
	if v.repair != (len(v.from) > 0) {
		return usageError("--repair and --from belong together")
	}
	log, done, err := v.logger(a, slog.LevelError)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	m, path, err := v.open(a, address, log, nil)
	if err != nil {
		return err
	}
	defer m.Close()
	o := verify.Options{Jobs: v.jobs, Signed: len(v.keyrings)+len(v.fingerprints) > 0 && !v.noVerify, Log: log}
	if v.path != "" || path != streams.DefaultPath || strings.HasSuffix(address, path) {
		o.Paths = []string{path}
	}
	if v.held {
		held, err := v.readRecord(address)
		if err != nil {
			return err
		}
		o.Want = func(path string) bool { return held[path] != nil }
	}
	if v.repair {
		var unlock func() error
		if o.Repair, unlock, err = v.openRepair(ctx, a, address, log); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, unlock()) }()
		defer o.Repair.From.Close()
	}
	report, err := verify.Run(ctx, m, o)
	if err != nil {
		return err
	}
	if _, err := v.readRecord(address); err == nil && !v.held && report.Open() > 0 {
		fmt.Fprintln(a.stderr, "hint: --held checks only what this mirror holds by its own record")
	}
	return v.show(a, report)
}

// recordPath is where a mirror has its record: a JSON object with a field for every file that it holds.
const recordPath = ".data/references.json"

// readRecord returns what a mirror in a directory holds, by path.
func (v *verifyFlags) readRecord(address string) (map[string]json.RawMessage, error) {
	root, err := v.directory(address)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(filepath.Join(root, recordPath))
	if err != nil {
		return nil, fmt.Errorf("there is no record of what the mirror holds: %w", err)
	}
	var held map[string]json.RawMessage
	if err := json.Unmarshal(data, &held); err != nil {
		return nil, fmt.Errorf("cannot read the record of what the mirror holds, %s: %w", filepath.Join(root, recordPath), err)
	}
	return held, nil
}

// directory is the directory that is verified.
func (v *verifyFlags) directory(address string) (string, error) {
	if strings.Contains(address, "://") {
		return "", usageError("--repair and --held work on a directory, not on %s", fetch.Redact(address))
	}
	root, _ := streams.SplitURL(address, v.path)
	if root == "" {
		root = "."
	}
	return root, nil
}

// openRepair opens the directory to repair, which no other run may change meanwhile, and where files are taken from.
func (v *verifyFlags) openRepair(ctx context.Context, a *app, address string, log *slog.Logger) (*verify.Repair, func() error, error) {
	root, err := v.directory(address)
	if err != nil {
		return nil, nil, err
	}
	dir, err := store.OpenDir(root, store.DirOptions{})
	if err != nil {
		return nil, nil, err
	}
	once, cancel := context.WithCancel(ctx)
	cancel()
	unlock, err := dir.Lock(once)
	if err != nil {
		return nil, nil, errors.Join(err, dir.Close())
	}
	source := v.sourceFlags
	source.mirrors = v.from[1:]
	from, _, err := source.open(a, v.from[0], log, nil)
	if err != nil {
		return nil, nil, errors.Join(err, unlock(), dir.Close())
	}
	return &verify.Repair{From: from, To: dir}, func() error { return errors.Join(unlock(), dir.Close()) }, nil
}

// show prints a report: what is wrong on stdout, the sum on stderr.
func (v *verifyFlags) show(a *app, r *verify.Report) error {
	if v.asJSON {
		if err := writeReport(a, r); err != nil {
			return err
		}
	} else if err := v.showLines(a, r); err != nil {
		return err
	}
	if r.Open() > 0 {
		return &exitError{code: exitPart}
	}
	return nil
}

func writeReport(a *app, r *verify.Report) error {
	if r.Documents == nil {
		r.Documents = []verify.Document{}
	}
	if r.Problems == nil {
		r.Problems = []verify.Problem{}
	}
	return a.tellJSON(r)
}

func (v *verifyFlags) showLines(a *app, r *verify.Report) error {
	var b strings.Builder
	for _, p := range r.Problems {
		if p.Repaired {
			b.WriteString("repaired: ")
		}
		if p.Path != "" {
			fmt.Fprintf(&b, "%s: ", printable(p.Path))
		}
		b.WriteString(printable(p.Text))
		if len(p.Items) > 0 {
			fmt.Fprintf(&b, " (%s", printable(p.Items[0]))
			if more := len(p.Items) - 1; more > 0 {
				fmt.Fprintf(&b, " and %d more", more)
			}
			b.WriteByte(')')
		}
		b.WriteByte('\n')
	}
	if _, err := fmt.Fprint(a.stdout, b.String()); err != nil {
		return err
	}
	signed := 0
	for _, d := range r.Documents {
		if d.SignedBy != "" {
			signed++
		}
	}
	open, repaired := r.Open(), len(r.Problems)-r.Open()
	left := count(open, "problem", "problems")
	switch {
	case open == 0 && repaired > 0:
		left = "nothing is wrong any more"
	case open == 0:
		left = "nothing is wrong"
	}
	if repaired > 0 {
		left += fmt.Sprintf(", %d repaired", repaired)
	}
	fmt.Fprintf(a.stderr, "%s (%d signed), %s (%s): %s\n", count(len(r.Documents), "document", "documents"), signed,
		count(r.Files, "file", "files"), formatBytes(r.Bytes), left)
	return nil
}
