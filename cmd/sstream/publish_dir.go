package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// publishDir returns a function that puts documents and their .gz below root.
func publishDir(root string) func(context.Context, map[string][]byte) error {
	return func(_ context.Context, docs map[string][]byte) error {
		for _, path := range slices.Sorted(maps.Keys(docs)) {
			var gz bytes.Buffer
			w, _ := gzip.NewWriterLevel(&gz, 9)
			w.Write(docs[path])
			w.Close()
			for name, body := range map[string][]byte{path: docs[path], path + ".gz": gz.Bytes()} {
				at := filepath.Join(root, name)
				if err := os.MkdirAll(filepath.Dir(at), 0o777); err != nil {
					return err
				}
				temp := filepath.Join(filepath.Dir(at), "."+strings.TrimPrefix(filepath.Base(at), ".")+".tmp")
				if err := os.WriteFile(temp, body, 0o644); err != nil {
					return err
				}
				os.Chmod(temp, 0o644)
				if err := os.Rename(temp, at); err != nil {
					return err
				}
			}
		}
		return nil
	}
}
