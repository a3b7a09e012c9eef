package web

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path"
	"strings"
	"syscall"

	"github.com/seed-43fb3962/sstream/streams"
)

// Handler serves the files below root, as a mirror of Simple Streams needs it:
//
//   - ranges, conditional requests and HEAD as in [http.ServeContent], with an ETag of size and modification time;
//   - the .gz beside a text file in its place, to clients that accept it, if it holds that very text;
//   - images as immutable, everything else to be asked for again: an index and its signature must not be of two ages;
//   - index.html for a directory that has one, and no listing of one that has not;
//   - nothing whose path has a part that begins with a dot, and nothing outside root, whatever links there.
func Handler(root *os.Root) http.Handler {
	return &handler{root: root, twins: twins{known: map[string]twin{}}}
}

type handler struct {
	root  *os.Root
	twins twins
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD are answered here", http.StatusMethodNotAllowed)
		return
	}
	name, ok := nameOf(r.URL.Path)
	if !ok {
		http.NotFound(w, r)
		return
	}
	directory := strings.HasSuffix(r.URL.Path, "/")
	f, info, err := h.open(name)
	if err == nil && info.IsDir() && directory {
		f.Close()
		name = path.Join(name, "index.html")
		directory = false
		f, info, err = h.open(name)
	}
	if err != nil {
		refuse(w, err)
		return
	}
	defer f.Close()
	switch {
	case info.IsDir() && !directory:
		h.toDirectory(w, r, name)
	case directory || !info.Mode().IsRegular():
		http.NotFound(w, r)
	default:
		h.serve(w, r, name, f, info)
	}
}

// nameOf returns the path below the root that an address stands for, and whether it is one that may be served.
func nameOf(address string) (string, bool) {
	name := strings.TrimSuffix(strings.TrimPrefix(address, "/"), "/")
	if name == "" {
		return ".", true
	}
	hidden := strings.HasPrefix(name, ".") || strings.Contains(name, "/.")
	return name, !hidden && streams.CheckPath(name) == nil
}

// open opens what is at name. What is not found is looked for again: a publication may have exchanged the directory for
// another, and removed it, while the path was being followed.
func (h *handler) open(name string) (f *os.File, info fs.FileInfo, err error) {
	for range 3 {
		if f, info, err = h.openOnce(name); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return f, info, err
}

// openOnce does not wait for the other end of a named pipe.
func (h *handler) openOnce(name string) (*os.File, fs.FileInfo, error) {
	f, err := h.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// toDirectory adds the slash without which a page's relative links would lead astray.
func (h *handler) toDirectory(w http.ResponseWriter, r *http.Request, name string) {
	if _, err := h.root.Stat(path.Join(name, "index.html")); err != nil {
		refuse(w, err)
		return
	}
	to := url.URL{Path: "./" + path.Base(name) + "/", RawQuery: r.URL.RawQuery}
	w.Header().Set("Location", to.String()) // relative: the handler may be mounted below another path
	w.WriteHeader(http.StatusMovedPermanently)
}

// refuse answers for a file that cannot be opened.
func refuse(w http.ResponseWriter, err error) {
	code := http.StatusNotFound // also for what leads out of the root, and for names that no file can have
	switch {
	case errors.Is(err, fs.ErrPermission):
		code = http.StatusForbidden
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE), errors.Is(err, syscall.EIO):
		code = http.StatusInternalServerError
	}
	http.Error(w, http.StatusText(code), code)
}

// serve answers with the content of f, or with that of the .gz beside it.
func (h *handler) serve(w http.ResponseWriter, r *http.Request, name string, f *os.File, info fs.FileInfo) {
	kind := kindOf(name)
	head := w.Header()
	head.Set("Content-Type", kind.media)
	head.Set("Cache-Control", kind.cache)
	head.Set("X-Content-Type-Options", "nosniff")
	if kind.text {
		head.Set("Vary", "Accept-Encoding")
		if acceptsGzip(r.Header.Get("Accept-Encoding")) {
			if z, zInfo := h.compressed(name, f, info); z != nil {
				defer z.Close()
				head.Set("Content-Encoding", "gzip")
				f, info = z, zInfo
			}
		}
	}
	head.Set("ETag", fmt.Sprintf(`"%x-%x"`, info.ModTime().UnixNano(), info.Size()))
	http.ServeContent(w, r, "", info.ModTime(), f)
}
