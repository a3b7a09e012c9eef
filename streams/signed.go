package streams

import "strings"

// Names of the forms of a document, after the name without its .json.
const (
	plainSuffix  = ".json"
	signedSuffix = ".sjson"
)

// SignedPath returns the path of the clear-signed form of the document at path: its .json becomes .sjson.
// Other paths are returned as they are.
func SignedPath(path string) string {
	if name, ok := strings.CutSuffix(path, plainSuffix); ok {
		return name + signedSuffix
	}
	return path
}

// NameSigned makes the entries lead to clear-signed documents, as those of a clear-signed index do, and tells whether
// that changed any. Entries without a path stay as they are. The size and the checksums of the document that an entry led to
// are not those of its clear-signed form, and go: readers compare them.
func (x *Index) NameSigned() bool {
	changed := false
	for _, entry := range x.Entries.All() {
		path := entry.Str("path")
		if signed := SignedPath(path); signed != path {
			entry.Set("path", String(signed))
			entry.ForgetContent()
			changed = true
		}
	}
	return changed
}

// ForgetContent removes what the entry says of the bytes that it leads to: the size and the checksums.
func (e *Entry) ForgetContent() {
	e.Delete("size")
	for _, algorithm := range Algorithms {
		e.Delete(algorithm)
	}
}
