package mirror

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed-43fb3962/sstream/fetch"
	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/streams"
)

// settledPath holds what the latest run left settled. It can be deleted: the next run decides anew.
const settledPath = ".sstream/settled"

// rules is to be raised when package plan, or this one, comes to decide something else by the same inputs. The build of the
// program counts too, but one without a version tells little. TestRules reminds of it when package plan changes.
const rules = 1

// settled says that a run has nothing to do as long as all that it decides by is the same, and the files are there. Stored
// it is the files, a line feed, and the rest as JSON.
type settled struct {
	Inputs     string   `json:"inputs"`      // what the run decided by, as [run.inputs] returns it
	ContentIDs []string `json:"content_ids"` // whose records belong to that
	NotHeld    int      `json:"not_held"`    // as in the report
	files      []byte   // "SIZE PATH", -1 for any size, with a NUL behind each
}

// canSettle tells whether another run can know that it wants the same. What is published of a trimmed mirror has to be made
// of what is held in any case.
func (r *run) canSettle() bool {
	named := r.Wanted != "" || r.Plan.Item == nil && r.Plan.Product == nil && r.Plan.Version == nil
	return named && r.Metadata == Verbatim
}

// findSettled returns what an earlier run left settled if it still is, and if no file is to come or to go; else nil.
// Whatever is in doubt is not settled.
func (r *run) findSettled(ctx context.Context) *settled {
	if r.Anew || !r.canSettle() || len(r.state.Coming)+len(r.state.Going) > 0 {
		return nil
	}
	data, err := readAll(ctx, r.dst, settledPath)
	if err != nil {
		return nil
	}
	at := bytes.LastIndexByte(data, '\n')
	if at < 0 {
		return nil
	}
	s := &settled{files: data[:at]}
	if json.Unmarshal(data[at:], s) != nil {
		return nil
	}
	if inputs, err := r.inputs(ctx, s); err != nil || inputs != s.Inputs || !r.allThere(ctx, s.files) {
		return nil
	}
	return s
}

// allThere tells whether every one of files is there, in its size.
func (r *run) allThere(ctx context.Context, files []byte) bool {
	for file, rest := "", string(files); rest != ""; {
		file, rest, _ = strings.Cut(rest, "\x00")
		text, path, _ := strings.Cut(file, " ")
		size, err := strconv.ParseInt(text, 10, 64)
		if err != nil || !r.isThere(ctx, path, size) {
			return false
		}
	}
	return true
}

// settle notes what the next run need not decide again. It asks the plan itself, with what the target holds now.
func (r *run) settle(ctx context.Context, notHeld int) error {
	if r.settled != nil || !r.canSettle() {
		return nil
	}
	s := &settled{NotHeld: notHeld, files: make([]byte, 0, r.ledger.pathsSize())}
	for _, part := range r.parts {
		s.ContentIDs = append(s.ContentIDs, part.ContentID)
		p, err := r.plan(part.Document, part.after, func(ref streams.Ref, held *streams.Item) bool {
			path, size, listed := r.fileHeld(part.ContentID, ref, held)
			if path != "" {
				s.files = append(append(append(strconv.AppendInt(s.files, size, 10), ' '), path...), 0)
			}
			return listed
		})
		if err != nil || !p.Empty() {
			return nil
		}
	}
	inputs, err := r.inputs(ctx, s)
	if err != nil {
		return nil
	}
	s.Inputs = inputs
	rest, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return write(ctx, r.dst, settledPath, store.Bytes(append(append(s.files, '\n'), rest...)))
}

// inputs returns a digest of all that a run decides by, but for the files themselves, together with s: the program, what is
// wanted, what the source lists, what the target's records say. The error says why there is none.
func (r *run) inputs(ctx context.Context, s *settled) (string, error) {
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return "", errors.New("nobody knows whether the next run decides in the same way")
	}
	most := "all"
	if r.Plan.Max != nil {
		most = strconv.Itoa(*r.Plan.Max)
	}
	h := sha256.New()
	fmt.Fprintf(h, "%d %s%q %s %t %t %t %t\n%q %d\n", rules, build, r.Wanted, most, r.Plan.Keep, r.Plan.RemoveUnwanted, r.Plan.RemoveProducts, r.NoItems,
		s.ContentIDs, s.NotHeld)
	for _, doc := range r.docs {
		address := fetch.Redact(r.src.URL(doc.Path))
		fmt.Fprintf(h, "%q %q %s\n", doc.Path, address, r.state.Updated[address].Format(time.RFC3339Nano))
		for _, path := range append(slices.Sorted(maps.Keys(doc.Companions)), doc.Path) {
			stamp, ok := doc.Stamps[path]
			if !ok {
				return "", errors.New("a document came without a stamp")
			}
			fmt.Fprintf(h, "%q %s\n", path, stamp.SHA256)
		}
	}
	for _, name := range append(slices.Clone(s.ContentIDs), strings.TrimPrefix(ledgerPath, recordDir)) {
		sum, err := sumOf(ctx, r.dst, recordDir+name)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%x\n", sum)
	}
	h.Write(s.files)
	return fmt.Sprintf("%x", h.Sum(nil)), nil
}

// sumOf returns the SHA-256 of what is at path, nil if nothing is.
func sumOf(ctx context.Context, src store.Source, path string) ([]byte, error) {
	in, err := src.Open(ctx, path, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer in.Close()
	h := sha256.New()
	_, err = io.Copy(h, in)
	return h.Sum(nil), err
}
