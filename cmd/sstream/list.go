package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/seed-43fb3962/sstream/maintain"
)

func newListCommand(a *app) *cobra.Command {
	var root, format, index string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the images of a stream as LXD and Incus see them",
		Long: `list prints every image of a stream: a directory, or a server's address. An image has the fingerprint by which LXD
and Incus know it.

` + exitHelp,
		Example: `  sstream list --root /srv/images
  sstream list --root https://images.example.com/ --format csv`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			write, ok := listFormats[format]
			if !ok {
				return usageError("--format: %q is none of table, json, csv and yaml", format)
			}
			src, err := openTree(root)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, src.Close()) }()
			images, err := maintain.ReadImages(cmd.Context(), src, index)
			if errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("there is no stream at %s: %w", root, err)
			}
			if err != nil {
				return err
			}
			return write(a, images)
		},
	}
	f := cmd.Flags()
	f.StringVar(&root, "root", ".", "`directory` or address of the stream")
	f.StringVar(&index, "path", "streams/v1/index.json", "`path` of the index")
	f.StringVarP(&format, "format", "f", "table", "table, json, csv or yaml")
	return cmd
}

var listFormats = map[string]func(*app, []maintain.Listed) error{
	"table": (*app).listTable,
	"json": func(a *app, images []maintain.Listed) error {
		if images == nil {
			images = []maintain.Listed{}
		}
		return a.tellJSON(images)
	},
	"csv": (*app).listCSV,
	"yaml": func(a *app, images []maintain.Listed) error {
		body, err := yaml.Marshal(images)
		if err != nil {
			return err
		}
		_, err = a.stdout.Write(body)
		return err
	},
}

func listRow(i maintain.Listed) []string {
	clients := make([]string, len(i.Clients))
	for n, c := range i.Clients {
		clients[n] = string(c)
	}
	return []string{i.Fingerprint, i.Product, i.Version, i.Type, i.Arch, fmt.Sprint(i.Size), strings.Join(i.Aliases, " "), strings.Join(clients, " ")}
}

func (a *app) listTable(images []maintain.Listed) error {
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "FINGERPRINT\tPRODUCT\tVERSION\tTYPE\tARCH\tSIZE\tALIASES\tCLIENTS") // Flush returns the error
	for _, i := range images {
		row := listRow(i)
		row[0] = row[0][:min(12, len(row[0]))]
		for n, cell := range row {
			row[n] = printable(cell)
		}
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	return w.Flush()
}

func (a *app) listCSV(images []maintain.Listed) error {
	w := csv.NewWriter(a.stdout)
	for _, i := range images {
		if err := w.Write(listRow(i)); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}
