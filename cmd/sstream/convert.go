package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/seed-43fb3962/sstream/publish"
	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/streams"
)

// convertFlags are one call of sstream convert.
type convertFlags struct {
	old      bool   // called by an old name
	format   string // of the items: json, tab, or "" to tell by how they begin
	datatype string
	juju     bool
	gzip     bool
	signer   signerFlags
}

func newConvertCommand(a *app) *cobra.Command {
	var c convertFlags
	cmd := &cobra.Command{
		Use:   "convert [flags] ITEMS... DIR",
		Short: "Make a stream from lists of items",
		Long: `Make a stream in DIR from lists of items: an index and a products file for each content id, below streams/v1.

ITEMS are files, or - for standard input. A list is JSON, as query --json prints it: one flat object an item, with
content_id, product_name, version_name and item_name; item_url is left out. Or it has one item a line, with tabs between
the words: content id, product, version, item, then key=value for each field.

Fields that all items of a version or of a product share move up to it; path, size, md5 and sha256 stay. The documents
are replaced as one change, the files of other content ids stay, and the same items give the same bytes: SOURCE_DATE_EPOCH
is the time that is written into them. Documents are signed if --sign-key or --sign-command is given; those that are signed
already are replaced only with signed ones.

` + exitHelp,
		Example: `  sstream query --json https://cloud-images.ubuntu.com/releases arch=amd64 > items.json; sstream convert items.json DIR
  printf 'com.example:daily\tserver:amd64\t20261122\tdisk.img\tpath=disk.img\tsize=27\n' | sstream convert - DIR`,
		Args: atLeast("ITEMS", "DIR"),
		RunE: func(cmd *cobra.Command, args []string) error { return c.run(cmd.Context(), a, args) },
	}
	f := cmd.Flags()
	f.StringVar(&c.format, "format", "", "`format` of the items, json or tab (default: json if they begin with [)")
	f.StringVar(&c.datatype, "datatype", "image-downloads", "the `datatype` that the documents say they have")
	f.BoolVar(&c.juju, "juju-format", false, "as Juju reads it: all in index2.json, the released tools in index.json, no colons in names")
	f.BoolVar(&c.gzip, "gzip", false, "also write each document compressed, as .json.gz")
	c.signer.add(f)
	return cmd
}

// newJSON2StreamsCommand is json2streams.
func newJSON2StreamsCommand(a *app) *cobra.Command {
	c := convertFlags{old: true, format: "json", datatype: "content-download"}
	cmd := &cobra.Command{
		Use:     "json2streams [-h] [--juju-format] items-file [items-file ...] output-dir",
		Short:   "Make a stream from JSON lists of items (now: sstream convert)",
		Long:    "Make a stream from JSON lists of items, with the command line of the Python tool. See also: sstream convert --help.\n\nExit codes: 0 done, 1 failed, 2 wrong usage.",
		Example: `  sstream-query --json https://cloud-images.ubuntu.com/releases arch=amd64 > items.json; json2streams items.json DIR`,
		Args:    atLeast("items-file", "output-dir"),
		RunE:    func(cmd *cobra.Command, args []string) error { return c.run(cmd.Context(), a, args) },
	}
	cmd.Flags().BoolVar(&c.juju, "juju-format", false, "write index2.json for all and index.json for the released tools of Juju")
	return cmd
}

// newTab2StreamsCommand is tab2streams.
func newTab2StreamsCommand(a *app) *cobra.Command {
	c := convertFlags{old: true, format: "tab", datatype: "image-downloads"}
	var sign bool
	cmd := &cobra.Command{
		Use:     "tab2streams [-h] [--sign] file output_d",
		Short:   "Make a stream from a list with tabs (now: sstream convert)",
		Long:    "Make a stream from a list with tabs, with the command line of the Python tool. See also: sstream convert --help.\n\nExit codes: 0 done, 1 failed, 2 wrong usage.",
		Example: `  printf 'com.example:daily\tserver:amd64\t20261122\tdisk.img\tpath=disk.img\tsize=27\n' | tab2streams - DIR`,
		Args:    exactly("file", "output_d"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c.signer.passphraseFD = -1
			if sign {
				c.signer.key = "gpg:"
			}
			return c.run(cmd.Context(), a, args)
		},
	}
	cmd.Flags().BoolVar(&sign, "sign", false, "sign the documents with gpg")
	return cmd
}

func (c *convertFlags) run(ctx context.Context, a *app, args []string) error {
	lists, target := args[:len(args)-1], args[len(args)-1]
	if c.format != "" && c.format != "json" && c.format != "tab" {
		return usageError("--format is json or tab, not %q", c.format)
	}
	collectRarely(a, -1) // what is read is held until it is written: there is no garbage
	updated, err := now(a)
	if err != nil {
		return err
	}
	items := streams.Collection{Updated: updated.Format(timeLayout), Datatype: c.datatype, Style: streams.Style{Indent: 2, Newline: true}}
	for _, name := range lists {
		if err := c.read(ctx, a, &items, name); err != nil {
			return fmt.Errorf("%s: %w", shownList(name), err)
		}
	}
	docs, err := c.documents(&items)
	if err != nil {
		return err
	}
	return c.publish(ctx, a, target, docs)
}

// timeLayout is how a stream writes times.
const timeLayout = "Mon, 02 Jan 2006 15:04:05 +0000"

// now is the time that is written into documents: SOURCE_DATE_EPOCH, if it is set, so that they can be made again.
func now(a *app) (time.Time, error) {
	text := a.getenv("SOURCE_DATE_EPOCH")
	if text == "" {
		return time.Now().UTC(), nil
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH is no number of seconds: %q", text)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

func shownList(name string) string {
	if name == "-" {
		return "standard input"
	}
	return name
}

func (c *convertFlags) read(ctx context.Context, a *app, items *streams.Collection, name string) error {
	from, isFile := a.stdin, false
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return withoutPath(err)
		}
		defer f.Close()
		info, err := f.Stat()
		from, isFile = f, err == nil && info.Mode().IsRegular()
	}
	if !isFile {
		from = interruptible(ctx, from)
	}
	list := bufio.NewReader(from)
	add := items.AddTab
	switch c.format {
	case "json":
		add = items.AddJSON
	case "":
		switch beginning(list) {
		case "[":
			add = items.AddJSON
		case "{":
			return errors.New("it begins with {: items in JSON are one list, as query --json prints it")
		case "":
			return errors.New("it is empty, as if whoever wrote it had failed: a list without items is []")
		}
	}
	return withoutPath(add(list))
}

// interruptible reads from r, for which one may have to wait, as long as ctx is not done.
func interruptible(ctx context.Context, r io.Reader) io.Reader {
	read, write := io.Pipe()
	go func() {
		_, err := io.Copy(write, r)
		write.CloseWithError(err)
	}()
	context.AfterFunc(ctx, func() { read.CloseWithError(context.Cause(ctx)) })
	return read
}

// beginning is the first byte that comes, blanks excepted; "" if nothing comes.
func beginning(r *bufio.Reader) string {
	start, err := r.Peek(r.Size()) // an error will be found again
	text := bytes.TrimLeft(start, " \t\r\n")
	if len(text) == 0 && err != io.EOF {
		return " "
	}
	return string(text[:min(1, len(text))])
}

// withoutPath is what is wrong with a file whose name will be said.
func withoutPath(err error) error {
	var inPath *os.PathError
	if errors.As(err, &inPath) {
		return inPath.Err
	}
	return err
}

// jujuReleased is the content id that Juju finds in index.json.
const jujuReleased = "com.ubuntu.juju:released:tools"

// documents makes the documents in the order in which the old tools name them.
func (c *convertFlags) documents(items *streams.Collection) ([]publish.Document, error) {
	made := items.Documents()
	for _, doc := range made {
		if err := streams.CheckContentID(doc.ContentID()); err != nil {
			return nil, err
		}
	}
	path := func(id string) string {
		if c.juju {
			id = strings.ReplaceAll(id, ":", "-")
		}
		return streamsDir + id + ".json"
	}
	index := items.Index(made, path)
	docs := []publish.Document{{Path: streamsDir + "index.json", Data: streams.Append(nil, index, items.Style), Index: true}}
	for _, doc := range made {
		docs = append(docs, publish.Document{Path: path(doc.ContentID()), Render: doc.Render})
	}
	if c.juju {
		docs[0].Path = streamsDir + "index2.json"
		index.Entries.DeleteFunc(func(id string, _ *streams.Entry) bool { return id != jujuReleased })
		docs = append(docs, publish.Document{Path: streamsDir + "index.json", Data: streams.Append(nil, index, items.Style), Index: true})
	}
	return docs, nil
}

func (c *convertFlags) publish(ctx context.Context, a *app, target string, docs []publish.Document) (err error) {
	dir, err := store.OpenDir(target, store.DirOptions{Create: true})
	if err != nil {
		return err
	}
	done, err := keepOthersOut(ctx, dir, c.old) // the old tools leave no lock behind
	if err != nil {
		return errors.Join(err, dir.Close())
	}
	defer func() { err = errors.Join(err, done(), dir.Close()) }()
	p := publish.Publisher{Store: dir, Gzip: c.gzip}
	signed := c.signer.key != "" || c.signer.command != ""
	if signed || c.gzip {
		collectRarely(a, 400) // each takes the memory of many documents
	}
	if signed {
		if p.Signer, err = c.signer.open(a); err != nil {
			return err
		}
	}
	var names, old []string
	for i, doc := range docs {
		docs[i].Companions = signed || c.gzip
		names, old = append(names, doc.Path), append(old, doc.Path+".gz")
	}
	if c.old { // what goes with the documents stays, right or not
		old = nil
	} else if !signed {
		if err := notSigned(target, names); err != nil {
			return err
		}
	}
	for _, name := range names {
		fmt.Fprintf(a.stderr, "writing %s\n", printable(joinPython(target, name)))
	}
	return p.Publish(ctx, docs, old)
}

// joinPython joins paths as Python does: nothing is tidied up.
func joinPython(dir, path string) string {
	if dir == "" || strings.HasSuffix(dir, "/") {
		return dir + path
	}
	return dir + "/" + path
}
