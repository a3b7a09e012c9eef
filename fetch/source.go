package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
)

// source is one root: the first, or one of the mirrors behind it.
type source struct {
	text   string   // as it was given
	base   *url.URL // without user and fragment; nil: a directory
	dir    string   // the directory, "" for the current one
	user   *url.Userinfo
	header http.Header // of the options; only for the root
	bearer string      // likewise

	secrets http.Header // what its server is told

	slash    atomic.Pointer[string] // what stands between root and path, once that is known
	answered atomic.Bool            // it has answered before, so it is there
	whole    atomic.Bool            // it sends no parts of files
	speed    speed                  // at which it sends parts
	avoid    atomic.Int64           // until when (Unix nanoseconds) others are asked first, because it failed
}

// request is what is asked of a source.
type request struct {
	path  string
	off   int64  // the first byte that is wanted
	end   int64  // the byte after the last; 0: the end of the file
	tag   string // the ETag or date that the earlier bytes had: the file is sent whole if it is another one now
	known *Stamp // a document: send it only if it is not this one
	size  int64  // that the file should have; -1: not known
	pack  bool   // may be sent compressed
	fresh bool   // not what a proxy on the way kept
}

// answer is what a source sends.
type answer struct {
	body        io.ReadCloser // nil if notModified
	from        int64         // the place of its first byte in the file: at or before request.off
	size        int64         // of the whole file; -1: not known
	tag         string        // for request.tag
	stamp       Stamp         // if request.pack was set
	notModified bool
	part        bool // no more is sent than what was asked for
}

// avoided is 1 while others should be asked first, else 0.
func (s *source) avoided(now int64) int {
	if s.avoid.Load() > now {
		return 1
	}
	return 0
}

func newSource(text string) (*source, error) {
	scheme, rest, found := strings.Cut(text, ":")
	switch {
	case !found:
		return &source{text: text, dir: text}, nil
	case strings.EqualFold(scheme, "http"), strings.EqualFold(scheme, "https"):
		u, err := url.Parse(text)
		switch {
		case err != nil:
			return nil, errors.New("it is not a valid URL")
		case u.Host == "":
			return nil, errors.New("the URL has no host")
		}
		user := u.User
		u.User, u.Fragment, u.RawFragment = nil, "", ""
		return &source{text: text, base: u, user: user}, nil
	case strings.EqualFold(scheme, "file"):
		dir := fileURL(rest)
		if dir == "" {
			return nil, errors.New("the URL has no path: use file:///directory/")
		}
		return &source{text: text, dir: dir}, nil
	case strings.HasPrefix(rest, "//"):
		return nil, fmt.Errorf("%s: cannot be read: use http:, https:, file: or a directory", scheme)
	}
	return &source{text: text, dir: text}, nil
}

// fileURL returns the directory that a file: URL means, "" if none. The tools never decoded it, so a directory of exactly
// that name comes first.
func fileURL(rest string) string {
	if host, ok := strings.CutPrefix(rest, "//"); ok {
		_, path, ok := strings.Cut(host, "/")
		if !ok {
			return ""
		}
		rest = "/" + path
	}
	if _, err := os.Stat(rest); err == nil {
		return rest
	}
	if decoded, err := url.PathUnescape(rest); err == nil {
		return decoded
	}
	return rest
}

// slashes are the ways to join root and path, the likelier first.
func (s *source) slashes() []string {
	if known := s.slash.Load(); known != nil {
		return []string{*known}
	}
	root := s.dir
	if s.base != nil {
		root = s.base.String()
	}
	switch {
	case root == "" || strings.HasSuffix(root, "/"):
		return []string{""}
	case s.base != nil && s.base.RawQuery != "":
		return []string{"", "/"}
	}
	return []string{"/", ""}
}

// prefix is the root as it was given, with the slash that it needs.
func (s *source) prefix() string { return s.text + s.slashes()[0] }

// name is the address of a file for messages.
func (s *source) name(path string) string { return Redact(s.prefix()) + path }

// open asks for a file. Errors do not name it.
func (s *source) open(ctx context.Context, m *Mirror, rq request) (*answer, error) {
	var first error
	for _, slash := range s.slashes() {
		a, err := s.openAt(ctx, m, slash, rq)
		if err == nil {
			s.slash.Store(&slash)
			return a, nil
		}
		if first == nil {
			first = err
		}
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
			break
		}
	}
	return nil, first
}

func (s *source) openAt(ctx context.Context, m *Mirror, slash string, rq request) (*answer, error) {
	if s.base == nil {
		return openFile(s.dir+slash+rq.path, rq.off)
	}
	a, err := m.get(ctx, s, s.address(slash, rq.path), rq)
	if errors.Is(err, fs.ErrNotExist) {
		if u := s.addressAsWritten(slash, rq.path); u != "" {
			if a, err := m.get(ctx, s, u, rq); err == nil {
				return a, nil
			}
		}
	}
	return a, err
}

// address is where a file of that name is: the name is data, and nothing in it means a part of a URL.
func (s *source) address(slash, path string) string {
	escaped := (&url.URL{Path: path}).EscapedPath()
	if s.base.RawQuery != "" {
		escaped = url.QueryEscape(path)
	}
	return s.base.String() + slash + escaped
}

// addressAsWritten is where the tools looked, who took a name for a part of a URL: some streams list names with %20.
// It is "" if that is no other place.
func (s *source) addressAsWritten(slash, path string) string {
	if !strings.ContainsAny(path, "%?") || s.base.RawQuery != "" {
		return ""
	}
	u, err := url.Parse(s.base.String() + slash + path)
	if err != nil || u.Host != s.base.Host {
		return ""
	}
	return u.String()
}

func openFile(name string, off int64) (*answer, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, fileError(err)
	}
	if !info.Mode().IsRegular() { // a pipe would make the open wait
		return nil, errors.New("it is not a regular file")
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fileError(err)
	}
	if off > 0 {
		if _, err := f.Seek(off, io.SeekStart); err != nil {
			f.Close()
			return nil, fileError(err)
		}
	}
	return &answer{body: f, from: off, size: info.Size(), part: true}, nil
}

// fileError takes the name out of an error, which the caller gives in its own way.
func fileError(err error) error {
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		err = at.Err
	}
	switch err {
	case syscall.ENOENT, syscall.ENOTDIR, syscall.ENAMETOOLONG:
		return fmt.Errorf("there is no such file%w", hidden{fs.ErrNotExist})
	}
	return err
}

// hidden wraps an error without its text.
type hidden struct{ error }

func (hidden) Error() string   { return "" }
func (h hidden) Unwrap() error { return h.error }

// Redact returns the address of a mirror or file as it may be shown: without user, password and query.
func Redact(address string) string {
	scheme, rest, found := strings.Cut(address, "://")
	if !found || strings.EqualFold(scheme, "file") {
		return address
	}
	end := strings.IndexAny(rest+"/", "/?#")
	if at := strings.LastIndexByte(rest[:end], '@'); at >= 0 {
		rest = rest[at+1:]
	} else if _, err := url.Parse("http://" + rest[:end]); err != nil { // a password with a slash in it
		rest = rest[strings.LastIndexByte(rest, '@')+1:]
	}
	if before, _, query := strings.Cut(rest, "?"); query {
		rest = before + "?…"
	}
	return scheme + "://" + rest
}
