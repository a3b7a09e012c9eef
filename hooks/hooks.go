// Package hooks synchronises with a mirror by running commands: one for each decision (is this version wanted?) and one
// for each thing to do (here is a new image). What is there already, the command for load_products says.
//
// A command is text for sh. It learns what it is about from its environment: HOOK is the name of the hook, every scalar
// field of the entity is a variable of its own, and FIELDS lists their names. In the text, %(name)s stands for a field,
// as one word whatever it holds: see [Options.Commands].
//
// Fields come from a catalogue that somebody else writes. Only those whose name can mean nothing to a shell, a loader or
// another program become variables, and no value is ever read as shell text.
package hooks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-43fb3962/sstream/fetch"
	"github.com/seed-43fb3962/sstream/streams"
)

// Names of the hooks, in the order of the old tool's options.
const (
	FilterIndexEntry = "filter_index_entry"
	FilterItem       = "filter_item"
	FilterProduct    = "filter_product"
	FilterVersion    = "filter_version"
	InsertIndex      = "insert_index"
	InsertIndexEntry = "insert_index_entry"
	InsertItem       = "insert_item"
	InsertProduct    = "insert_product"
	InsertProducts   = "insert_products"
	InsertVersion    = "insert_version"
	LoadProducts     = "load_products"
	RemoveItem       = "remove_item"
	RemoveProduct    = "remove_product"
	RemoveVersion    = "remove_version"
)

// Names are all hooks.
var Names = [...]string{FilterIndexEntry, FilterItem, FilterProduct, FilterVersion, InsertIndex, InsertIndexEntry, InsertItem,
	InsertProduct, InsertProducts, InsertVersion, LoadProducts, RemoveItem, RemoveProduct, RemoveVersion}

// Default is the key in [Options.Commands] of the command for every hook that has none of its own.
const Default = "hook"

// Options say what is run and when. Only Commands has no useful zero value.
type Options struct {
	Path string // the document to begin with; "": streams.DefaultPath

	// Commands are the commands by hook name, or [Default]. There must be one for load_products; a hook without one
	// does nothing and says yes. insert_index_entry is run only if it has one of its own.
	//
	// A command is run as sh -c COMMAND. %(name)s in it stands for the field of that name, %% for a percent sign.
	// The value is not put into the text but handed to sh as an argument, so that it is one word and is never parsed.
	//
	// A filter exits with 0 for yes and 1 for no. Every other status, and any but 0 of another hook, ends the run with
	// an [*ExitError].
	Commands map[string]string

	Max            *int // how many versions of a product are wanted, the newest; nil: all. See plan.Options
	Keep           bool // versions that left the source stay, up to Max
	RemoveUnwanted bool // remove versions that filter_version refused and that are there
	RemoveProducts bool // remove products that are there and not in the source

	SkipDownload bool          // insert_item gets no local copy of the file
	Unchecked    bool          // take files for which no size or no checksum is listed
	LoadFormat   LoadFormat    // what load_products prints; "": SerialList
	Unset        *string       // what %(name)s stands for if there is no such field; nil: that is an error
	Jobs         int           // insert_item hooks of one version that run at once; 0: one
	Timeout      time.Duration // how long a hook may run; 0: without end

	TempDir string    // where local copies go; "": os.TempDir
	Env     []string  // what hooks inherit; nil: this process's environment
	Stdin   io.Reader // nil: nothing to read
	Stdout  io.Writer // what hooks print, except load_products; nil: it is lost
	Stderr  io.Writer // nil: it is lost

	Log *slog.Logger // nil: nothing is logged
}

// ExitError is a hook that failed.
type ExitError struct {
	Hook  string // its name
	About string // what it was run for; "" if its name says all
	Code  int    // its exit status, 128 and the signal if one ended it
}

// SIGPIPE is the Code of a hook whose reader went away: no failure of anybody.
const SIGPIPE = 128 + 13

func (e *ExitError) Error() string {
	what := "hook " + e.Hook
	if e.About != "" {
		what += " for " + e.About
	}
	hint := ""
	if e.Code == 127 {
		hint = " (the shell did not find the command)"
	}
	return fmt.Sprintf("%s failed: exit status %d%s", what, e.Code, hint)
}

// Run reads src from o.Path on and runs the hooks for what it finds.
func Run(ctx context.Context, src *fetch.Mirror, o Options) (err error) {
	r, err := newRun(src, o)
	if err != nil {
		return err
	}
	if r.temp, err = os.MkdirTemp(o.TempDir, "sstream-sync-*"); err != nil {
		return fmt.Errorf("cannot make a directory for local copies: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(r.temp)) }()
	for doc, err := range src.Walk(ctx, r.Path, r.wantEntry(ctx)) {
		if err != nil {
			return err
		}
		if err := r.document(ctx, doc); err != nil {
			return err
		}
	}
	return nil
}

// run is one call of Run.
type run struct {
	Options
	src      *fetch.Mirror
	commands map[string]*template // by hook; nothing for those without a command
	temp     string               // directory for local copies and documents
	copies   atomic.Int64         // how many files were made there
	entries  map[string]entry     // by path: index entries whose document comes next

	output sync.Mutex // for what hooks print, if that is no file

	mu   sync.Mutex
	said map[string]bool // fields that the log names already
}

func newRun(src *fetch.Mirror, o Options) (*run, error) {
	r := &run{Options: o, src: src, commands: map[string]*template{}, entries: map[string]entry{}, said: map[string]bool{}}
	if r.Path == "" {
		r.Path = streams.DefaultPath
	}
	if r.Log == nil {
		r.Log = slog.New(slog.DiscardHandler)
	}
	if r.Env == nil {
		r.Env = os.Environ()
	}
	r.Jobs = max(r.Jobs, 1)
	if r.Keep && r.Max == nil {
		return nil, errors.New("keep needs a maximum: say how many versions are to be kept")
	}
	switch r.LoadFormat {
	case "", SerialList, JSON:
	default:
		return nil, fmt.Errorf("load_products can print %s or %s, not %q", SerialList, JSON, r.LoadFormat)
	}
	for _, name := range Names {
		text := o.Commands[name]
		if text == "" && name != InsertIndexEntry {
			text = o.Commands[Default]
		}
		if text == "" {
			continue
		}
		t, err := parseTemplate(text)
		if err != nil {
			return nil, fmt.Errorf("hook %s: %w", name, err)
		}
		r.commands[name] = t
	}
	if r.commands[LoadProducts] == nil {
		return nil, errors.New("no command for load_products: it says what is there already (true, if nothing is)")
	}
	return r, nil
}
