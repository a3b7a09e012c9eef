package maintain

import (
	"context"
	"io"
	"log/slog"
	"path/filepath"
	"runtime"
	"slices"
	"time"
)

// Options are how [Build] works. The zero value lists the stream "images" for LXD and Incus, without making deltas,
// and publishes nothing.
type Options struct {
	Streams       []string // directories below the root; none: "images"
	StreamVersion string   // the directory below streams/ that the documents go to; "": "v1"
	Workers       int      // how many files are read, or deltas worked on, at a time; 0: one a processor

	Clients []Client // for whom; none: LXD and Incus
	Deltas  []string // ftypes of the roots that deltas are listed for; none: squashfs
	Differ  Differ   // makes and checks deltas; nil: none are made

	// Publish makes documents, by path below the root, visible to readers, all of them or none, each with its .gz.
	// nil: nothing is published.
	Publish func(ctx context.Context, docs map[string][]byte) error
	Signed  bool // Publish also signs: a document without its .sjson is published again

	Rebuild bool // start over where the catalogue that is there cannot be read

	// Seed keeps to what simplestream-maintainer does: the documents have the fields it gives them; a directory or a
	// description that cannot be read stops the build; products without a version are listed; a hand-edited product
	// stays as it is until there is something new to say of it; every delta on disk is listed, whatever it is based
	// on and however large; nothing is left below the root but the documents.
	Seed bool

	Now func() time.Time // nil: time.Now
	Log *slog.Logger     // nil: nothing is logged
}

func (o Options) withDefaults() Options {
	o.Streams = streamNames(o.Streams)
	if o.StreamVersion == "" {
		o.StreamVersion = "v1"
	}
	if o.Workers == 0 {
		o.Workers = runtime.NumCPU()
	}
	switch {
	case o.Seed:
		o.Clients, o.Deltas = []Client{LXD}, []string{ftypeSquashfs, ftypeDisk}
	case len(o.Clients) == 0:
		o.Clients = []Client{LXD, Incus}
	}
	if len(o.Deltas) == 0 {
		o.Deltas = []string{ftypeSquashfs}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	return o
}

// streamNames returns the names of streams, each once, of directories as people write them: "images/" is images.
func streamNames(dirs []string) []string {
	if len(dirs) == 0 {
		return []string{"images"}
	}
	var names []string
	for _, dir := range dirs {
		if name := filepath.ToSlash(filepath.Clean(dir)); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

func (o *Options) listsFor(c Client) bool { return slices.Contains(o.Clients, c) }
