package maintain

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"path"
	"time"

	"github.com/seed-43fb3962/sstream/streams"
)

// site is a tree with its documents.
type site struct {
	root    string
	fsys    fs.FS  // of root
	version string // of the directory below streams/
	seed    bool
	rebuild bool
	now     func() time.Time
}

// document is the path of a document: "images" is streams/v1/images.json.
func (s *site) document(name string) string { return path.Join("streams", s.version, name+".json") }

// style is how documents are written: as Go's encoding/json writes them, the fields in their order.
func (s *site) style() streams.Style {
	return streams.Style{KeepOrder: true, Newline: true, Escape: streams.HTML}
}

// stamp is the time now, written as the documents of simplestream-maintainer have it, or as all others have it.
func (s *site) stamp() streams.Value {
	if s.seed {
		return streams.String(s.now().Format(time.RFC3339))
	}
	return streams.String(s.now().UTC().Format(time.RFC1123Z))
}

// openCatalogue reads the catalogue that is there; it is nil if there is none.
func (s *site) openCatalogue(path string, log *slog.Logger) (c *streams.Products, body []byte, written time.Time, err error) {
	body, written, err = readDocument(s.fsys, path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, time.Time{}, nil
	}
	if err == nil {
		c, err = parseCatalogue(body)
	}
	if err != nil && s.rebuild {
		log.Warn("The catalogue cannot be read and is made anew", "path", path, "error", err)
		return nil, body, written, nil
	}
	if err != nil {
		return nil, nil, time.Time{}, fmt.Errorf("cannot read the catalogue %s: %w; it is left as it is (sstream build --rebuild makes it anew)", path, err)
	}
	return c, body, written, nil
}

func readDocument(fsys fs.FS, name string) ([]byte, time.Time, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, time.Time{}, bare(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = errors.New("it is a directory")
	}
	if err != nil {
		return nil, time.Time{}, bare(err)
	}
	buf := bytes.NewBuffer(make([]byte, 0, info.Size()+bytes.MinRead)) // so that it need not grow
	_, err = buf.ReadFrom(f)
	return buf.Bytes(), info.ModTime(), err
}

// parseCatalogue reads a product file. What comes after the document is ignored, and null is none.
func parseCatalogue(body []byte) (*streams.Products, error) {
	if bytes.Equal(bytes.TrimSpace(body), []byte("null")) {
		return nil, nil
	}
	products, err := streams.ParseProducts(body)
	if err == nil {
		return products, nil
	}
	var first json.RawMessage
	dec := json.NewDecoder(bytes.NewReader(body))
	if e := dec.Decode(&first); e != nil {
		if e == io.EOF {
			e = errors.New("it is empty")
		}
		return nil, e
	}
	if len(first) == len(bytes.TrimSpace(body)) {
		return nil, err
	}
	return streams.ParseProducts(first)
}
