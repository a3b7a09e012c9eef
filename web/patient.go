package web

import (
	"io"
	"net/http"
	"time"
)

// patient is an answer that may take as long as it likes while the client keeps reading. One deadline for the whole
// would cut off the slow; none would keep the stalled for ever.
type patient struct{ http.ResponseWriter }

const (
	patience = time.Minute
	stride   = 512 << 10 // bytes to be taken within patience
)

// patiently lets h answer slow clients.
func patiently(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(patient{w}, r) })
}

// Unwrap is for [http.ResponseController].
func (p patient) Unwrap() http.ResponseWriter { return p.ResponseWriter }

// ReadFrom sends src in strides, each with a deadline of its own. Sendfile does each.
func (p patient) ReadFrom(src io.Reader) (total int64, err error) {
	rest, ok := src.(*io.LimitedReader)
	if !ok { // a file is seen through one limit only
		rest = &io.LimitedReader{R: src, N: 1<<63 - 1}
	}
	control := http.NewResponseController(p.ResponseWriter)
	for rest.N > 0 {
		_ = control.SetWriteDeadline(time.Now().Add(patience)) // a writer that has none goes without
		n, err := io.CopyN(p.ResponseWriter, rest.R, min(rest.N, stride))
		rest.N -= n
		total += n
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
	return total, nil
}
