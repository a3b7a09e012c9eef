package mirror_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/seed-43fb3962/sstream/fetch"
	"github.com/seed-43fb3962/sstream/fetch/fetchtest"
	"github.com/seed-43fb3962/sstream/mirror"
)

// TestServerFaults mirrors from servers that fail in the middle of a run: whatever they do, what is published is whole.
func TestServerFaults(t *testing.T) {
	big := strings.Repeat("0123456789abcdef", 20_000)
	content := stream{"p/1/a": {"d/a", big}, "p/1/b": {"d/b", "b"}}
	corrupt := "x" + big[1:]
	tests := []struct {
		name   string
		change func(s *fetchtest.Server)
		second bool   // whether a good mirror stands behind
		err    string // "": none
	}{
		{name: "one 503 for everything", change: func(s *fetchtest.Server) { s.Fail("", 2, fetchtest.Status(503)) }},
		{name: "an item cut twice", change: func(s *fetchtest.Server) { s.Fail("d/a", 2, fetchtest.Cut(100_000)) }},
		{name: "a document cut", change: func(s *fetchtest.Server) { s.Fail("test.json", 1, fetchtest.Cut(100)) }},
		{name: "half a document, as if it were all", change: func(s *fetchtest.Server) { s.Fail("test.json", 1, fetchtest.Short(100)) }},
		{name: "half a document, always", change: func(s *fetchtest.Server) { s.Fail("test.json", -1, fetchtest.Short(100)) }, err: "not valid JSON"},
		{name: "an item corrupt once", change: func(s *fetchtest.Server) { s.Fail("d/a", 1, fetchtest.Instead(corrupt)) }},
		{name: "an item corrupt", change: func(s *fetchtest.Server) { s.Put("d/a", corrupt) }, err: "sha256"},
		{name: "an item corrupt, but not in the second mirror", change: func(s *fetchtest.Server) { s.Put("d/a", corrupt) }, second: true},
		{name: "an item that never ends", change: func(s *fetchtest.Server) { s.Fail("d/a", -1, fetchtest.Endless) }, err: "d/a"},
		{name: "an item that never ends, but in the second mirror", change: func(s *fetchtest.Server) { s.Fail("d/a", 1, fetchtest.Endless) }, second: true},
		{name: "an item gone", change: func(s *fetchtest.Server) { s.Remove("d/b") }, err: "404 Not Found"},
		{name: "an item gone, but not from the second mirror", change: func(s *fetchtest.Server) { s.Remove("d/b") }, second: true},
		{name: "the server dies", change: func(s *fetchtest.Server) { s.FailAfter("", 3, -1, fetchtest.Reset(0)) }, second: true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server, behind := fetchtest.New(t, content.files(t, 1)), fetchtest.New(t, content.files(t, 1))
			test.change(server)
			o := fetch.Options{HTTP: fetch.HTTP{Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}}
			if test.second {
				o.Mirrors = []string{behind.URL}
			}
			src, err := fetch.Open(server.URL, o)
			if err != nil {
				t.Fatal(err)
			}
			defer src.Close()
			dir := t.TempDir()
			_, err = mirror.Run(t.Context(), src, openDir(t, dir), options())
			if test.err != "" {
				wantError(t, err, test.err)
				if strings.Contains(err.Error(), "target") {
					t.Errorf("it is not the target's fault: %v", err)
				}
			} else if err != nil {
				t.Error(err)
			}
			checkPublished(t, dir, test.name)
			if files := held(t, dir); test.err == "" && files["d/a"] != big {
				t.Errorf("d/a has %d bytes", len(files["d/a"]))
			}
		})
	}
}
