package swift

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/seed-43fb3962/sstream/openstack"
	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/streams"
)

// segment is one part of a large object, as its manifest lists it.
type segment struct {
	Path string `json:"path"`
	ETag string `json:"etag"`
	Size int64  `json:"size_bytes"`
}

// segmentation is one large object on its way.
type segmentation struct {
	*Store
	path    string
	content store.Content
	id      string // of this attempt: the segments of two attempts never meet
	name    string
	hash    hash.Hash // of the content so far, nil if it has no digest
	size    int64     // so far
	list    []segment
}

// putSegments puts content in parts, and then the manifest that makes them one object. It returns the id of the parts.
func (s *Store) putSegments(ctx context.Context, path, name string, c store.Content) (string, error) {
	g := &segmentation{Store: s, path: path, content: c, id: rand.Text(), name: name}
	if c.Digest != (streams.Digest{}) {
		h, err := c.Digest.New()
		if err != nil {
			return "", fmt.Errorf("%s: %w", path, err)
		}
		g.hash = h
	}
	if err := s.make(ctx, s.segments()); err != nil {
		return "", err
	}
	err := g.putAll(ctx)
	if err == nil {
		err = g.putManifest(ctx)
	}
	if err != nil {
		after, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		return "", errors.Join(err, s.deleteNames(after, g.prefix(g.id)))
	}
	return g.id, nil
}

// prefix is how the names of the segments of one attempt begin. No path has an empty component, so that nothing else
// begins so.
func (g *segmentation) prefix(id string) string { return segmentPrefix(g.name) + id + "/" }

func segmentPrefix(name string) string { return name + "//" }

// putAll puts one segment after the other until the content has ended, and tells whether it is right.
func (g *segmentation) putAll(ctx context.Context) error {
	for {
		size, err := g.putOne(ctx)
		if err != nil {
			return err
		}
		if size < g.options.Segment || g.size == g.content.Size {
			break
		}
	}
	want := store.Reading{Size: g.content.Size, Digest: g.content.Digest}
	got := store.Reading{Size: g.size}
	if want.Size < 0 {
		got.Size = want.Size
	}
	if got.Size != want.Size {
		return &store.ContentError{Path: g.path, Want: want, Got: got}
	}
	if g.hash != nil {
		if sum := g.hash.Sum(nil); !g.content.Digest.Is(sum) {
			got = store.Reading{Size: g.size, Digest: streams.Digest{Algorithm: g.content.Digest.Algorithm, Hex: hex.EncodeToString(sum)}}
			return &store.ContentError{Path: g.path, Want: want, Got: got}
		}
	}
	return nil
}

// putOne puts the next segment and returns its size. What has failed is read again from where it began.
func (g *segmentation) putOne(ctx context.Context) (int64, error) {
	name := fmt.Sprintf("%s%08d", g.prefix(g.id), len(g.list))
	var part *part
	err := g.retry(ctx, func() error {
		part = g.part(ctx)
		return g.putSummed(ctx, g.segments(), name, "", part.md5, openstack.Body{Size: -1, Open: part.open})
	})
	if err != nil {
		return 0, err
	}
	if part.size == 0 { // a manifest cannot list it
		err = g.deleteObject(ctx, g.segments(), name)
	} else {
		g.list = append(g.list, segment{"/" + g.segments() + "/" + name, hex.EncodeToString(part.md5.Sum(nil)), part.size})
	}
	g.size, g.hash = g.size+part.size, part.hash
	return part.size, err
}

// part reads one segment.
type part struct {
	g    *segmentation
	ctx  context.Context
	r    io.ReadCloser
	md5  hash.Hash
	hash hash.Hash // of the whole content so far
	size int64
}

func (g *segmentation) part(ctx context.Context) *part { return &part{g: g, ctx: ctx, md5: md5.New()} }

func (p *part) open() (io.ReadCloser, error) {
	r, err := p.g.content.Open(p.ctx, p.g.size)
	if err != nil {
		return nil, err
	}
	p.r, p.size = r, 0
	p.md5.Reset()
	if p.g.hash != nil {
		clone, err := p.g.hash.(hash.Cloner).Clone() // all of the standard library's can
		if err != nil {
			r.Close()
			return nil, err
		}
		p.hash = clone
	}
	return p, nil
}

func (p *part) Close() error { return p.r.Close() }

// Read ends where the segment does. It reads one byte more than the content should have, to see that it has no more.
func (p *part) Read(b []byte) (int, error) {
	left := p.g.options.Segment - p.size
	if want := p.g.content.Size; want >= 0 {
		if rest := want - p.g.size - p.size; rest <= left {
			left = rest
			if left == 0 {
				return 0, p.end()
			}
		}
	}
	if left == 0 {
		return 0, io.EOF
	}
	n, err := p.r.Read(b[:min(int64(len(b)), left)])
	p.size += int64(n)
	p.md5.Write(b[:n])
	if p.hash != nil {
		p.hash.Write(b[:n])
	}
	return n, err
}

func (p *part) end() error {
	var one [1]byte
	n, err := io.ReadFull(p.r, one[:])
	if n > 0 {
		want := store.Reading{Size: p.g.content.Size, Digest: p.g.content.Digest}
		return &store.ContentError{Path: p.g.path, Want: want, Got: store.Reading{Size: want.Size + 1}}
	}
	return err
}

// putManifest makes the segments one object.
func (g *segmentation) putManifest(ctx context.Context) error {
	text, err := json.Marshal(g.list)
	if err != nil {
		return err
	}
	return g.retry(ctx, func() error {
		return g.put(ctx, g.container, g.name, "?multipart-manifest=put", "", openstack.Body{
			Size: int64(len(text)), Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil },
		})
	})
}

// deleteSegments deletes the segments that were made for an object, but for those of one attempt.
func (s *Store) deleteSegments(ctx context.Context, name, keep string) error {
	if there, err := s.hasSegments(ctx); !there || err != nil {
		return err
	}
	prefix := segmentPrefix(name)
	var list []string
	for segment, err := range s.names(ctx, s.segments(), prefix) {
		if err != nil {
			return err
		}
		if keep == "" || !strings.HasPrefix(segment, prefix+keep+"/") {
			list = append(list, segment)
		}
	}
	return s.deleteAll(ctx, list)
}

func (s *Store) deleteNames(ctx context.Context, prefix string) error {
	var list []string
	for segment, err := range s.names(ctx, s.segments(), prefix) {
		if err != nil {
			return err
		}
		list = append(list, segment)
	}
	return s.deleteAll(ctx, list)
}

func (s *Store) deleteAll(ctx context.Context, segments []string) error {
	for _, name := range segments {
		if err := s.deleteObject(ctx, s.segments(), name); err != nil {
			return err
		}
	}
	return nil
}

// hasSegments tells whether there may be segments. It asks once: only this store makes them.
func (s *Store) hasSegments(ctx context.Context) (bool, error) {
	s.ready.Lock()
	defer s.ready.Unlock()
	if there, known := s.made[s.segments()]; known {
		return there, nil
	}
	resp, err := s.service.Do(ctx, openstack.Request{
		Method: http.MethodHead, Path: object(s.segments(), ""), Doing: "look at container " + s.segments(),
		OK: []int{http.StatusNoContent, http.StatusOK, http.StatusNotFound},
	})
	if err != nil {
		return false, err
	}
	s.made[s.segments()] = resp.StatusCode != http.StatusNotFound
	return s.made[s.segments()], nil
}
