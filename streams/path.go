package streams

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// DefaultPath is the document that a mirror is read from when none is named.
const DefaultPath = "streams/v1/index.sjson"

// CheckPath refuses a path that could lead out of the tree it is relative to, or that is not written in the one way
// there is to write it: absolute, empty, with "..", ".", NUL, empty components or a slash at the end. It is the rule for
// the paths of a store. Symbolic links are the store's to refuse.
func CheckPath(path string) error {
	clean, err := CleanPath(path)
	if err == nil && clean != path {
		err = fmt.Errorf("unsafe path %q: it has an empty component or %q", path, ".")
	}
	return err
}

// CleanPath is the rule for the paths that a document lists: it returns the path of a store that is meant, without the
// components "." and "" that mean nothing ("./d//f" is "d/f"), or an error if path could lead out of the tree or names
// no file.
func CleanPath(path string) (string, error) {
	switch {
	case isPlain(path):
		return path, nil
	case path == "":
		return "", fmt.Errorf("unsafe path %q: it is empty", path)
	case strings.HasPrefix(path, "/"):
		return "", fmt.Errorf("unsafe path %q: it is absolute", path)
	case strings.ContainsRune(path, 0):
		return "", fmt.Errorf("unsafe path %q: it holds a NUL", path)
	}
	clean := path
	if i := strings.LastIndexByte(path, '/'); path[i+1:] == "" || path[i+1:] == "." {
		return "", fmt.Errorf("unsafe path %q: it names a directory", path)
	}
	for part := range strings.SplitSeq(path, "/") {
		switch part {
		case "..", "...":
			return "", fmt.Errorf("unsafe path %q: it climbs with %q", path, part)
		case "", ".":
			clean = "" // it has to be put together anew
		}
	}
	if clean != "" {
		return clean, nil
	}
	return strings.Join(slices.DeleteFunc(strings.Split(path, "/"), func(part string) bool { return part == "" || part == "." }), "/"), nil
}

// isPlain tells of most paths that they are clean, and quickly.
func isPlain(path string) bool {
	return path != "" && path[0] != '/' && path[0] != '.' && path[len(path)-1] != '/' &&
		!strings.Contains(path, "/.") && !strings.Contains(path, "//") && strings.IndexByte(path, 0) < 0
}

// CleanPaths writes the path of every item as [CleanPath] does. The error names the first item whose path is refused.
func (p *Products) CleanPaths() error {
	for e := range p.All() {
		path, ok := e.Item.Get("path").Str()
		if !ok {
			continue
		}
		clean, err := CleanPath(path)
		if err != nil {
			return fmt.Errorf("%s: %w", e.Ref, err)
		}
		if clean != path {
			e.Item.Set("path", String(clean))
		}
	}
	return nil
}

// longestContentID leaves room for what is put behind it in the names of files, which have 255 bytes at most.
const longestContentID = 240

// CheckContentID refuses a content id that cannot be the name of a file, or of one in directories ("a/b").
func CheckContentID(id string) error {
	if len(id) > longestContentID {
		return fmt.Errorf("unsafe content_id %.40q…: it has %d bytes, more than the name of a file can have", id, len(id))
	}
	if err := CheckPath(id); err != nil {
		return fmt.Errorf("unsafe content_id %q: it cannot be the name of a file", id)
	}
	return nil
}

var documentInURL = regexp.MustCompile(`streams/v1/.*[.](sjson|json)$`)

// SplitURL divides the address of a document, http://host/x/streams/v1/index.json, into the root of its mirror
// (http://host/x/) and its path there. If path is given, or the address does not lead to a document below streams/v1,
// then the address is the root, and the path is the given one or [DefaultPath].
func SplitURL(address, path string) (root, document string) {
	if path != "" {
		return address, path
	}
	if at := documentInURL.FindStringIndex(address); at != nil {
		return address[:at[0]], address[at[0]:]
	}
	return address, DefaultPath
}
