package vcdiff

import "errors"

var (
	// ErrCorrupt is in the chain of every error about a delta that cannot have been written by an encoder: damaged,
	// cut short, or made up.
	ErrCorrupt = errors.New("corrupt delta")

	// ErrUnsupported is in the chain of every error about a delta that is well formed but uses a part of RFC 3284
	// that stock xdelta3 does not use by default either: VCD_TARGET windows, code tables of its own, the secondary
	// compressors DJW and FGK, windows above [DecodeOptions.MaxWindow].
	ErrUnsupported = errors.New("unsupported delta")

	// ErrWrongSource is in the chain of the error that says that the source is not the one the delta was made from:
	// it is too short, or what came out does not have the checksum that the delta states.
	ErrWrongSource = errors.New("not the source this delta was made from")

	// ErrNotWorthwhile is in the chain of the error of [Encoder.Encode] when the delta is, or would be, larger than
	// [Options.MaxRatio] allows.
	ErrNotWorthwhile = errors.New("delta is not worthwhile")
)
