package store

import "context"

// SetMostUnnamed has no more than n files wait without a name.
func (d *Dir) SetMostUnnamed(n int) { d.mostUnnamed = n }

// WithoutUnnamed makes d do as on a filesystem that knows no files without a name.
func (d *Dir) WithoutUnnamed() { d.unnamed.Store(unnamedFails) }

// Unnamed returns how many files wait without a name.
func (d *Dir) Unnamed() int {
	d.batch.mu.Lock()
	defer d.batch.mu.Unlock()
	return len(d.batch.unnamed)
}

// HoldNaming keeps files without a name from being named until release.
func (d *Dir) HoldNaming(ctx context.Context) (release func(), err error) {
	return func() { d.naming.Release(1) }, d.naming.Acquire(ctx, 1)
}
