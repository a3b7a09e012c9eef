package vcdiff

// The kinds of instructions (RFC 3284, section 5.4).
const (
	noop = iota
	add
	run
	cpy
)

// instruction is one half of an entry of the code table. A size of 0 means that the size follows the code.
type instruction struct {
	kind, size, mode byte
}

// codeTable says which one or two instructions a code stands for.
type codeTable [256][2]instruction

// The first codes of the parts of the default code table that the encoder uses.
const (
	codeRun   = 0
	codeAdd   = 1  // size follows; then sizes 1 to 17
	codeCopy  = 19 // in mode 0, size follows; then sizes 4 to 18, then the other modes
	copyModes = modeSame + sameSlots
	copyCodes = 16 // codes for each mode
)

// defaultTable is the table of RFC 3284, section 5.6.
var defaultTable = makeDefaultTable()

func makeDefaultTable() *codeTable {
	t := new(codeTable)
	code := 0
	put := func(a, b instruction) {
		t[code] = [2]instruction{a, b}
		code++
	}
	put(instruction{kind: run}, instruction{})
	for size := range byte(18) {
		put(instruction{kind: add, size: size}, instruction{})
	}
	for mode := range byte(copyModes) {
		put(instruction{kind: cpy, mode: mode}, instruction{})
		for size := byte(4); size <= 18; size++ {
			put(instruction{kind: cpy, size: size, mode: mode}, instruction{})
		}
	}
	for mode := range byte(copyModes) {
		most := byte(6)
		if mode >= modeSame {
			most = 4
		}
		for n := byte(1); n <= 4; n++ {
			for size := byte(4); size <= most; size++ {
				put(instruction{kind: add, size: n}, instruction{kind: cpy, size: size, mode: mode})
			}
		}
	}
	for mode := range byte(copyModes) {
		put(instruction{kind: cpy, size: 4, mode: mode}, instruction{kind: add, size: 1})
	}
	return t
}
