package mirror

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/seed-43fb3962/sstream/store"
)

// Limit is a number of items, or a share of those that the mirror holds. The zero value is no limit.
type Limit struct {
	set     bool
	number  int
	percent float64 // negative: the number counts
}

// ParseLimit reads "20" or "5%".
func ParseLimit(text string) (Limit, error) {
	if share, ok := strings.CutSuffix(text, "%"); ok {
		p, err := strconv.ParseFloat(share, 64)
		if err != nil || p < 0 || p > 100 {
			return Limit{}, fmt.Errorf("%q is not a percentage", text)
		}
		return Limit{set: true, percent: p}, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return Limit{}, fmt.Errorf("%q is neither a number nor a percentage", text)
	}
	return Limit{set: true, number: n, percent: -1}, nil
}

// exceeded tells whether n of held is more than the limit.
func (l Limit) exceeded(n, held int) bool {
	if !l.set {
		return false
	}
	if l.percent < 0 {
		return n > l.number
	}
	return float64(n)*100 > l.percent*float64(held)
}

// Check returns the error with which [Work.Apply] would refuse to begin: too much would be removed, or the target has no
// room. It changes nothing.
func (w *Work) Check(ctx context.Context) error {
	r := w.run
	held, removed := 0, 0
	for _, part := range r.parts {
		for range part.Plan.Have.All() {
			held++
		}
		for range part.Plan.Removed() {
			removed++
		}
	}
	if r.MaxDelete.exceeded(removed, held) {
		return fmt.Errorf("refused: %d of %d items would be removed, which is more than --max-delete allows; nothing was changed", removed, held)
	}
	return r.checkRoom(ctx)
}

// checkRoom refuses a run for whose files the target has no room. It is sure of that: what may be linked to content on this
// machine, or has come before, is not counted in the end.
func (r *run) checkRoom(ctx context.Context) error {
	target, ok := r.dst.(store.Limited)
	if !ok {
		return nil
	}
	most := sizes(r.files)
	if most == 0 {
		return nil
	}
	free, err := target.Free(ctx)
	if err != nil {
		return fmt.Errorf("target: %w", err)
	}
	if most <= free { // as it mostly is, and then the target need not be asked for every file
		return nil
	}
	coming := r.absent(ctx)
	if most = sizes(coming); most <= free {
		return nil
	}
	if least := r.leastRoom(ctx, coming); least > free {
		return fmt.Errorf("target: no room: %d bytes are needed, %d are free; nothing was changed", least, free)
	}
	r.Log.Warn(fmt.Sprintf("there may be too little room: %d bytes are free, %d are needed for what cannot be linked to files that are here", free, most))
	return nil
}

// absent returns the files that are not there in their size.
func (r *run) absent(ctx context.Context) (list []*file) {
	for _, f := range r.files {
		info, err := r.dst.Stat(ctx, f.path)
		if err != nil || f.size >= 0 && info.Size != f.size {
			list = append(list, f)
		}
	}
	return list
}

// sizes returns how many bytes files have.
func sizes(files []*file) (bytes int64) {
	for _, f := range files {
		bytes = plus(bytes, f.size)
	}
	return bytes
}

// leastRoom returns how many bytes files take at least.
func (r *run) leastRoom(ctx context.Context, files []*file) (bytes int64) {
	finder := newFinder(r)
	for _, f := range files {
		if finder.mayFind(f) {
			continue
		}
		finder.byHash[f.digest] = f.path
		size := f.size
		if draft, err := r.dst.Stat(ctx, f.path+partSuffix); err == nil {
			size = max(size-draft.Size, 0)
		}
		bytes = plus(bytes, size)
	}
	return bytes
}

// plus adds a size, which the source may have made up, to a sum. One that is not known counts as none.
func plus(sum, size int64) int64 {
	if size > math.MaxInt64-sum {
		return math.MaxInt64
	}
	return sum + max(size, 0)
}
