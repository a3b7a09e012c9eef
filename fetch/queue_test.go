package fetch

import (
	"fmt"
	"slices"
	"testing"
)

// TestQueue: what is small is taken together, and towards the end fewer, so that all jobs end at the same time; then the others one by one.
func TestQueue(t *testing.T) {
	sizes := func(n, size int) (list []int) {
		for range n {
			list = append(list, size)
		}
		return list
	}
	tests := []struct {
		sizes []int
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
		q := newQueue(test.sizes, test.jobs, func(size int) bool { return size < 100 })
		counts := []int{}
		var all []int
		for some := q.next(); len(some) > 0; some = q.next() {
			counts = append(counts, len(some))
			all = append(all, some...)
		}
		if fmt.Sprint(counts) != test.want {
			t.Errorf("%d things for %d jobs: %v, want %s", len(test.sizes), test.jobs, counts, test.want)
		}
		if !slices.IsSorted(all) || len(all) != len(test.sizes) {
			t.Errorf("%d things for %d jobs: %d are taken, or large ones before small ones", len(test.sizes), test.jobs, len(all))
		}
	}
}
