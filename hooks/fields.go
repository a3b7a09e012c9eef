package hooks

import (
	"fmt"
	"strings"

	"github.com/seed-43fb3962/sstream/streams"
)

// Variables that are not fields.
const (
	hookVariable   = "HOOK"
	fieldsVariable = "FIELDS"
)

// Fields that come from here and never from a catalogue, which could name any file by them.
const (
	pathLocal       = "path_local"        // insert_item: the file, as a temporary copy
	contentFilePath = "content_file_path" // insert_index, insert_products: the document, as a temporary copy
	itemURL         = "item_url"          // insert_item: where the file is
)

// Linux takes no argument or variable longer than 128 KiB, and often not more than 2 MiB of both.
const (
	maxString = 128<<10 - 1
	maxFields = 1 << 20
)

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

// unfit tells why a string of at most limit bytes cannot be handed to a program as it is, "" if it can.
func unfit(value string, limit int) string {
	switch {
	case strings.ContainsRune(value, 0):
		return "it holds a NUL"
	case len(value) > limit:
		return fmt.Sprintf("it is too long: %d bytes", len(value))
	}
	return ""
}

// leftOut is a field that is no variable, and why.
type leftOut struct {
	name, why string
	harm      bool // a hook will miss it
}

// variables returns the environment that fields make: one variable each, then FIELDS with their names, then HOOK.
func variables(hook string, fields *streams.Flat) (env []string, names string, left []leftOut) {
	room := maxFields
	var list []string
	length := len(fieldsVariable) + 1
	for name, value := range fields.All() {
		if name == hookVariable {
			continue
		}
		if !mayBeVariable(name) {
			left = append(left, leftOut{name, "a catalogue may not set a variable of that name", false})
			continue
		}
		why := unfit(value, min(maxString-len(name)-1, room))
		if why == "" && length+len(name)+1 > maxString {
			why = "there are too many fields"
		}
		if why != "" {
			left = append(left, leftOut{name, why, true})
			continue
		}
		list = append(list, name)
		length += len(name) + 1
		room -= 2*len(name) + len(value)
		env = append(env, name+"="+value)
	}
	names = strings.Join(list, " ")
	return append(env, fieldsVariable+"="+names, hookVariable+"="+hook), names, left
}
