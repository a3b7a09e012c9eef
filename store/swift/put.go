package swift

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strings"

	"github.com/seed-43fb3962/sstream/openstack"
	"github.com/seed-43fb3962/sstream/store"
)

// smallContent is read into memory, so that its checksum can go ahead of it.
const smallContent = 1 << 20

// Put implements [store.Store]. Content is streamed; its last bytes are sent once all of it is known to be right.
func (s *Store) Put(ctx context.Context, path string, c store.Content) error {
	name, err := s.name(path)
	if err != nil {
		return err
	}
	unlock, err := s.paths.lock(ctx, name)
	if err != nil {
		return err
	}
	defer unlock()
	if err := s.make(ctx, s.container); err != nil {
		return err
	}
	id := ""
	switch {
	case c.Size < 0 || c.Size <= smallContent:
		var whole bool
		if whole, err = s.putSmall(ctx, path, name, c); !whole && err == nil {
			id, err = s.putSegments(ctx, path, name, c)
		}
	case c.Size <= s.options.Segment:
		err = s.putStream(ctx, path, name, c)
	default:
		id, err = s.putSegments(ctx, path, name, c)
	}
	if err != nil {
		return err
	}
	return s.deleteSegments(ctx, name, id) // of what was there before
}

// Prepare implements [store.Preparer]: it makes the container and asks for that of segments.
func (s *Store) Prepare(ctx context.Context) error {
	if err := s.make(ctx, s.container); err != nil {
		return err
	}
	_, err := s.hasSegments(ctx)
	return err
}

// make makes sure that a container is there, with the ACL that is asked for.
func (s *Store) make(ctx context.Context, container string) error {
	s.ready.Lock()
	defer s.ready.Unlock()
	if s.made[container] {
		return nil
	}
	r := openstack.Request{
		Method: http.MethodPut, Path: object(container, ""), Doing: "make container " + container, OK: []int{http.StatusCreated, http.StatusAccepted},
	}
	if s.options.ReadACL != "" {
		r.Header = map[string]string{"X-Container-Read": s.options.ReadACL}
	}
	if _, err := s.service.Do(ctx, r); err != nil {
		return err
	}
	s.made[container] = true
	return nil
}

// putSmall puts content that fits into memory. It returns false if it does not, although its size was not known.
func (s *Store) putSmall(ctx context.Context, path, name string, c store.Content) (whole bool, err error) {
	r, err := c.Open(ctx, 0)
	if err != nil {
		return true, err
	}
	defer r.Close()
	limit := min(smallContent, s.options.Segment)
	data, err := io.ReadAll(io.LimitReader(c.Verify(path, r), limit+1))
	if err != nil || int64(len(data)) > limit {
		return err != nil, err
	}
	sum := md5.Sum(data)
	return true, s.retry(ctx, func() error {
		return s.put(ctx, s.container, name, "", hex.EncodeToString(sum[:]), openstack.Body{
			Size: int64(len(data)), Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil },
		})
	})
}

// putStream puts content as one object.
func (s *Store) putStream(ctx context.Context, path, name string, c store.Content) error {
	return s.retry(ctx, func() error {
		sum, etag := md5.New(), ""
		if c.Digest.Algorithm == "md5" {
			etag = c.Digest.Hex
		}
		body := openstack.Body{Size: c.Size, Open: func() (io.ReadCloser, error) {
			r, err := c.Open(ctx, 0)
			if err != nil {
				return nil, err
			}
			sum.Reset()
			return &reader{io.TeeReader(c.Verify(path, r), sum), r}, nil
		}}
		return s.putSummed(ctx, s.container, name, etag, sum, body)
	})
}

// putSummed puts an object and compares its checksum, which sum has once the body was read.
func (s *Store) putSummed(ctx context.Context, container, name, etag string, sum hash.Hash, body openstack.Body) error {
	got, err := s.send(ctx, container, name, "", etag, body)
	if err != nil {
		return err
	}
	if want := hex.EncodeToString(sum.Sum(nil)); got != "" && got != want {
		return errors.Join(fmt.Errorf("the object store has other bytes in %s/%s than were sent: md5 is %s, not %s", container, name, got, want),
			s.deleteObject(ctx, container, name))
	}
	return nil
}

type reader struct {
	io.Reader
	io.Closer
}

func (s *Store) put(ctx context.Context, container, name, query, etag string, body openstack.Body) error {
	_, err := s.send(ctx, container, name, query, etag, body)
	return err
}

// send makes one request and returns the ETag of the answer. Swift refuses content whose MD5 is not etag.
func (s *Store) send(ctx context.Context, container, name, query, etag string, body openstack.Body) (string, error) {
	r := openstack.Request{
		Method: http.MethodPut, Path: object(container, name) + query, Doing: "write " + container + "/" + name,
		OK: []int{http.StatusCreated, http.StatusAccepted}, Body: &body, Header: map[string]string{},
	}
	if etag != "" {
		r.Header["ETag"] = etag
	}
	resp, err := s.service.Do(ctx, r)
	if err != nil {
		return "", err
	}
	return strings.Trim(resp.Header.Get("Etag"), `"`), nil
}

// retry makes an upload again while it fails in a way that may pass. The content is read again.
func (s *Store) retry(ctx context.Context, put func() error) error {
	for n := 1; ; n++ {
		err := put()
		if err == nil || n >= s.options.Attempts || !openstack.Temporary(err) || ctx.Err() != nil {
			return err
		}
		if s.service.Cloud().Wait(ctx, n, err) != nil {
			return err
		}
	}
}
