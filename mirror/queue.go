package mirror

import "sync"

// queue has several jobs take files: first the small ones, together, then the others, one by one.
type queue struct {
	jobs int

	mu           sync.Mutex
	small, large []*file // what is left, in order
}

func newQueue(files []*file, jobs int, small func(*file) bool) *queue {
	q := &queue{jobs: jobs}
	for _, f := range files {
		if small(f) {
			q.small = append(q.small, f)
		} else {
			q.large = append(q.large, f)
		}
	}
	return q
}

// mostTogether is how many files a job takes at once: so many that it seldom waits for the first of them.
const mostTogether = 64

// next returns what one job is to do, but of small files not so many that the others have nothing to do. It returns none if
// all are taken.
func (q *queue) next() (files []*file) {
	q.mu.Lock()
	defer q.mu.Unlock()
	from, n := &q.small, min(max(len(q.small)/(2*q.jobs), 1), mostTogether)
	if len(q.small) == 0 {
		from, n = &q.large, min(len(q.large), 1)
	}
	files, *from = (*from)[:n], (*from)[n:]
	return files
}
