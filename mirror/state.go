package mirror

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/seed-43fb3962/sstream/fetch"
	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/streams"
)

// statePath holds what the Python tool has no place for. It can be deleted: the next run reads every document anew,
// and files that wait for their removal stay.
const statePath = ".sstream/mirror.json"

// state is what a target remembers beside its records.
type state struct {
	// Stamps are what the source said of the published documents when they were read, by path.
	Stamps map[string]fetch.Stamp `json:"stamps,omitempty"`
	// Updated is the latest date seen of a document, by its address: a stream does not go back.
	Updated map[string]time.Time `json:"updated"`
	// Made are documents that trimmed runs have written, with their signatures, in order. Verbatim ones replace them.
	Made []string `json:"made,omitempty"`
	// Coming are the files that a run is about to write or was when it was interrupted, in order.
	Coming []string `json:"coming,omitempty"`
	// Going are files that nothing lists any more, with the time since when.
	Going map[string]time.Time `json:"going,omitempty"`
}

// loadState reads the state of a target; one that cannot be read counts as none.
func loadState(ctx context.Context, src store.Source, log *slog.Logger) (*state, error) {
	s := new(state)
	data, err := readAll(ctx, src, statePath)
	if err != nil {
		return nil, err
	}
	if data != nil {
		if err := json.Unmarshal(data, s); err != nil {
			log.Warn(fmt.Sprintf("%s is damaged and is begun anew: %v", statePath, err))
			s = new(state)
		}
	}
	slices.Sort(s.Coming)
	if s.Stamps == nil {
		s.Stamps = map[string]fetch.Stamp{}
	}
	if s.Updated == nil {
		s.Updated = map[string]time.Time{}
	}
	if s.Going == nil {
		s.Going = map[string]time.Time{}
	}
	return s, nil
}

// comes tells whether a file is one of Coming.
func (s *state) comes(path string) bool {
	_, found := slices.BinarySearch(s.Coming, path)
	return found
}

func (s *state) save(ctx context.Context, dst store.Store) error {
	return write(ctx, dst, statePath, store.Rendered(s.render))
}

// render writes s as JSON, the files to come one by one: they may be as many as the catalogue has.
func (s *state) render(w io.Writer) error {
	rest := *s
	rest.Coming = nil
	text, err := json.MarshalIndent(rest, "", " ")
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(w, 32<<10)
	_, _ = out.Write(bytes.TrimSuffix(text, []byte("\n}"))) // Flush tells
	lead := ",\n \"coming\": [\n  "
	for _, path := range s.Coming {
		text = append(text[:0], lead...)
		_, _ = out.Write(streams.AppendText(text, path, streams.HTML))
		lead = ",\n  "
	}
	if len(s.Coming) > 0 {
		_, _ = out.WriteString("\n ]")
	}
	_, _ = out.WriteString("\n}\n")
	return out.Flush()
}

// Published returns the documents that a target publishes as the cache of the next run: the source need not send them
// again as long as they have not changed.
func Published(dst store.Source) fetch.Cache { return &published{dst: dst} }

type published struct {
	dst   store.Source
	once  sync.Once
	state *state
}

func (p *published) Recall(ctx context.Context, path string) ([]byte, *fetch.Stamp) {
	p.once.Do(func() {
		var err error
		if p.state, err = loadState(ctx, p.dst, slog.New(slog.DiscardHandler)); err != nil {
			p.state = new(state)
		}
	})
	stamp, ok := p.state.Stamps[path]
	if !ok {
		return nil, nil
	}
	data, err := readAll(ctx, p.dst, path)
	if err != nil {
		return nil, nil
	}
	return data, &stamp
}
