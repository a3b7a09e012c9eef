package verify

import (
	"context"
	"errors"
	"fmt"
)

// repair replaces the files that are wrong, and looks at them again; then also at those that were wrong only together
// with one of them.
func (r *run) repair(ctx context.Context, files []*file) {
	var wrong []*file
	for _, f := range files {
		if len(f.found.problems) > 0 {
			wrong = append(wrong, f)
		}
	}
	r.each(wrong, func(f *file) {
		if f.found.broken {
			f.failed = r.replace(ctx, f)
		}
	})
	r.each(wrong, func(f *file) {
		now := r.read(ctx, f, r.content(f))
		now.read += f.found.read
		if len(now.problems) == 0 {
			now.problems = f.found.problems
			for i := range now.problems {
				now.problems[i].Repaired = true
			}
		} else if f.failed != nil {
			last := &now.problems[len(now.problems)-1]
			last.Text += fmt.Sprintf("; it cannot be repaired: %v", f.failed)
		}
		f.found = now
	})
}

// replace takes a file from where it can be had.
func (r *run) replace(ctx context.Context, f *file) error {
	it := f.item()
	if it.Size < 0 || it.Digest.Algorithm == "" {
		return errors.New("the documents do not say what it must be")
	}
	return r.Repair.To.Put(ctx, it.Path, r.Repair.From.Content(it.Path, it.Size, it.Digest))
}
