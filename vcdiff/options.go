package vcdiff

import (
	"fmt"
	"runtime"
)

// Options are the choices of [Encoder.Encode]. The zero value, and nil, are good for images of any size.
type Options struct {
	// Workers is how many windows are worked on at once. What is written does not depend on it. 0 means as many as
	// there are processors, or fewer if Memory does not suffice for them.
	Workers int

	// Memory is about the most memory, in bytes, that is used at once, whatever the sizes. What is written depends on
	// it, as with more the source is known more finely. 0 means 256 MiB; less than 64 MiB means 64 MiB.
	Memory int64

	// WindowSize is how many bytes of the target stand in one window: decoders hold that much in memory. 0 means
	// 8 MiB, as xdelta3 has it; at least 4 KiB and at most 16 MiB, above which xdelta3 3.0 refuses to decode.
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
)

// settled is o with all choices made.
func (o *Options) settled() (Options, error) {
	s := Options{}
	if o != nil {
		s = *o
	}
	if s.WindowSize == 0 {
		s.WindowSize = defaultWindow
	}
	if s.WindowSize < leastWindow || s.WindowSize > mostWindow {
		return s, fmt.Errorf("window size of %d bytes: it has to be from %d to %d", s.WindowSize, leastWindow, mostWindow)
	}
	if s.Memory == 0 {
		s.Memory = defaultMemory
	}
	s.Memory = max(s.Memory, leastMemory)
	if s.Workers <= 0 {
		s.Workers = runtime.GOMAXPROCS(0)
	}
	s.Workers = int(max(1, min(int64(s.Workers), s.workMemory()/workerMemory(s.WindowSize))))
	return s, nil
}

// The tables take a share each of the memory, what is remembered for compression another, the workers the rest. Of
// matches no shorter ones are kept for more memory than usual, as many short ones from afar make larger deltas.
func (s *Options) anchorMemory() int64 { return s.Memory / 8 }
func (s *Options) fineMemory() int64   { return s.Memory / 8 }
func (s *Options) matchMemory() int64  { return min(s.Memory, defaultMemory) / 8 }
func (s *Options) packMemory() int64   { return s.Memory / 4 }
func (s *Options) workMemory() int64   { return s.Memory - s.Memory/8*3 - s.packMemory() }

// dictionary is how far back sections of one kind are remembered, and slack how much more there is room for while they
// are compressed. There is twice room for both.
func (s *Options) dictionary(section int) (dict, slack int) {
	if section == dataSection {
		share := s.packMemory() * 3 / 8
		dict := min(share*2/3, mostDictionary)
		return int(dict), int(share - dict)
	}
	share := s.packMemory() / 16
	dict = int(min(share/2, mostDictionary))
	return dict, int(share) - dict
}

// workerMemory is what a worker needs at the most.
func workerMemory(window int) int64 {
	const tables = 12 << 20
	return 4*int64(window) + tables
}
