package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/seed-43fb3962/sstream/streams"
)

// queryFlags are one call of sstream query.
type queryFlags struct {
	sourceFlags
	max    maximum
	python string // -o: a format of Python's
	pretty bool
	json   bool

	format   string
	template string
	columns  []string
	sort     []string
	distinct []string
	latest   bool
	count    bool
}

func newQueryCommand(a *app) *cobra.Command {
	var q queryFlags
	cmd := &cobra.Command{
		Use:   "query [flags] SOURCE [FILTER...]",
		Short: "Print the items of a stream",
		Long: `Print the items of a stream: one row an item, of the fields of the item and what lies above it, all as text.

SOURCE is a directory or the URL of a mirror, or of a document there (…/streams/v1/index.json). Only items for which every
FILTER holds are printed: key=value, key!=value, key~regexp or key!~regexp, over the fields of the row; a field that is not
there is "". Products come in the order of the source, versions of a product from the newest.

Formats: table (what most people look at), json (one list), jsonl (one object a line), yaml, csv and tsv. The columns of
table, csv and tsv are chosen with --columns. A Go template (--template '{{.path}} {{.size}}') or a format as Python's
(-o '%(path)s %(size)s') prints one line a row. Rows are printed while documents are read, unless they are sorted.

` + exitHelp,
		Example: `  sstream query https://cloud-images.ubuntu.com/releases arch=amd64 ftype=disk1.img --latest
  sstream query --distinct release,arch examples/foocloud/streams/v1/index.json
  sstream query -o '%(sha256)s  %(item_url)s' examples/foocloud/streams/v1/index.json 'ftype~disk' | sha256sum -c`,
		Args: atLeast("SOURCE"),
		RunE: func(cmd *cobra.Command, args []string) error { return q.main(cmd.Context(), a, args) },
	}
	f := cmd.Flags()
	q.add(f)
	f.StringVar(&q.format, "format", "table", "`table`, json, jsonl, yaml, csv or tsv")
	f.StringVar(&q.template, "template", "", "print each row with this Go `template`")
	f.StringSliceVar(&q.columns, "columns", nil, "`keys` that table, csv and tsv have as columns")
	f.StringSliceVar(&q.sort, "sort", nil, "sort the rows by these `keys`; -KEY: the largest first")
	f.StringSliceVar(&q.distinct, "distinct", nil, "only the first row with the same values of these `keys`, which are the columns then")
	f.BoolVar(&q.latest, "latest", false, "only the newest version of each product (--max=1)")
	f.BoolVar(&q.count, "count", false, "print how many rows there are, and no rows")
	return cmd
}

// newOldQueryCommand is sstream-query.
func newOldQueryCommand(a *app) *cobra.Command {
	q := queryFlags{sourceFlags: sourceFlags{old: true}}
	cmd := &cobra.Command{
		Use:   "sstream-query [OPTION...] mirror_url [filters ...]",
		Short: "Print the items of a stream (now: sstream query)",
		Long:  "Print the items of a stream, with the command line of the Python tool. See also: sstream query --help.\n\nExit codes: 0 done, 1 failed, 2 wrong usage.",
		Example: `  sstream-query --max=1 --json https://cloud-images.ubuntu.com/releases/streams/v1/index.json arch=amd64 ftype=disk1.img
  sstream-query -o '%(item_url)s' examples/foocloud/streams/v1/index.json`,
		Args: atLeast("mirror_url"),
		RunE: func(cmd *cobra.Command, args []string) error { return q.main(cmd.Context(), a, args) },
	}
	q.add(cmd.Flags())
	return cmd
}

// add puts the flags of the old tool on f.
func (q *queryFlags) add(f *pflag.FlagSet) {
	q.sourceFlags.add(f, !q.old)
	f.Var(&q.max, "max", "only the newest `number` of versions of each product")
	f.StringVarP(&q.python, "output-format", "o", "", "print each row with this `format` of Python's, as '%(path)s'")
	f.BoolVar(&q.pretty, "pretty", false, "print each row as Python's pprint does")
	f.BoolVar(&q.json, "json", false, "print one JSON list")
}

func (q *queryFlags) main(ctx context.Context, a *app, args []string) error {
	if err := q.check(); err != nil {
		return err
	}
	log, done, err := q.logger(a, q.quiet())
	if err != nil {
		return err
	}
	filters, err := parseFilters(args[1:], q.old)
	if err != nil {
		return errors.Join(err, done())
	}
	return errors.Join(q.run(ctx, a, args[0], filters, log), done())
}

// check refuses flags that contradict one another, and settles on one format.
func (q *queryFlags) check() error {
	given := 0
	for _, is := range []bool{q.python != "", q.pretty, q.json, q.template != "", q.format != "table" && q.format != ""} {
		if is {
			given++
		}
	}
	switch {
	case given > 1:
		return usageError("only one of --output-format, --pretty, --json, --template and --format is possible")
	case slices.Contains(q.columns, "") || q.columns != nil && len(q.columns) == 0:
		return usageError("--columns names no key")
	case q.latest && q.max.n != nil:
		return usageError("--latest is --max=1: only one of them is possible")
	case q.latest:
		one := 1
		q.max.n = &one
	}
	switch {
	case q.json || q.python == "JSON":
		q.format = "json"
	case q.pretty || q.python == "PRETTY":
		q.format = "pretty"
	case q.template != "":
		q.format = "template"
	case q.python != "":
		q.format = "python"
	case q.old:
		q.format, q.python = "python", "%s"
	}
	return nil
}

func (q *queryFlags) run(ctx context.Context, a *app, address string, filters streams.Filters, log *slog.Logger) error {
	collectRarely(a, 400)
	m, path, err := q.open(a, address, log, nil)
	if err != nil {
		return err
	}
	defer m.Close()
	out := newOutput(a.stdout)
	p, err := q.printer(a, out)
	if err != nil {
		return err
	}
	rows := q.rows(p)
	s := selection{mirror: m, path: path, filters: filters, max: q.max.n, log: log, row: rows.add, document: p.document}
	if err = s.run(ctx); err == nil {
		err = rows.end()
	}
	if err != nil {
		p.fail()
	}
	if flushed := out.Flush(); err == nil {
		err = flushed
	}
	if errors.Is(err, syscall.EPIPE) { // whoever reads has had enough
		return &exitError{code: exitPipe}
	}
	return err
}

// exitPipe is the exit code of a program that SIGPIPE has ended.
const exitPipe = 128 + int(syscall.SIGPIPE)

// rows returns what rows go through before they are printed.
func (q *queryFlags) rows(p printer) rowSink {
	var sink rowSink = p
	switch {
	case q.count:
		sink = &rowCount{to: p}
	case len(q.sort) > 0:
		sink = newRowSort(q.sort, sink)
	}
	if len(q.distinct) > 0 {
		sink = &rowDistinct{keys: q.distinct, seen: map[string]bool{}, rowSink: sink}
	}
	return sink
}

// printer returns what prints in the format that was asked for.
func (q *queryFlags) printer(a *app, out *output) (printer, error) {
	columns := q.columns
	if columns == nil {
		columns = q.distinct
	}
	if q.count {
		return &linePrinter{out: out}, nil
	}
	switch q.format {
	case "json":
		return &jsonPrinter{out: out, list: true}, nil
	case "jsonl":
		return &jsonPrinter{out: out}, nil
	case "yaml":
		return newYAMLPrinter(out), nil
	case "pretty":
		return &linePrinter{out: out, line: pretty}, nil
	case "python":
		p := newPythonPrinter(out, a.stderr, q.python)
		if q.old { // to the old tool it is no fault
			p.last = nil
		}
		return p, nil
	case "template":
		return newTemplatePrinter(out, q.template)
	case "table":
		return &tablePrinter{out: out, columns: columns}, nil
	case "csv", "tsv":
		return newListPrinter(out, q.format, columns), nil
	}
	return nil, usageError("--format is table, json, jsonl, yaml, csv or tsv, not %q", q.format)
}
