package vcdiff

import (
	"cmp"
	"fmt"
	"runtime"

	"github.com/seed-43fb3962/sstream/vcdiff/internal/lzma2"
)

// Options are the choices of [Encoder.Encode]. The zero value, and nil, are good for images of any size.
type Options struct {
	// Workers is how many windows are worked on at once. What is written does not depend on it. 0 means as many as
	// there are processors, or fewer if Memory does not suffice for them.
	Workers int

	// Memory is the most memory, in bytes, that is used at once, whatever the sizes: all that is not a page of a mapped
	// file. What is written depends on it, as with more the source is known more finely. 0 means 256 MiB; less than
	// 64 MiB means 64 MiB.
	Memory int64

	// WindowSize is how many bytes of the target stand in one window: decoders hold that much in memory. 0 means
	// 8 MiB, as xdelta3 has it, or less if Memory does not suffice for that; at least 4 KiB and at most 16 MiB, above
	// which xdelta3 3.0 refuses to decode. One for which Memory does not suffice is an error.
	WindowSize int

	// NoSecondary leaves all sections uncompressed, for decoders that were built without liblzma. Otherwise they are
	// compressed with LZMA where a look at them says that it pays.
	NoSecondary bool

	// MaxRatio is how large the delta may become, as a part of the target's size. Beyond that Encode stops with
	// [ErrNotWorthwhile], mostly after a look at a few places. 0 means no limit.
	MaxRatio float64
}

const (
	defaultWindow = 8 << 20
	leastWindow   = 4 << 10
	mostWindow    = 16 << 20 // XD3_HARDMAXWINSIZE of xdelta3 3.0

	mostDictionary = 16 << 20 // what decoders have to hold of each kind of sections

	defaultMemory = 256 << 20
	leastMemory   = 64 << 20
	programMemory = 8 << 20 // what a program has without doing anything
	windowMemory  = 256     // what is known of a window
)

// settled is o with all choices made.
func (o *Options) settled() (Options, error) {
	s := Options{}
	if o != nil {
		s = *o
	}
	s.Memory = max(cmp.Or(s.Memory, defaultMemory), leastMemory)
	if s.WindowSize == 0 {
		s.WindowSize = defaultWindow
		for s.workMemory() < workerMemory(s.WindowSize) {
			s.WindowSize /= 2
		}
	}
	if s.WindowSize < leastWindow || s.WindowSize > mostWindow {
		return s, fmt.Errorf("window size of %d bytes: it has to be from %d to %d", s.WindowSize, leastWindow, mostWindow)
	}
	if s.workMemory() < workerMemory(s.WindowSize) {
		return s, fmt.Errorf("window size of %d bytes: %d MiB of memory are not enough for that", s.WindowSize, s.Memory>>20)
	}
	if s.Workers <= 0 {
		s.Workers = runtime.GOMAXPROCS(0)
	}
	s.Workers = int(min(int64(s.Workers), s.workMemory()/workerMemory(s.WindowSize)))
	return s, nil
}

// check returns an error for sizes that there can be no delta of with these options.
func (s *Options) check(source, target int64) error {
	if source < 0 || target < 0 {
		return fmt.Errorf("source of %d bytes, target of %d: sizes are not negative", source, target)
	}
	if most := s.windowsMemory() / windowMemory; windowCount(target, s.WindowSize) > most {
		return fmt.Errorf("target of %d bytes: %d MiB of memory are enough for %d windows of %d bytes", target, s.Memory>>20, most, s.WindowSize)
	}
	return nil
}

// windowCount is how many windows a target has. Even an empty one has one: otherwise stock xdelta3 has "nothing to output".
func windowCount(target int64, window int) int64 {
	return max(1, (target-1)/int64(window)+1)
}

// A share of the memory is for the tables, one for the matches that are kept from the first round to the second, one for
// what else is known of the windows, one for what is remembered for compression, and the rest for the workers. For matches
// there is no more with more memory than usual, as many short ones from afar make larger deltas.
func (s *Options) anchorMemory() int64  { return s.Memory / 8 }
func (s *Options) fineMemory() int64    { return s.Memory / 8 } // when the anchors are not there any more
func (s *Options) matchMemory() int64   { return min(s.Memory, defaultMemory) / 16 }
func (s *Options) windowsMemory() int64 { return s.Memory / 32 }
func (s *Options) workMemory() int64 {
	work := s.Memory - s.fineMemory() - s.matchMemory() - s.windowsMemory() - programMemory
	for section := range sections {
		dict, slack := s.dictionary(section)
		work -= lzma2.StreamMemory(dict, slack)
	}
	return work
}

// dictionary is how far back sections of one kind are remembered, and slack how much more there is room for while they
// are compressed.
func (s *Options) dictionary(section int) (dict, slack int) {
	if section == dataSection {
		dict = int(min(s.Memory/16, mostDictionary))
		return dict, max(dict/2, s.WindowSize+batchSize)
	}
	dict = int(min(s.Memory/128, mostDictionary))
	return dict, dict
}

// workerMemory is what a worker needs at the most for windows of a size: the window, the literals in it, raw and
// compressed, its matches, for which there is twice room, and what is written of these.
func workerMemory(window int) int64 {
	const tables = 12 << 20
	return int64(window)*11/2 + tables
}
