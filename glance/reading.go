package glance

import (
	"context"
	"crypto/sha512"
	"encoding/hex"
	"hash"
	"io"
	"sync"

	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/streams"
)

// reading is the content of one item on its way into several regions: one download feeds them all. A region that has
// to begin again, because its service failed, reads the source on its own.
type reading struct {
	ctx     context.Context
	name    string
	content store.Content
	report  func(read int64)

	mu     sync.Mutex
	sum    string // SHA-512 of the content, once it was read and found to be right
	shared *tee   // the first download

	feeding sync.WaitGroup // of that download; it ends once nobody reads from it any more and ctx is done
}

// tee copies one source to those that asked for it.
type tee struct {
	arrivals chan *io.PipeWriter // nil: one of those who were expected will not come
	expected int
}

// newReading prepares the content for that many regions.
func newReading(ctx context.Context, name string, c store.Content, regions int, report func(int64)) *reading {
	rd := &reading{ctx: ctx, name: name, content: c, report: report}
	if regions > 1 {
		rd.shared = &tee{arrivals: make(chan *io.PipeWriter, regions), expected: regions}
		rd.feeding.Go(rd.feed)
	}
	return rd
}

// share is one region's part in a reading.
type share struct {
	*reading
	used bool
}

// open reads the content from its start. It ends with an error unless the content is what is listed.
func (s *share) open() (io.ReadCloser, error) {
	if s.used || s.shared == nil {
		s.used = true
		return s.own()
	}
	s.used = true
	r, w := io.Pipe()
	s.shared.arrivals <- w
	return r, nil
}

// leave tells the others that this region's content has been read, or will not be.
func (s *share) leave() {
	if !s.used && s.shared != nil {
		s.shared.arrivals <- nil
	}
	s.used = true
}

// own is a download for one reader.
func (rd *reading) own() (io.ReadCloser, error) {
	r, err := rd.content.Open(rd.ctx, 0)
	if err != nil {
		return nil, err
	}
	c := &checked{rd: rd, closer: r}
	if rd.content.Digest.Algorithm != "sha512" {
		c.sha = sha512.New()
	}
	c.r = io.TeeReader(rd.content.Verify(rd.name, r), c)
	return c, nil
}

// feed waits until every region has asked for the content or said that it will not, and then reads it once.
func (rd *reading) feed() {
	var readers []*io.PipeWriter
	for range rd.shared.expected {
		if w := <-rd.shared.arrivals; w != nil {
			readers = append(readers, w)
		}
	}
	if len(readers) == 0 {
		return
	}
	err := rd.copyTo(readers)
	for _, w := range readers {
		w.CloseWithError(err) // nil: the end
	}
}

func (rd *reading) copyTo(readers []*io.PipeWriter) error {
	r, err := rd.own()
	if err != nil {
		return err
	}
	defer r.Close()
	block := make([]byte, 256<<10)
	for {
		n, err := r.Read(block)
		alive := 0
		for _, w := range readers {
			if n == 0 {
				alive++
			} else if _, failed := w.Write(block[:n]); failed == nil { // one that has closed does not hold up the others
				alive++
			}
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case alive == 0:
			return nil
		}
	}
}

// checked reads content that is verified, and notes its SHA-512 at its end if that is not what it is verified by.
type checked struct {
	rd     *reading
	r      io.Reader
	sha    hash.Hash // nil: nothing is noted
	read   int64
	closer io.Closer
}

func (c *checked) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if err == io.EOF && c.sha != nil {
		c.rd.mu.Lock()
		c.rd.sum = hex.EncodeToString(c.sha.Sum(nil))
		c.rd.mu.Unlock()
	}
	return n, err
}

// Write is told of what is read.
func (c *checked) Write(p []byte) (int, error) {
	c.read += int64(len(p))
	c.rd.report(c.read)
	if c.sha != nil {
		c.sha.Write(p)
	}
	return len(p), nil
}

func (c *checked) Close() error { return c.closer.Close() }

// digest returns the checksum that an image service would give for the content, by the algorithm that it uses; the zero
// Digest if it is not known.
func (rd *reading) digest(algorithm string) streams.Digest {
	rd.mu.Lock()
	defer rd.mu.Unlock()
	switch {
	case algorithm == rd.content.Digest.Algorithm:
		return rd.content.Digest
	case algorithm == "sha512" && rd.sum != "":
		return streams.Digest{Algorithm: algorithm, Hex: rd.sum}
	}
	return streams.Digest{}
}
