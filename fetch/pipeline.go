package fetch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
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

// Small tells whether a [Pipeline] may ask for an item ahead.
func (it Item) Small() bool {
	return it.Size >= 0 && it.Size <= MaxPipelined && it.Digest.Algorithm != ""
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
// 9.3.2). It is for items that are [Item.Small]: of at most [MaxPipelined] bytes, and with a digest, as whoever reads them finds
// out then if a server or something on the way mixes them up. The root must be a web server with no proxy before it. Whatever that does not send as
// it was asked to is read as by [Mirror.Content], and so are all items if any is not of this kind.
//
// Contents are to be opened in their order, by one goroutine at a time: for one that was passed over, the server is asked again.
type Pipeline struct {
	m     *Mirror
	items []Item

	mu   sync.Mutex
	over bool  // nothing more is read here
	line *line // nil: not connected
	next int   // the item whose answer comes next
	sent int   // the first item that is not asked for
}

// Pipeline prepares to read items. Nothing is asked for before the first is opened.
func (m *Mirror) Pipeline(items []Item) *Pipeline {
	other := func(it Item) bool { return !it.Small() }
	return &Pipeline{m: m, items: items, over: m.lines == nil || len(items) < 2 || slices.ContainsFunc(items, other)}
}

// Content is the item with this number.
func (p *Pipeline) Content(i int) store.Content {
	it := p.items[i]
	c := p.m.content(it.Path, it.Size, it.Digest)
	c.pipeline, c.place = p, i
	return store.Content{Size: it.Size, Digest: it.Digest, Open: c.open}
}

// Close ends the pipeline. Items that are opened after it are read as by [Mirror.Content].
func (p *Pipeline) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.line != nil && p.next == p.sent && p.m.lines.keep(p.line) {
		p.line = nil
	}
	p.end()
}

// answer returns what the server sends for an item, nil if it has to be asked for alone.
func (p *Pipeline) answer(ctx context.Context, i int) *answer {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i >= p.next && p.ask(ctx, i) {
		it := p.items[p.next]
		resp, data, err := p.line.receive(ctx, it.Size)
		switch {
		case ctx.Err() != nil: // then the connection is closed, whatever has come
			p.end()
			return nil
		case err != nil:
			p.broken(ctx, err)
			continue
		case resp.StatusCode >= http.StatusBadRequest: // the others may be there, or at another time
			p.end()
			return nil
		case data == nil:
			p.m.lines.blame(fmt.Errorf("it answers %s, %d bytes", resp.Status, resp.ContentLength))
			p.end()
			return nil
		}
		p.next++
		if resp.Close || !resp.ProtoAtLeast(1, 1) {
			p.broken(ctx, errors.New("it hangs up after an answer"))
		}
		if p.next > i {
			return &answer{body: data, size: it.Size}
		}
		data.Close()
	}
	return nil
}

// ask sends requests unless enough are under way, and tells whether there is an answer to wait for.
func (p *Pipeline) ask(ctx context.Context, i int) bool {
	if p.next == p.sent {
		p.next, p.sent = i, i // nobody wants those before
	}
	switch {
	case p.over || p.m.lines.alone.Load():
		p.end()
	case p.sent-p.next > pipelineDepth/2, p.sent == len(p.items):
	case p.line == nil && !p.connect(ctx):
		p.end()
	default:
		// Of a server that hung up, what has come is read, and the end is met there. One that does not read is not waited for again.
		err := p.line.send(ctx, p.requests())
		if err != nil && (p.line.answers == 0 || errors.Is(err, os.ErrDeadlineExceeded)) {
			p.broken(ctx, err)
		}
	}
	return p.sent > p.next
}

// connect tells whether there is a connection. If not, whoever asks for an item alone is told why.
func (p *Pipeline) connect(ctx context.Context) bool {
	var err error
	p.line, err = p.m.lines.get(ctx)
	return err == nil
}

// requests are those for the next items, for as many as may be under way.
func (p *Pipeline) requests() (list []*http.Request) {
	depth, size := pipelineDepth, int64(0)
	if !p.line.tried() {
		depth = 2
	}
	for _, it := range p.items[p.next:p.sent] {
		size += it.Size
	}
	root := p.m.sources[0]
	for p.sent < len(p.items) && p.sent-p.next < depth && size < pipelineBytes {
		it := p.items[p.sent]
		r, err := http.NewRequest(http.MethodGet, root.address(root.slashes()[0], it.Path), nil)
		if err != nil {
			break
		}
		r.Header = p.m.plain
		list = append(list, root.authorized(r))
		size += it.Size
		p.sent++
	}
	return list
}

// broken goes on after the end of a connection: over another one, if this server is known to answer more than once on each.
func (p *Pipeline) broken(ctx context.Context, err error) {
	switch {
	case ctx.Err() != nil:
		p.end()
	case !p.line.tried() || errors.Is(err, os.ErrDeadlineExceeded):
		p.m.lines.blame(err)
		p.end()
	default:
		p.hangUp()
	}
}

// end leaves the rest of the items to be asked for alone.
func (p *Pipeline) end() {
	p.over = true
	p.hangUp()
}

func (p *Pipeline) hangUp() {
	if p.line != nil {
		p.line.conn.Close()
	}
	p.line, p.sent = nil, p.next
}
