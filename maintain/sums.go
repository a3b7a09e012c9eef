package maintain

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
)

// readSums reads lines "<sha256> <name>", as sha256sum writes them; of two lines for a name the last counts. Digits are
// made lower case, the mark of binary mode and a leading ./ are taken off the name. Other lines are passed over.
func readSums(r io.Reader) (map[string]string, error) {
	sums := make(map[string]string)
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		digest, name, ok := strings.Cut(strings.TrimSpace(lines.Text()), " ")
		if !ok {
			continue
		}
		name = strings.TrimPrefix(strings.TrimSpace(name), "*")
		sums[strings.TrimPrefix(name, "./")] = strings.ToLower(digest)
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return nil, fmt.Errorf("a line is longer than %d bytes", bufio.MaxScanTokenSize)
	}
	return sums, lines.Err()
}

func readSumsFile(fsys fs.FS, dir string) (map[string]string, error) {
	f, err := fsys.Open(path.Join(dir, sumsName))
	if err != nil {
		return nil, bare(err)
	}
	defer f.Close()
	return readSums(f)
}
