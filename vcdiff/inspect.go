package vcdiff

import (
	"fmt"
	"io"
)

// Info is what a delta tells about itself. Sizes are in bytes.
type Info struct {
	Secondary  Secondary // how sections are compressed, where they are
	AppHeader  []byte    // as it is; xdelta3 writes the names of its files there; nil if there is none
	Windows    int
	Checksums  int   // windows with a checksum of what they make
	Target     int64 // size of what the delta makes
	SourceUsed int64 // where in the source the last byte lies that is used, plus one: a source is no shorter
	Copies     int64 // COPY instructions from the source
	Copied     int64 // bytes they make
	Repeated   int64 // bytes of the target that are copied from the target, or that runs of one byte make
	Added      int64 // bytes of the target that the delta holds
	MaxWindow  int64 // the largest target window

	Data, Instructions, Addresses Section
}

// Section is how large one section is in all windows together.
type Section struct {
	Size   int64
	Stored int64 // in the delta, where it may be compressed once more
}

// Inspect reads a whole delta, without a source, and says what is in it. Errors are as those of [Decode].
func Inspect(delta io.Reader) (Info, error) {
	d, err := newDeltaReader(delta, defaultMaxWindow)
	if err != nil {
		return Info{}, fmt.Errorf("vcdiff: %w", err)
	}
	defer d.close()
	info := Info{Secondary: d.secondary, AppHeader: d.app}
	for {
		var w window
		err := d.next(&w)
		if err == io.EOF {
			return info, nil
		}
		if err == nil {
			err = info.count(&w)
		}
		if err != nil {
			return info, fmt.Errorf("vcdiff: window at byte %d: %w", info.Target, err)
		}
	}
}

func (info *Info) count(w *window) error {
	info.Windows++
	info.Target += int64(w.size)
	info.MaxWindow = max(info.MaxWindow, int64(w.size))
	if w.hasAdler {
		info.Checksums++
	}
	for i, s := range []*Section{&info.Data, &info.Instructions, &info.Addresses} {
		s.Size += int64(len(w.section[i]))
		s.Stored += int64(w.stored[i])
	}
	return w.steps(func(s step) error {
		switch {
		case s.kind == add:
			info.Added += int64(s.n)
		case s.kind == cpy && s.addr < w.segment:
			n := min(int64(s.n), int64(w.segment-s.addr))
			info.Copies++
			info.Copied += n
			info.Repeated += int64(s.n) - n
			info.SourceUsed = max(info.SourceUsed, int64(w.position+s.addr)+n)
		default:
			info.Repeated += int64(s.n)
		}
		return nil
	})
}
