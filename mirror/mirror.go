// Package mirror brings a store up to date with a Simple Streams source.
//
// A run reads every document of the source once, decides (package plan), and carries the decision out in an order in
// which an interruption at any point leaves a mirror whose documents list no file that is yet to come:
//
//  1. the names of the files to come (.sstream/mirror.json)
//  2. the files, verified while they are written, durable
//  3. product files and indexes, replaced as one
//  4. the record of what is held (.data/)
//  5. removal of the files that nothing is held for
//  6. what the next run need not decide again (.sstream/settled)
//
// There is no repair: the next run finds what an interrupted one left and goes on from there.
package mirror

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/seed-43fb3962/sstream/fetch"
	"github.com/seed-43fb3962/sstream/plan"
	"github.com/seed-43fb3962/sstream/sign"
	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/streams"
)

// Metadata says which documents a mirror publishes.
type Metadata int

// The two kinds of metadata.
const (
	Verbatim Metadata = iota // the source's own bytes, signatures and all, even if they list files that are not held
	Trimmed                  // documents that list what is held and nothing else, unsigned or signed with Options.Signer
)

// Options say what is mirrored and how. The zero value mirrors everything that streams/v1/index.sjson leads to,
// publishes the source's own documents and removes at once versions and items that left the source (products: Plan.RemoveProducts).
type Options struct {
	Path          string           // the document to begin with; "": streams.DefaultPath
	Plan          plan.Options     // versions and items wanted; CompareItems and Held are set by the run
	Wanted        string           // names what Plan's functions want: the same name, the same answers; "": they have none, and are asked in every run
	Metadata      Metadata         // what is published
	Signer        sign.Signer      // signs trimmed documents; nil: they are not signed
	NoItems       bool             // records and documents only: no item is read
	Unchecked     bool             // items may lack size and checksum, and are taken as they come
	Jobs          int              // items read at once; 0: 4
	Grace         time.Duration    // how long files stay after nothing lists them any more; 0: none
	MaxDelete     Limit            // refuses a run that would remove more; the zero value: no limit
	AllowRollback bool             // takes documents that are older than what was seen before
	UseDeltas     bool             // files are made of deltas that the source lists, where that saves reading them
	Seeds         []string         // directories to take files from whose size and checksum are right
	Progress      Progress         // is told what happens; nil: nobody
	Now           func() time.Time // nil: time.Now
	Log           *slog.Logger     // nil: nothing is logged
	Wait          time.Duration    // how long to wait for another run on the target; 0: that is an error
	ReadOnly      bool             // the target is not locked: the work can be looked at, but not be carried out
	Anew          bool             // everything is decided anew; false: where nothing can have changed, Work has no parts
}

// Progress is told what a run does. Its methods are called from several goroutines.
type Progress interface {
	Start(items int, bytes int64) // before the first item
	Bytes(path string, n int)     // n more bytes of it were read
	Done(path string, err error)  // it is there, or is not
}

// Work is what a run would do: it can be looked at, and then carried out once.
type Work struct {
	Parts []Part // one for each products file, in the order of the source; none if nothing is to be done (see Options.Anew)
	run   *run
}

// Part is what is to be done for one products file.
type Part struct {
	ContentID string
	Document  *fetch.Document
	Plan      *plan.Plan
	after     *streams.Products // what the target holds then
}

// Report says what a run did.
type Report struct {
	Items   int   // files that are new or were replaced
	Bytes   int64 // their size
	Adopted int   // of Items: found in the target, at another path or in a seed, verified and not read from the source
	Made    int   // of Items: made of a delta
	Saved   int64 // bytes that were not read from the source because of it, less those of deltas that were read in vain
	Removed int   // files removed
	Waiting int   // files that nothing lists, kept for the grace period
	NotHeld int   // items that a published document lists and the mirror does not hold, by choice of filters
}

// run is one run over a target that is locked.
type run struct {
	Options
	src     *fetch.Mirror
	dst     store.Store
	ledger  *ledger
	state   *state
	updated map[string]time.Time // goes into the state once it is true of what is published
	docs    []*fetch.Document    // everything that was read, each after what it lists
	settled *settled             // nil: it has to be decided what is to be done
	parts   []Part
	files   []*file           // what is to be written
	patches map[string]*patch // what is to be made of deltas, by path
	patcher *patcher          // where that is done
	unlock  func() error

	inTheWay []string // files that have to be removed before files can be written
}

// Prepare reads the source and decides what to do; the target is locked until [Work.Close].
func Prepare(ctx context.Context, src *fetch.Mirror, dst store.Store, o Options) (*Work, error) {
	r := &run{Options: o, src: src, dst: dst, updated: map[string]time.Time{}, unlock: func() error { return nil }}
	if r.Path == "" {
		r.Path = streams.DefaultPath
	}
	if r.Jobs <= 0 {
		r.Jobs = 4
	}
	if r.Now == nil {
		r.Now = time.Now
	}
	if r.Log == nil {
		r.Log = slog.New(slog.DiscardHandler)
	}
	if l, ok := dst.(store.Locker); ok && !o.ReadOnly {
		wait, cancel := context.WithTimeout(ctx, o.Wait)
		defer cancel()
		unlock, err := l.Lock(wait)
		switch {
		case err != nil && o.Wait == 0 && errors.Is(err, context.DeadlineExceeded):
			return nil, fmt.Errorf("target: %w; --wait=10m waits so long for it to end", err)
		case err != nil:
			return nil, fmt.Errorf("target: %w", err)
		}
		r.unlock = unlock
	}
	w := &Work{run: r}
	if err := r.prepare(ctx); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	w.Parts = r.parts
	return w, nil
}

// Close gives the target free.
func (w *Work) Close() error { return w.run.unlock() }

// Run is [Prepare], [Work.Apply] and [Work.Close].
func Run(ctx context.Context, src *fetch.Mirror, dst store.Store, o Options) (Report, error) {
	w, err := Prepare(ctx, src, dst, o)
	if err != nil {
		return Report{}, err
	}
	report, err := w.Apply(ctx)
	return report, errors.Join(err, w.Close())
}
