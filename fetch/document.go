package fetch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"

	"github.com/seed-43fb3962/sstream/internal/pages"
	"github.com/seed-43fb3962/sstream/sign"
	"github.com/seed-43fb3962/sstream/streams"
)

// Document is a document as it was read, with what was read beside it.
type Document struct {
	*streams.Document // neither Index nor Products if an index lists it in a format that this program does not know

	Companions map[string][]byte // by path, what belongs to it: the .json.gpg that was verified with it
	Signature  *sign.Signature   // nil: it was not verified
	Unchanged  bool              // it is, to the byte, what the cache knows
	Stamps     map[string]Stamp  // for the cache of the next run, by path, its companions' too
	unparsed   []byte            // what is yet to be parsed; nil: nothing
}

// Stamp tells a server which content of a document is known, so that it need not send it again.
// It holds no secret and may be stored as JSON.
type Stamp struct {
	URL      string `json:"url"`                // where it was read, without user and query
	ETag     string `json:"etag,omitempty"`     // as the server wrote it
	Modified string `json:"modified,omitempty"` // as the server wrote it
	SHA256   string `json:"sha256"`             // of the content
	Products bool   `json:"products,omitempty"` // it was parsed, and is a products file
}

// Cache knows the documents of an earlier run, as they were published. It may be used by several goroutines at once.
type Cache interface {
	// Recall returns the content of the document at path and the stamp that it came with.
	// It returns nil if either is not there; what does not match its stamp is not used.
	Recall(ctx context.Context, path string) ([]byte, *Stamp)
}

// Detached says whether a document that is not clear-signed needs a detached signature beside it: index.json.gpg.
type Detached int

// The values of Detached.
const (
	DetachedIgnored  Detached = iota // none is looked for, as in the Python tools
	DetachedChecked                  // if one is there beside a .json document, it must be good
	DetachedRequired                 // there must be a good one beside every document
)

// Document reads, verifies and parses the document at path. A path that ends in "sjson" must be clear-signed; if it is
// not there and the policy does not verify, then the unsigned document beside it is read instead.
func (m *Mirror) Document(ctx context.Context, path string) (*Document, error) {
	if err := streams.CheckPath(path); err != nil {
		return nil, fmt.Errorf("cannot read a document: %w", err)
	}
	d, err := m.document(ctx, wanted{path: path, clear: isClear(path)})
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return d, err
	}
	return m.unsigned(ctx, path, err)
}

// isClear tells whether a run that begins with path demands clear-signed documents. The dot does not count, as it never did.
func isClear(path string) bool { return strings.HasSuffix(path, "sjson") }

// unsigned looks for the unsigned document beside the signed one that is not there.
func (m *Mirror) unsigned(ctx context.Context, path string, absent error) (*Document, error) {
	base, isSigned := strings.CutSuffix(path, ".sjson")
	other := base + ".json"
	if !isSigned {
		base, isJSON := strings.CutSuffix(path, ".json")
		other = base + ".sjson"
		if !isJSON {
			return nil, absent
		}
	}
	if !m.exists(ctx, other) {
		return nil, absent
	}
	switch {
	case !isSigned:
		return nil, fmt.Errorf("%w (a signed %s is there: use --path=%s)", absent, other, other)
	case !m.o.Policy.NoVerify && m.exists(ctx, other+".gpg"):
		return nil, fmt.Errorf("%w (%s is there with its signature beside it: use --path=%s, and --keyring to have it verified)", absent, other, other)
	case !m.o.Policy.NoVerify:
		return nil, fmt.Errorf("%w (an unsigned %s is there: to trust it, use --path=%s or --no-verify)", absent, other, other)
	}
	m.o.Logger.Warn("reading unsigned document", "path", other, "absent", path)
	return m.document(ctx, wanted{path: other})
}

func (m *Mirror) exists(ctx context.Context, path string) bool {
	err := m.newTour(m.sources).run(ctx, path, func(s *source) error {
		a, err := s.open(ctx, m, request{path: path, size: -1})
		if err == nil {
			a.body.Close()
		}
		return err
	})
	return err == nil
}

// wanted is a document that is to be read.
type wanted struct {
	path   string
	clear  bool           // it must be clear-signed
	opaque bool           // it is in a format of its own
	later  bool           // it need not be parsed if it is a products file that the cache knows
	size   int64          // as the index lists it; 0: not listed
	digest streams.Digest // as the index lists it
}

func (m *Mirror) document(ctx context.Context, w wanted) (d *Document, err error) {
	err = m.newTour(m.sources).run(ctx, w.path, func(s *source) (err error) {
		d, err = m.documentFrom(ctx, s, w, m.o.Cache)
		if err != nil && d != nil && d.Unchanged { // perhaps it is what was kept that is wrong
			d, err = m.documentFrom(ctx, s, w, nil)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return d, nil
}

// documentFrom reads a document from one source. If that is not what it should be, both d and err are returned.
func (m *Mirror) documentFrom(ctx context.Context, s *source, w wanted, cache Cache) (d *Document, err error) {
	d = &Document{Stamps: map[string]Stamp{}, Unchanged: true}
	raw, err := m.readAll(ctx, s, w.path, d, cache)
	if err != nil {
		return nil, err
	}
	d.Document = &streams.Document{Path: w.path, Raw: raw}
	if err := w.check(raw); err != nil {
		return d, err
	}
	body := raw
	if w.clear {
		var sig sign.Signature
		if body, sig, err = m.o.Policy.Clearsigned(raw); err != nil {
			return d, err
		}
		d.sign(m, sig)
	} else if need := m.needs(w); need != DetachedIgnored {
		if err := m.detached(ctx, s, d, need, cache); err != nil {
			return d, err
		}
	}
	switch {
	case w.opaque:
		return d, nil
	case w.later && d.Unchanged && d.Stamps[w.path].Products:
		d.unparsed = body
		return d, nil
	}
	return d, d.parse(body)
}

// Parse parses a products file that a walk has left unparsed, see [Options.ParseLater]. With others it does nothing.
func (d *Document) Parse() error {
	body := d.unparsed
	if body == nil {
		return nil
	}
	d.unparsed = nil
	if err := d.parse(body); err != nil {
		return fmt.Errorf("cannot read %s: %w", d.Path, err)
	}
	return nil
}

// parse takes the body apart. What is not JSON may still say what it is.
func (d *Document) parse(body []byte) error {
	parsed, err := streams.Parse(d.Path, body)
	if err == nil {
		d.Index, d.Products = parsed.Index, parsed.Products
		if stamp, ok := d.Stamps[d.Path]; ok {
			stamp.Products = d.Products != nil
			d.Stamps[d.Path] = stamp
		}
		return nil
	}
	switch {
	case bytes.HasPrefix(body, []byte("-----BEGIN PGP SIGNED MESSAGE-----")):
		return permanent("it is clear-signed, but the run began with a document that is not: begin with one that ends in .sjson")
	case bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")):
		return wrong("it is no JSON but a web page, as proxies and login pages send")
	}
	if inner := errors.Unwrap(err); inner != nil {
		err = inner // the caller names the document
	}
	return contentError{err}
}

func (w *wanted) check(raw []byte) error {
	if w.size > 0 && int64(len(raw)) != w.size {
		return wrong("it has %d bytes, where the index lists %d", len(raw), w.size)
	}
	if w.digest.Algorithm == "" {
		return nil
	}
	h, err := w.digest.New()
	if err != nil {
		return permanentError{err}
	}
	h.Write(raw)
	if sum := h.Sum(nil); !w.digest.Is(sum) {
		return wrong("its %s is %x, where the index lists %s", w.digest.Algorithm, sum, w.digest.Hex)
	}
	return nil
}

func (d *Document) sign(m *Mirror, sig sign.Signature) {
	if !m.o.Policy.NoVerify {
		d.Signature = &sig
	}
}

// needs tells whether a document that is not clear-signed needs a signature beside it.
func (m *Mirror) needs(w wanted) Detached {
	switch {
	case m.o.Policy.NoVerify, m.o.Detached == DetachedChecked && !strings.HasSuffix(w.path, ".json"):
		return DetachedIgnored
	case w.opaque && w.digest.Algorithm != "":
		return DetachedIgnored // the index vouches for it
	}
	return m.o.Detached
}

// detached verifies the signature beside a document.
func (m *Mirror) detached(ctx context.Context, s *source, d *Document, need Detached, cache Cache) error {
	path := d.Path + ".gpg"
	raw, err := m.readAll(ctx, s, path, d, cache)
	switch {
	case errors.Is(err, fs.ErrNotExist) && need == DetachedChecked:
		m.o.Logger.Warn("not verified: there is no signature beside it", "path", d.Path)
		if cache != nil {
			known, _ := cache.Recall(ctx, path)
			d.Unchanged = d.Unchanged && known == nil
		}
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: there is no %s beside it", sign.ErrNotSigned, path)
	case err != nil:
		return fmt.Errorf("%s: %w", path, err)
	}
	sig, err := m.o.Policy.Detached(d.Raw, raw)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	d.sign(m, sig)
	d.Companions = map[string][]byte{path: raw}
	return nil
}

// readAll reads a whole file into memory, or finds it in the cache if the server says that it is still the same.
func (m *Mirror) readAll(ctx context.Context, s *source, path string, d *Document, cache Cache) ([]byte, error) {
	rq := request{path: path, size: -1, pack: true}
	var known []byte
	if cache != nil {
		known, rq.known = cache.Recall(ctx, path)
		if rq.known != nil && rq.known.SHA256 != sum(known) {
			known, rq.known = nil, nil
		}
	}
	if rq.known != nil && rq.known.URL != s.name(path) {
		rq.known = nil // another server's names for its contents
	}
	a, err := s.open(ctx, m, rq)
	if err != nil {
		return nil, err
	}
	if a.notModified {
		d.Stamps[path] = *rq.known
		return known, nil
	}
	defer a.body.Close()
	raw, err := readLimited(a.body, max(a.size, int64(len(known))), m.o.MaxDocument)
	if err != nil {
		return nil, err
	}
	same := known != nil && bytes.Equal(raw, known)
	d.Unchanged = d.Unchanged && same
	if !m.o.NoStamps {
		a.stamp.URL, a.stamp.SHA256 = s.name(path), sum(raw)
		a.stamp.Products = same && rq.known != nil && rq.known.Products
		d.Stamps[path] = a.stamp
	}
	return raw, nil
}

func sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}

// readLimited reads all of r. The hint is about how much that is; it is believed only so far.
func readLimited(r io.Reader, hint, limit int64) ([]byte, error) {
	const believed = 64 << 20
	buf := pages.Make[byte](int(min(max(hint, 0), believed, limit) + bytes.MinRead))
	for {
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case int64(len(buf)) > limit:
			return nil, permanent("it has more than the %d bytes that a document may have", limit)
		case err == io.EOF:
			return buf, nil
		case err != nil:
			return nil, err
		case len(buf) == cap(buf):
			buf = append(buf, 0)[:len(buf)]
		}
	}
}

// stampOf returns what a server says about the content that it sends, if that will tell it from every other.
func stampOf(resp *http.Response) Stamp {
	st := Stamp{ETag: resp.Header.Get("ETag"), Modified: resp.Header.Get("Last-Modified")}
	if st.Modified != "" && !settled(resp) {
		return Stamp{}
	}
	return st
}
