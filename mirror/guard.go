package mirror

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
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

// guard refuses a run that would remove too much or that the target has no room for.
func (r *run) guard(ctx context.Context) error {
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
	room, ok := r.dst.(store.Limited)
	if !ok {
		return nil
	}
	var need int64
	for _, f := range r.files {
		if _, err := r.dst.Stat(ctx, f.path); err != nil {
			f.absent = errors.Is(err, fs.ErrNotExist)
			need += max(f.size, 0)
		}
	}
	if need == 0 {
		return nil
	}
	free, err := room.Free(ctx)
	if err != nil {
		return fmt.Errorf("target: %w", err)
	}
	if need > free {
		return fmt.Errorf("target: no room: %d bytes are needed, %d are free; nothing was changed", need, free)
	}
	return nil
}
