package mirror

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
)

// TestQueue: small files are taken together, and towards the end fewer, so that all jobs end at the same time; then the others, alone.
func TestQueue(t *testing.T) {
	sizes := func(n int, size int64) (files []*file) {
		for range n {
			files = append(files, &file{size: size})
		}
		return files
	}
	tests := []struct {
		files []*file
		jobs  int
		want  string // how many are taken at once
	}{
		{nil, 1, "[]"},
		{sizes(3, 100), 3, "[1 1 1]"},
		{sizes(1, 1), 3, "[1]"},
		{sizes(20, 1), 2, "[5 3 3 2 1 1 1 1 1 1 1]"},
		{sizes(5, 1), 1, "[2 1 1 1]"},
		{slices.Concat(sizes(3, 1), sizes(1, 100), sizes(20, 1)), 1, "[11 6 3 1 1 1 1]"},
		{sizes(300, 1), 2, "[64 59 44 33 25 18 14 10 8 6 4 3 3 2 1 1 1 1 1 1 1]"},
	}
	for _, test := range tests {
		q := newQueue(test.files, test.jobs, func(f *file) bool { return f.size < 100 })
		counts := []int{}
		var all []*file
		for files := q.next(); len(files) > 0; files = q.next() {
			counts = append(counts, len(files))
			all = append(all, files...)
		}
		if fmt.Sprint(counts) != test.want {
			t.Errorf("%d files for %d jobs: %v, want %s", len(test.files), test.jobs, counts, test.want)
		}
		if !slices.IsSortedFunc(all, func(a, b *file) int { return cmp.Compare(a.size, b.size) }) || len(all) != len(test.files) {
			t.Errorf("%d files for %d jobs: %d are taken, or large ones before small ones", len(test.files), test.jobs, len(all))
		}
	}
}
