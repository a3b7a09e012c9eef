package python

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// width is where pprint breaks lines.
const width = 80

// AppendPretty appends what pprint(d) prints to dst, the newline too: keys sorted, one a line if they do not all fit on
// one, long text broken at blanks.
func AppendPretty(dst []byte, d Dict) []byte {
	type pair struct{ key, value string }
	var pairs []pair
	for key, value := range d.All() {
		pairs = append(pairs, pair{key, value})
	}
	slices.SortFunc(pairs, func(a, b pair) int { return cmp.Compare(a.key, b.key) })
	start := len(dst)
	dst = appendDict(dst, func(yield func(string, string) bool) {
		for _, p := range pairs {
			if !yield(p.key, p.value) {
				return
			}
		}
	}, false)
	if utf8.RuneCount(dst[start:]) <= width {
		return append(dst, '\n')
	}
	dst = append(dst[:start], '{')
	for i, p := range pairs {
		if i > 0 {
			dst = append(dst, ",\n "...)
		}
		line := len(dst)
		dst = append(AppendRepr(dst, p.key), ": "...)
		dst = appendText(dst, p.value, 1+utf8.RuneCount(dst[line:]))
	}
	return append(dst, "}\n"...)
}

// appendText writes s as one literal, or as several below one another if it does not fit beside the indent.
func appendText(dst []byte, s string, indent int) []byte {
	const after = 1 // the comma or brace behind the text
	room := width - indent
	if whole := AppendRepr(nil, s); s == "" || utf8.RuneCount(whole) <= room-after {
		return append(dst, whole...)
	}
	var chunks []string
	lines := splitLines(s)
	for i, line := range lines {
		last := i == len(lines)-1
		fit := room
		if last {
			fit -= after
		}
		if reprLen(line) <= fit {
			chunks = append(chunks, line)
		} else {
			chunks = append(chunks, fill(line, room, fit)...)
		}
	}
	for i, chunk := range chunks {
		if i > 0 {
			dst = append(dst, '\n')
			dst = append(dst, strings.Repeat(" ", indent)...)
		}
		dst = AppendRepr(dst, chunk)
	}
	return dst
}

// fill puts as many words of line into each chunk as fit: room for all but the last word, and lastRoom with that.
func fill(line string, room, lastRoom int) []string {
	var chunks []string
	current := ""
	words := splitWords(line)
	for i, word := range words {
		if i == len(words)-1 {
			room = lastRoom
		}
		if reprLen(current+word) <= room {
			current += word
			continue
		}
		if current != "" {
			chunks = append(chunks, current)
		}
		current = word
	}
	if current != "" {
		chunks = append(chunks, current)
	}
	return chunks
}

func reprLen(s string) int { return utf8.RuneCount(AppendRepr(nil, s)) }

// splitLines is str.splitlines(keepends=True).
func splitLines(s string) []string {
	var lines []string
	start := 0
	for i, r := range s {
		switch r {
		case '\r':
			if strings.HasPrefix(s[i+1:], "\n") {
				continue
			}
		case '\n', '\v', '\f', 0x1c, 0x1d, 0x1e, 0x85, 0x2028, 0x2029:
		default:
			continue
		}
		end := i + utf8.RuneLen(r)
		lines = append(lines, s[start:end])
		start = end
	}
	if start < len(s) {
		lines = append(lines, s[start:])
	}
	return lines
}

// splitWords divides s into words with the blanks that follow them.
func splitWords(s string) []string {
	var words []string
	start, blank := 0, false
	for i, r := range s {
		was := blank
		blank = unicode.IsSpace(r) || 0x1c <= r && r <= 0x1f
		if was && !blank {
			words = append(words, s[start:i])
			start = i
		}
	}
	return append(words, s[start:])
}
