package web

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/seed-43fb3962/sstream/streams"
)

// file is one line of a version.
type file struct {
	role        string // what it is: Container, VM, Delta; "" if its name says enough
	size        string
	path        string // relative to the page; "" if there is nothing to download
	name        string // what to call it without a path
	fingerprint string // of the image whose root it is
}

// filesOf lists a version's files: what can be launched first, then the others by name. e names the version; all are the
// clients that launch the product.
func filesOf(e streams.Entity, images []image, all clientSet, extra []File) []file {
	var launch, rest []file
	for _, name := range e.Version.Items.Sorted() {
		e.Ref.Item = name
		e.Item, _ = e.Version.Items.Get(name)
		f := file{role: role(e.Get("ftype")), path: e.Get("path"), name: strings.TrimSpace(name + " " + e.Get("id"))}
		if n, err := strconv.ParseInt(e.Get("size"), 10, 64); err == nil {
			f.size = humanSize(n)
		}
		if made := linesOf(f, name, images, all); len(made) > 0 {
			launch = append(launch, made...)
		} else if f.path == "" || !slices.ContainsFunc(rest, func(r file) bool { return r.path == f.path }) { // one file under two names
			rest = append(rest, f)
		}
	}
	for _, x := range extra {
		rest = append(rest, file{path: x.Path, size: humanSize(x.Size)})
	}
	slices.SortStableFunc(launch, func(a, b file) int { return strings.Compare(a.role, b.role) })
	return append(launch, rest...)
}

// linesOf returns f once for each image whose root the item is. If some of the clients do not see that image, the line
// names those that do.
func linesOf(f file, item string, images []image, all clientSet) []file {
	var lines []file
	var seenBy []clientSet
	for _, i := range images {
		if i.root != item {
			continue
		}
		n := slices.IndexFunc(lines, func(l file) bool { return l.fingerprint == i.fingerprint })
		if n < 0 {
			n = len(lines)
			f.role, f.fingerprint = i.kind, i.fingerprint
			lines, seenBy = append(lines, f), append(seenBy, 0)
		}
		seenBy[n] |= 1 << i.client
	}
	for n := range lines {
		if seenBy[n]&all != all {
			lines[n].role += ", " + seenBy[n].String()
		}
	}
	return lines
}

// listing is what the page says of a product's files, as text that people can read and that the page's script makes a
// table of. The first line is the directory that holds the versions. Then comes one line a file, with tabs between the
// version (where it differs from the line above), role, size, place and fingerprint. A place is a path relative to the
// directory of its version; with a slash in front, relative to the page; in parentheses, a name that leads nowhere.
type listing struct {
	dir  string // ends in a slash; "" until a file's path has told
	text strings.Builder
}

// String returns the whole text.
func (l *listing) String() string { return l.dir + "\n" + l.text.String() }

// add writes the lines of one version.
func (l *listing) add(version string, files []file) {
	if len(files) == 0 {
		files = []file{{name: "no files"}}
	}
	label := version
	for _, f := range files {
		for _, cell := range []string{label, f.role, f.size, l.place(version, f)} {
			l.text.WriteString(printable(cell))
			l.text.WriteByte('\t')
		}
		l.text.WriteString(printable(f.fingerprint))
		l.text.WriteByte('\n')
		label = ""
	}
}

// place tells where a file lies. Nothing leads out of the tree, and what is not printable is not led to.
func (l *listing) place(version string, f file) string {
	if streams.CheckPath(f.path) != nil || f.path != printable(f.path) {
		return "(" + cmp.Or(f.path, f.name) + ")"
	}
	dir, name, _ := strings.Cut(f.path, "/"+version+"/")
	if l.dir == "" && name != "" {
		l.dir = dir + "/"
	}
	if name == "" || dir+"/" != l.dir || name[0] == '(' {
		return "/" + f.path
	}
	return name
}

// printable keeps a text on its line and in its column.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// builtAt reads the time of a build off its version's name, as clients do: 20241119, 20241119.1, 20241119_0742,
// 202411190742, 20241119_07:42. It returns the time in the form of HTML's <time>, "" if the name is of another kind.
func builtAt(name string) string {
	if len(name) < 8 {
		return ""
	}
	day, err := time.Parse("20060102", name[:8])
	if err != nil {
		return ""
	}
	rest := strings.TrimLeft(name[8:], "_-T")
	for _, layout := range []string{"1504", "15:04", "150405"} {
		if clock, err := time.Parse(layout, rest); err == nil && len(rest) == len(layout) {
			return day.Format("2006-01-02 ") + clock.Format("15:04Z")
		}
	}
	return day.Format("2006-01-02")
}

// humanSize writes a number of bytes with three digits and a decimal unit.
func humanSize(n int64) string {
	if n < 1000 {
		return strconv.FormatInt(n, 10) + " B"
	}
	x, unit := float64(n)/1000, 0
	for x >= 999.5 && unit < len("kMGTP")-1 {
		x /= 1000
		unit++
	}
	digits := 0
	switch {
	case x < 9.995:
		digits = 2
	case x < 99.95:
		digits = 1
	}
	return strconv.FormatFloat(x, 'f', digits, 64) + " " + "kMGTP"[unit:unit+1] + "B"
}
