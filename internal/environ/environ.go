// Package environ makes environment variables of the fields of a catalogue, for commands that the user has run.
package environ

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seed-43fb3962/sstream/streams"
)

// Fields is the variable that lists the names of the others.
const Fields = "FIELDS"

// Linux takes no argument or variable longer than 128 KiB, and often not more than 2 MiB of both.
const (
	MaxString = 128<<10 - 1
	maxFields = 1 << 20
)

// LeftOut is a field that is no variable, and why.
type LeftOut struct {
	Name, Why string
	Harm      bool // a command will miss it
}

// Of returns the environment that fields make: one variable each, then [Fields] with their names and those of own, which are
// variables that the caller adds.
func Of(fields *streams.Flat, own ...string) (env []string, names string, left []LeftOut) {
	room := maxFields
	var list []string
	length := len(Fields) + 1 + len(strings.Join(own, " "))
	for name, value := range fields.All() {
		if !mayBeVariable(name) {
			left = append(left, LeftOut{name, "a catalogue may not set a variable of that name", false})
			continue
		}
		why := Unfit(value, min(MaxString-len(name)-1, room))
		if why == "" && length+len(name)+1 > MaxString {
			why = "there are too many fields"
		}
		if why != "" {
			left = append(left, LeftOut{name, why, true})
			continue
		}
		list = append(list, name)
		length += len(name) + 1
		room -= 2*len(name) + len(value)
		env = append(env, name+"="+value)
	}
	names = strings.Join(slices.Concat(list, own), " ")
	return append(env, Fields+"="+names), names, left
}

// mayBeVariable tells whether a catalogue may set the variable of that name.
//
// What shells, loaders and interpreters obey is written in capitals (PATH, IFS, BASH_ENV, LD_PRELOAD, PYTHONPATH …), as
// POSIX leaves names with small letters to applications. So a name needs a small letter, and must be one that a shell
// can read at all: in the name of an exported function, a shell would even run what follows. Proxies are the exception
// to the capitals: http_proxy would send the downloads of a hook elsewhere.
func mayBeVariable(name string) bool {
	small := false
	for i := range len(name) {
		c := name[i]
		switch {
		case c >= 'a' && c <= 'z':
			small = true
		case c == '_', c >= 'A' && c <= 'Z':
		case c >= '0' && c <= '9' && i > 0:
		default:
			return false
		}
	}
	return small && !strings.HasSuffix(strings.ToLower(name), "_proxy")
}

// Unfit tells why a string of at most limit bytes cannot be handed to a program as it is, "" if it can.
func Unfit(value string, limit int) string {
	switch {
	case strings.ContainsRune(value, 0):
		return "it holds a NUL"
	case len(value) > limit:
		return fmt.Sprintf("it is too long: %d bytes", len(value))
	}
	return ""
}
