package maintain

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// retiredPath is where it is kept, below the root, which versions, and single files of versions, are no longer listed and
// will be deleted, by this run or a later one: one line each, "<when it was unlisted> <path>". A build passes them over.
const retiredPath = ".sstream/retired"

func readRetired(fsys fs.FS) (map[string]time.Time, error) {
	retired := make(map[string]time.Time)
	body, err := fs.ReadFile(fsys, retiredPath)
	if errors.Is(err, fs.ErrNotExist) {
		return retired, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", retiredPath, bare(err))
	}
	for line := range bytes.Lines(body) {
		when, path, ok := strings.Cut(strings.TrimSuffix(string(line), "\n"), " ")
		if t, err := time.Parse(time.RFC3339, when); ok && err == nil {
			retired[path] = t
		}
	}
	return retired, nil
}

func writeRetired(root string, retired map[string]time.Time) error {
	name := filepath.Join(root, retiredPath)
	if len(retired) == 0 {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		_ = os.Remove(filepath.Dir(name)) // if nothing else is in there
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return err
	}
	var body []byte
	for _, path := range slices.Sorted(maps.Keys(retired)) {
		if !strings.ContainsRune(path, '\n') { // a line cannot hold it
			body = fmt.Appendf(body, "%s %s\n", retired[path].UTC().Format(time.RFC3339), path)
		}
	}
	return replaceFile(name, body, 0o666)
}
