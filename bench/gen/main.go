// Command gen writes what the benchmarks read: a mirror's documents, or the items of one.
//
//	gen catalog [-images] [-products N] [-versions N] [-items N] DIR
//	gen items N FILE
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/seed-43fb3962/sstream/internal/catalog"
	"github.com/seed-43fb3962/sstream/streams"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	var size catalog.Size
	flags := flag.NewFlagSet("gen", flag.ContinueOnError)
	flags.BoolVar(&size.Images, "images", false, "image ids in clouds, not files")
	flags.IntVar(&size.Products, "products", 0, "how many `products` (1000)")
	flags.IntVar(&size.Versions, "versions", 0, "versions of each product (20)")
	flags.IntVar(&size.Items, "items", 0, "items of each version (8)")
	if len(args) > 0 {
		if err := flags.Parse(args[1:]); err != nil {
			return err
		}
	}
	switch {
	case len(args) > 0 && args[0] == "catalog" && flags.NArg() == 1:
		return writeCatalog(flags.Arg(0), size)
	case len(args) > 0 && args[0] == "items" && flags.NArg() == 2:
		n, err := strconv.Atoi(flags.Arg(0))
		if err != nil {
			return err
		}
		return os.WriteFile(flags.Arg(1), catalog.Items(n), 0o644)
	}
	return fmt.Errorf("say catalog [options] DIR, or items N FILE")
}

func writeCatalog(dir string, size catalog.Size) error {
	doc, path := catalog.Products(size), "streams/v1/"+catalog.ContentID+".json"
	if err := os.MkdirAll(filepath.Join(dir, "streams/v1"), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, path), streams.Append(nil, doc, catalog.Style), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "streams/v1/index.json"), streams.Append(nil, catalog.Index(doc, path), catalog.Style), 0o644)
}
