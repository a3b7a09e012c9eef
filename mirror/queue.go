package mirror

import "sync"

// queue has several jobs take files in their order.
type queue struct {
	jobs  int
	small func(*file) bool // may be taken together with others

	mu    sync.Mutex
	files []*file
}

// mostTogether is how many files a job takes at once: so many that it seldom waits for the first of them.
const mostTogether = 64

// next returns what one job is to do: one file or several small ones, but not so many that the others have nothing to do.
// It returns none if all are taken.
func (q *queue) next() []*file {
	q.mu.Lock()
	defer q.mu.Unlock()
	n, most := 0, min(mostTogether, len(q.files)/(2*q.jobs))
	for n < most && q.small(q.files[n]) {
		n++
	}
	n = min(max(n, 1), len(q.files))
	files := q.files[:n]
	q.files = q.files[n:]
	return files
}
