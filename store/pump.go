package store

import (
	"context"
	"io"
	"sync"
)

const bufferSize = 256 << 10

// pump moves content through buffers. Long content is hashed beside reading and writing, on another core.
type pump struct {
	ctx     context.Context
	meter   *meter
	buffers *sync.Pool
	full    chan pumped // to the hasher; nil if there is none
	hashing sync.WaitGroup
}

type pumped struct {
	buffer *[bufferSize]byte
	data   []byte
}

func (d *Dir) newPump(ctx context.Context, m *meter) *pump {
	p := &pump{ctx: ctx, meter: m, buffers: &d.buffers}
	if m.hash != nil && (m.want.Size < 0 || m.want.Size > 2*bufferSize) {
		p.full = make(chan pumped, 2)
		go p.hash()
	}
	return p
}

func (p *pump) hash() {
	for b := range p.full {
		p.meter.hash.Write(b.data)
		p.buffers.Put(b.buffer)
		p.hashing.Done()
	}
}

// move reads r to its end, counts and hashes it, and hands it to write, unless that is nil.
// It stops one byte after the promised size.
func (p *pump) move(r io.Reader, write func([]byte) error) error {
	for {
		if err := p.ctx.Err(); err != nil {
			return err
		}
		buffer := p.buffers.Get().(*[bufferSize]byte)
		n := bufferSize - p.meter.size%bufferSize // so that writes are aligned after a resume as well
		if left := p.meter.want.Size - p.meter.size; left >= 0 {
			n = min(n, left+1)
		}
		data, err := readFull(r, buffer[:n])
		data = p.meter.count(data)
		if write != nil && len(data) > 0 {
			if err := write(data); err != nil {
				p.buffers.Put(buffer)
				return err
			}
		}
		p.pass(pumped{buffer, data})
		switch {
		case p.meter.over || err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

// pass has the data of a buffer hashed, and the buffer used again.
func (p *pump) pass(b pumped) {
	if p.full != nil {
		p.hashing.Add(1)
		p.full <- b
		return
	}
	if p.meter.hash != nil {
		p.meter.hash.Write(b.data)
	}
	p.buffers.Put(b.buffer)
}

// end tells whether what was moved is what was promised.
func (p *pump) end() error {
	p.hashing.Wait()
	return p.meter.end()
}

func (p *pump) stop() {
	if p.full != nil {
		close(p.full)
	}
}

// readFull reads until buffer is full or r ends. Unlike [io.ReadFull] it keeps a reader's own io.ErrUnexpectedEOF, a
// broken connection, apart from an end in the middle of the buffer, which is io.EOF here.
func readFull(r io.Reader, buffer []byte) ([]byte, error) {
	n := 0
	for idle := 0; n < len(buffer); idle++ {
		k, err := r.Read(buffer[n:])
		n += k
		if err != nil {
			return buffer[:n], err
		}
		if k > 0 {
			idle = 0
		}
		if idle > 100 {
			return buffer[:n], io.ErrNoProgress
		}
	}
	return buffer[:n], nil
}
