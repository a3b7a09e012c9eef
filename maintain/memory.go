package maintain

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// memory is what earlier runs read, so that an interrupted one loses nothing and an unchanged file is not read again.
// It is a text file below the root, one line a fact, that may be deleted at any time.
type memory struct {
	path string // of the file

	mu       sync.Mutex
	files    map[string]remembered // what no catalogue tells, by path below the root
	versions map[string]string     // listed versions, by path: the stamps of their files
	useless  map[string]string     // deltas not worth listing, by path: the digests of base and target
	out      *os.File              // nil until something is added
	stale    bool                  // the file holds what is no longer so
	failed   error                 // why nothing is read or written any more
}

type remembered struct {
	size, modified int64 // in bytes, in nanoseconds since 1970
	sum            fileSum
}

// memoryPath is where the memory of builds is kept, below the root.
const memoryPath = ".sstream/build.sums"

// openMemory reads the memory that is there. Where it cannot be read or written, builds do without.
func openMemory(root string) *memory {
	m := &memory{path: filepath.Join(root, memoryPath)}
	body, err := readPath(m.path)
	if err != nil && !os.IsNotExist(err) {
		m.failed = err
	}
	m.read(string(body))
	return m
}

// read takes every line that it understands: a run that was killed leaves half of one.
func (m *memory) read(body string) {
	m.files, m.versions, m.useless = make(map[string]remembered), make(map[string]string), make(map[string]string)
	for line := range strings.Lines(body) {
		line, whole := strings.CutSuffix(line, "\n")
		kind, fact, _ := strings.Cut(line, " ")
		switch {
		case !whole:
		case kind == "file":
			m.readFile(strings.SplitN(fact, " ", 5))
		case kind == "version":
			if stamps, path, ok := strings.Cut(fact, " "); ok {
				m.versions[path] = stamps
			}
		case kind == "useless":
			if f := strings.SplitN(fact, " ", 3); len(f) == 3 {
				m.useless[f[2]] = f[0] + " " + f[1]
			}
		}
	}
}

// readFile takes size, time, digest, pairs and path.
func (m *memory) readFile(f []string) {
	if len(f) < 5 || !isHex(f[2]) {
		return
	}
	size, err1 := strconv.ParseInt(f[0], 10, 64)
	modified, err2 := strconv.ParseInt(f[1], 10, 64)
	if err1 == nil && err2 == nil {
		m.files[f[4]] = remembered{size, modified, fileSum{sha256: f[2], combined: readPairs(f[3])}}
	}
}

func readPairs(text string) (pairs fingerprints) {
	for pair := range strings.SplitSeq(text, ",") {
		if key, value, ok := strings.Cut(pair, "="); ok && isHex(key) && isHex(value) {
			pairs = append(pairs, fingerprint{key, value})
		}
	}
	return pairs
}

// isHex tells whether text is a SHA-256 in lower-case digits.
func isHex(text string) bool {
	for i := range len(text) {
		if c := text[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return len(text) == 64
}

func (r remembered) write(w io.Writer, path string) error {
	var pairs []string
	for _, f := range r.sum.combined {
		pairs = append(pairs, f.metadata+"="+f.image)
	}
	_, err := fmt.Fprintf(w, "file %d %d %s %s %s\n", r.size, r.modified, r.sum.sha256, cmp.Or(strings.Join(pairs, ","), "-"), path)
	return err
}

func writeUseless(w io.Writer, path, digests string) error {
	_, err := fmt.Fprintf(w, "useless %s %s\n", digests, path)
	return err
}

// recall returns what is known of a file in dir, and whether anything is that is no longer so.
func (m *memory) recall(dir string, f File) (sum fileSum, known, changed bool) {
	if len(m.files) == 0 {
		return fileSum{}, false, false
	}
	r, ok := m.files[dir+"/"+f.Name]
	same := ok && r.size == f.Size && r.modified == f.Modified.UnixNano()
	return r.sum, same, ok && !same
}

// add remembers a file that was read. It is written at once.
func (m *memory) add(path string, f File, sum fileSum) {
	r := remembered{f.Size, f.Modified.UnixNano(), sum}
	m.append(path, func(w io.Writer) error {
		if _, again := m.files[path]; again {
			m.stale = true
		}
		m.files[path] = r
		return r.write(w, path)
	})
}

// addUseless remembers that a delta is not worth listing.
func (m *memory) addUseless(path, base, target string) {
	m.append(path, func(w io.Writer) error {
		m.useless[path] = base + " " + target
		return writeUseless(w, path, m.useless[path])
	})
}

func (m *memory) isUseless(path, base, target string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.useless[path] == base+" "+target
}

func (m *memory) append(path string, write func(io.Writer) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failed != nil || strings.ContainsRune(path, '\n') { // a line cannot hold it: it is read again every time
		return
	}
	if m.out == nil {
		if m.failed = m.open(); m.failed != nil {
			return
		}
	}
	m.failed = write(m.out)
}

func (m *memory) open() (err error) {
	if err := os.MkdirAll(filepath.Dir(m.path), 0o777); err != nil {
		return err
	}
	if m.out, err = os.OpenFile(m.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o666); err != nil {
		return err
	}
	_, err = m.out.WriteString("\n") // ends a line that a killed run left
	return err
}

func (m *memory) close() {
	if m.out != nil {
		_ = m.out.Close() // what is lost is read again
	}
}

// list remembers the stamps of a listed version, for keep to write down.
func (m *memory) list(path, stamps string) {
	if m.versions[path] != stamps {
		m.versions[path], m.stale = stamps, true
	}
}

// keep writes the memory anew if it is not as it should be: with those of the versions, files and deltas that are to be
// kept.
func (m *memory) keep(version, file, delta func(path string) bool) error {
	if m.failed != nil {
		return m.failed
	}
	before := len(m.versions) + len(m.files) + len(m.useless)
	maps.DeleteFunc(m.versions, func(path, _ string) bool { return !version(path) })
	maps.DeleteFunc(m.files, func(path string, _ remembered) bool { return !file(path) })
	maps.DeleteFunc(m.useless, func(path, _ string) bool { return !delta(path) })
	if len(m.versions)+len(m.files)+len(m.useless) == before && !m.stale {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(m.path), 0o777); err != nil {
		return err
	}
	temp := m.path + ".tmp"
	f, err := os.Create(temp)
	if err != nil {
		return err
	}
	defer os.Remove(temp)
	w := bufio.NewWriter(f)
	m.writeAll(w)
	if err := w.Flush(); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(temp, m.path)
}

// writeAll writes everything; w keeps the error.
func (m *memory) writeAll(w *bufio.Writer) {
	for _, path := range slices.Sorted(maps.Keys(m.files)) {
		_ = m.files[path].write(w, path)
	}
	for _, path := range slices.Sorted(maps.Keys(m.versions)) {
		if !strings.ContainsRune(path, '\n') {
			_, _ = fmt.Fprintf(w, "version %s %s\n", m.versions[path], path)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(m.useless)) {
		_ = writeUseless(w, path, m.useless[path])
	}
}

// forget removes the memory from the disk.
func (m *memory) forget() {
	m.close()
	_ = os.Remove(m.path)               // it may be deleted, not must
	_ = os.Remove(filepath.Dir(m.path)) // if nothing else is in there
}
