package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"

	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/streams"
)

// Item is a file of a mirror, as a catalogue lists it.
type Item struct {
	Path   string
	Size   int64          // in bytes; -1: not known
	Digest streams.Digest // the zero value: not known
}

// MaxPipelined is the largest size, in bytes, of items that a [Pipeline] asks for ahead. With larger ones it is not the
// round trips that take the time.
const MaxPipelined = 256 << 10

// What a pipeline has asked for and not read yet is at most this.
const (
	pipelineDepth = 32      // items: their requests can wait on the way while the server only sends
	pipelineBytes = 1 << 20 // of their content, and up to MaxPipelined more
)

// Pipeline reads small items over one connection, and asks for the next ones before the one before has come (RFC 9112,
// 9.3.2). It is for items of at most [MaxPipelined] bytes with a digest, as whoever stores them finds out then if a server or
// something on the way mixes them up; the root must be a web server with no proxy before it. Whatever that does not send as
// it was asked to is read as by [Mirror.Content], and so are all items if any is not of this kind.
//
// Contents are to be read in their order, each to its end, before the next is opened. When the context with which the first
// is opened ends, so does the pipeline.
type Pipeline struct {
	m      *Mirror
	source *source // the root
	items  []Item

	mu   sync.Mutex
	over bool  // nothing more is asked for ahead
	line *line // nil: not connected
	next int   // the item whose answer comes next
	sent int   // the first item that is not asked for

	last *pipelinedBody // what was handed out; nil: it is known to be read to its end
	ends bool           // the server hangs up after it
}

// Pipeline prepares to read items. Nothing is asked for before the first is opened.
func (m *Mirror) Pipeline(items []Item) *Pipeline {
	s := m.sources[0]
	other := func(it Item) bool { return it.Size < 0 || it.Size > MaxPipelined || it.Digest.Algorithm == "" }
	return &Pipeline{m: m, source: s, items: items, over: s.base == nil || len(items) < 2 || m.o.MaxConns > 0 || slices.ContainsFunc(items, other)}
}

// Content is the item with this number.
func (p *Pipeline) Content(i int) store.Content {
	it := p.items[i]
	c := p.m.content(it.Path, it.Size, it.Digest)
	c.ahead = func(ctx context.Context) *answer { return p.answer(ctx, i) }
	return store.Content{Size: it.Size, Digest: it.Digest, Open: c.open}
}

// Close ends the pipeline. What has not come by then is read as by [Mirror.Content].
func (p *Pipeline) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
	if p.line != nil && p.next == p.sent && (p.last == nil || p.last.whole && !p.ends) && p.line.release() {
		p.m.lines.keep(p.line)
		p.line = nil
	}
	p.hangUp()
}

// answer returns what the server sends for an item, nil if it has to be asked for alone.
func (p *Pipeline) answer(ctx context.Context, i int) *answer {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		p.finish()
		if i < p.next || !p.ask(ctx, i) {
			return nil
		}
		resp, err := p.line.receive(p.m.o.HeaderTimeout)
		if err != nil {
			p.broken(err)
			continue
		}
		it := p.items[p.next]
		switch {
		case resp.StatusCode == http.StatusNotFound: // as the others may be there
			p.giveUp(nil)
			return nil
		case resp.StatusCode != http.StatusOK || resp.ContentLength != it.Size || isEncoded(resp):
			p.giveUp(fmt.Errorf("it answers %s, %d bytes", resp.Status, resp.ContentLength))
			return nil
		}
		p.next++
		p.ends = resp.Close || !resp.ProtoAtLeast(1, 1)
		p.last = &pipelinedBody{pipeline: p, watchedBody: watchedBody{
			body: resp.Body, watch: p.line.watch, limit: &p.m.o.HTTP, idle: p.m.o.IdleTimeout,
		}}
		if p.next > i {
			return &answer{body: p.last, size: it.Size, tag: rangeTag(resp)}
		}
	}
}

// finish reads what is left of the body that was handed out last, so that the next answer follows.
func (p *Pipeline) finish() {
	if p.last == nil {
		return
	}
	_, err := io.Copy(io.Discard, &p.last.watchedBody)
	if err == nil && p.ends {
		err = io.EOF
	}
	if err != nil {
		p.broken(err)
	}
	p.last = nil
}

// ask sends requests unless enough are under way, and tells whether there is an answer to wait for.
func (p *Pipeline) ask(ctx context.Context, i int) bool {
	if p.next == p.sent {
		p.next, p.sent = i, i // nobody wants those before
	}
	waiting := p.sent > p.next
	switch {
	case p.sent-p.next > pipelineDepth/2, p.sent == len(p.items):
		return waiting
	case p.over, p.source.alone.Load(), p.source.avoided(p.m.o.Now().UnixNano()) > 0:
		return waiting
	}
	if err := p.send(ctx); err != nil {
		if ctx.Err() != nil {
			err = nil
		}
		p.giveUp(err)
		return false
	}
	return true
}

// send sends as many requests as may be under way.
func (p *Pipeline) send(ctx context.Context) (err error) {
	if p.line == nil {
		if p.line, err = p.m.lines.get(ctx, p.source); err != nil {
			return err
		}
	}
	depth, size := pipelineDepth, int64(0)
	if !p.line.tried() {
		depth = 2
	}
	for _, it := range p.items[p.next:p.sent] {
		size += it.Size
	}
	for p.sent < len(p.items) && p.sent-p.next < depth && size < pipelineBytes {
		it := p.items[p.sent]
		r, err := http.NewRequest(http.MethodGet, p.source.address(p.source.slashes()[0], it.Path), nil)
		if err != nil {
			return err
		}
		r.Header = p.m.plain
		if err := p.source.authorized(r).Write(p.line.out); err != nil {
			return err
		}
		size += it.Size
		p.sent++
	}
	return p.line.flush(size+int64(p.sent-p.next)*headerRoom, p.m.o.HeaderTimeout)
}

// broken goes on after the end of a connection: over another one, if there is hope that more than one request is answered.
func (p *Pipeline) broken(err error) {
	switch {
	case p.line.watch.late.Load():
		p.giveUp(errors.New("it takes too long"))
	case p.line.ctx.Err() != nil:
		p.giveUp(nil)
	case !p.line.tried():
		p.giveUp(fmt.Errorf("it hangs up: %w", err))
	default:
		p.hangUp()
	}
}

// giveUp leaves the rest of the items to be asked for alone, and if the server is why, those of other pipelines too.
func (p *Pipeline) giveUp(why error) {
	if why != nil && !p.source.alone.Swap(true) {
		p.m.o.Logger.Debug("files are asked for one by one", "url", p.source.name(""), "error", why)
	}
	p.over = true
	p.hangUp()
}

func (p *Pipeline) hangUp() {
	if p.line != nil {
		p.line.close()
	}
	p.line, p.last, p.sent = nil, nil, p.next
}

// pipelinedBody is what is read of an answer that others follow.
type pipelinedBody struct {
	watchedBody
	pipeline *Pipeline
	whole    bool // all of it was read
}

func (b *pipelinedBody) Read(data []byte) (int, error) {
	b.pipeline.mu.Lock()
	defer b.pipeline.mu.Unlock()
	n, err := b.watchedBody.Read(data)
	b.whole = err == io.EOF
	return n, err
}

// Close leaves the rest to be read before the next answer.
func (b *pipelinedBody) Close() error { return nil }
