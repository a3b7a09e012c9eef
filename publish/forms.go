package publish

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/seed-43fb3962/sstream/sign"
	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/streams"
)

// forms returns the files that doc is published as, in the order in which they can be written: the clear-signed form,
// which carries its text along, is the last and tells that the others were written.
func (p *Publisher) forms(ctx context.Context, doc Document) ([]file, error) {
	changed, err := p.differs(ctx, doc.Path, doc.Data)
	if err != nil {
		return nil, err
	}
	files := []file{{doc.Path, doc.Data, changed}}
	if doc.Companions && p.Gzip {
		f, err := p.compressed(ctx, doc, changed)
		if err != nil {
			return nil, fmt.Errorf("cannot compress %s: %w", doc.Path, err)
		}
		files = append(files, f)
	}
	if doc.Companions && p.Signer != nil {
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
		} else if !errors.Is(err, fs.ErrNotExist) {
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
	return file{path, out.Bytes(), true}, nil
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
	name, ok := strings.CutSuffix(doc.Path, ".json")
	if !ok {
		return nil, errors.New("its name does not end in .json")
	}
	text, err := signedText(doc)
	if err != nil {
		return nil, err
	}
	detached, clear := file{path: doc.Path + ".gpg"}, file{path: name + ".sjson"}
	if !changed && !p.Resign {
		done, err := p.isSigned(ctx, detached.path, clear.path, text)
		if err != nil || done {
			return []file{detached, clear}, err
		}
	}
	if detached.data, err = p.Signer.Detach(ctx, doc.Data); err != nil {
		return nil, err
	}
	if clear.data, err = p.Signer.Clearsign(ctx, text); err != nil {
		return nil, err
	}
	detached.changed, clear.changed = true, true
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
	changed := false
	for _, entry := range index.Entries.All() {
		if name, ok := strings.CutSuffix(entry.Str("path"), ".json"); ok {
			entry.Set("path", streams.String(name+".sjson"))
			changed = true
		}
	}
	if !changed {
		return doc.Data, nil
	}
	return streams.Append(nil, index, streams.Style{Indent: 1, KeepOrder: true}), nil
}

// isSigned tells whether the signed forms that are there are those of a document that has not changed. The clear-signed
// one is written last, and so stands for the detached signature, which cannot be compared without the key.
func (p *Publisher) isSigned(ctx context.Context, detached, clear string, text []byte) (bool, error) {
	_, err := p.Store.Stat(ctx, detached)
	if err == nil {
		var r io.ReadCloser
		if r, err = p.Store.Open(ctx, clear, 0); err == nil {
			defer r.Close()
			data, err := io.ReadAll(io.LimitReader(r, 2*int64(len(text))+1<<20))
			return err == nil && covers(data, text), err
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return false, err
}

// covers tells whether a clear-signed document is that of text, whoever signed it.
func covers(document, text []byte) bool {
	has, _, err := (&sign.Policy{NoVerify: true}).Clearsigned(document)
	if err != nil {
		return false
	}
	want, err := sign.Signable(text)
	if err != nil {
		return false
	}
	return bytes.Equal(bytes.TrimRight(has, "\n"), bytes.TrimRight(want, "\n"))
}

// differs tells whether what is at path is not data.
func (p *Publisher) differs(ctx context.Context, path string, data []byte) (bool, error) {
	info, err := p.Store.Stat(ctx, path)
	if errors.Is(err, fs.ErrNotExist) || (err == nil && info.Size != int64(len(data))) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	there, err := store.ReadAll(ctx, p.Store, path, int64(len(data)))
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	return !bytes.Equal(there, data), err
}
