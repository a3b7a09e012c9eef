package publish

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/seed-43fb3962/sstream/sign"
	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/streams"
)

// forms returns the files that doc is published as, in the order in which they can be written: the clear-signed form,
// which carries its text along, is the last and tells that the others were written.
func (p *Publisher) forms(ctx context.Context, doc Document) ([]file, error) {
	companions := doc.Companions && (p.Gzip || p.Signer != nil)
	if companions {
		if err := doc.hold(); err != nil {
			return nil, fmt.Errorf("cannot make %s: %w", doc.Path, err)
		}
	}
	content, changed := doc.content(), doc.Changed
	if !changed {
		var err error
		if changed, err = p.differs(ctx, doc.Path, content); err != nil {
			return nil, err
		}
	}
	files := []file{{path: doc.Path, content: content, changed: changed}}
	if companions && p.Gzip {
		f, err := p.compressed(ctx, doc, changed)
		if err != nil {
			return nil, fmt.Errorf("cannot compress %s: %w", doc.Path, err)
		}
		files = append(files, f)
	}
	if companions && p.Signer != nil {
		signed, err := p.signed(ctx, doc, changed)
		if err != nil {
			return nil, fmt.Errorf("cannot sign %s: %w", doc.Path, err)
		}
		files = append(files, signed...)
	}
	return files, nil
}

// compressed returns the .gz of a document.
func (p *Publisher) compressed(ctx context.Context, doc Document, changed bool) (file, error) {
	path := doc.Path + ".gz"
	if !changed {
		r, err := p.Store.Open(ctx, path, 0)
		if err == nil {
			same := isGzipOf(r, doc.Data)
			r.Close()
			if same {
				return file{path: path}, nil
			}
		} else if ifThere(err) != nil {
			return file{}, err
		}
	}
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return file{}, err
	}
	if _, err := w.Write(doc.Data); err != nil {
		return file{}, err
	}
	if err := w.Close(); err != nil {
		return file{}, err
	}
	return file{path: path, content: store.Bytes(out.Bytes()), changed: true}, nil
}

func isGzipOf(r io.Reader, data []byte) bool {
	z, err := gzip.NewReader(r)
	if err != nil {
		return false
	}
	unpacked, err := io.ReadAll(io.LimitReader(z, int64(len(data))+1))
	return err == nil && bytes.Equal(unpacked, data)
}

// signed returns the two signed forms of a document.
func (p *Publisher) signed(ctx context.Context, doc Document, changed bool) ([]file, error) {
	detached := file{path: doc.Path + ".gpg", signs: doc.Path}
	clear := file{path: streams.SignedPath(doc.Path), signs: doc.Path}
	if clear.path == doc.Path {
		return nil, errors.New("its name does not end in .json")
	}
	text, err := signedText(doc)
	if err != nil {
		return nil, err
	}
	if !changed && !p.Resign {
		done, err := p.isSigned(ctx, doc.Path, text)
		if err != nil || done {
			return []file{detached, clear}, err
		}
	}
	signature, err := p.Signer.Detach(ctx, doc.Data)
	if err != nil {
		return nil, err
	}
	signed, err := p.Signer.Clearsign(ctx, text)
	if err != nil {
		return nil, err
	}
	detached.content, detached.changed = store.Bytes(signature), true
	clear.content, clear.changed = store.Bytes(signed), true
	return []file{detached, clear}, nil
}

// signedText is what the clear-signed form of a document says: an index leads to other clear-signed documents there.
func signedText(doc Document) ([]byte, error) {
	if !doc.Index {
		return doc.Data, nil
	}
	index, err := streams.ParseIndex(doc.Data)
	if err != nil {
		return nil, err
	}
	if !index.NameSigned() {
		return doc.Data, nil
	}
	return streams.Append(nil, index, streams.Style{Indent: 1, KeepOrder: true}), nil
}

// isSigned tells whether both signed forms are there and of the document at path, which has not changed: the clear-signed
// one by its text; the detached signature, which cannot be compared without the key, because it is written before that,
// and by being no older than the document.
func (p *Publisher) isSigned(ctx context.Context, path string, text []byte) (bool, error) {
	document, err := p.Store.Stat(ctx, path)
	if err != nil {
		return false, err
	}
	detached, err := p.Store.Stat(ctx, path+".gpg")
	if err == nil && !detached.Modified.Before(document.Modified) {
		var clear []byte
		clear, err = store.ReadAll(ctx, p.Store, streams.SignedPath(path), maxDocument)
		return err == nil && sign.Covers(clear, text), ifThere(err)
	}
	return false, ifThere(err)
}

// ifThere forgets about an error that says that nothing is there.
func ifThere(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// differs tells whether what is at path is not c.
func (p *Publisher) differs(ctx context.Context, path string, c store.Content) (bool, error) {
	info, err := p.Store.Stat(ctx, path)
	if errors.Is(err, fs.ErrNotExist) || (err == nil && c.Size >= 0 && info.Size != c.Size) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	same, err := store.Holds(ctx, p.Store, path, c)
	return !same, err
}
