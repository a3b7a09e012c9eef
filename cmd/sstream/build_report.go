package main

import (
	"fmt"

	"github.com/seed-43fb3962/sstream/lint"
	"github.com/seed-43fb3962/sstream/maintain"
	"github.com/seed-43fb3962/sstream/streams"
)

// tellBuild says what a build did, and returns the error for one that left something out.
func (a *app) tellBuild(r *maintain.Report, asJSON bool) error {
	r.Warnings = append(r.Warnings, unseen(r)...)
	if asJSON {
		if err := a.tellJSON(buildSummary(r)); err != nil {
			return err
		}
	} else if err := a.tellText(r); err != nil {
		return err
	}
	if n := len(r.Problems); n > 0 {
		return &exitError{exitPart, fmt.Errorf("%s left out: see the log", count(n, "thing was", "things were"))}
	}
	return nil
}

func (a *app) tellText(r *maintain.Report) error {
	for _, w := range r.Warnings {
		if _, err := fmt.Fprintf(a.stderr, "warning: %v\n", w); err != nil {
			return err
		}
	}
	for _, s := range r.Streams {
		line := fmt.Sprintf("%s: %s, %s", s.Name, count(s.Products.Products.Len(), "product", "products"), count(s.Versions, "version", "versions"))
		for _, part := range []struct {
			n         int
			one, many string
		}{{len(s.Added), "new", "new"}, {len(s.Removed), "removed", "removed"}, {len(s.Altered), "changed file", "changed files"}, {s.Deltas, "delta made", "deltas made"}} {
			if part.n > 0 {
				line += ", " + count(part.n, part.one, part.many)
			}
		}
		if _, err := fmt.Fprintln(a.stdout, line); err != nil {
			return err
		}
	}
	if !r.Changed {
		_, err := fmt.Fprintln(a.stdout, "nothing has changed")
		return err
	}
	return nil
}

// buildSummary is a report as JSON has it.
func buildSummary(r *maintain.Report) any {
	type place struct {
		Path  string `json:"path"`
		Error string `json:"error"`
	}
	type stream struct {
		Name     string   `json:"name"`
		Products int      `json:"products"`
		Versions int      `json:"versions"`
		Added    []string `json:"added"`
		Removed  []string `json:"removed"`
		Altered  []string `json:"changed"`
		Deltas   int      `json:"deltas"`
	}
	type summary struct {
		Changed  bool     `json:"changed"`
		Streams  []stream `json:"streams"`
		Problems []place  `json:"problems"`
		Warnings []place  `json:"warnings"`
	}
	refs := func(list []streams.Ref) []string {
		out := make([]string, len(list))
		for i, ref := range list {
			out[i] = ref.String()
		}
		return out
	}
	places := func(list []maintain.Problem) []place {
		out := make([]place, len(list))
		for i, p := range list {
			out[i] = place{p.Path, p.Err.Error()}
		}
		return out
	}
	out := summary{r.Changed, []stream{}, places(r.Problems), places(r.Warnings)}
	for _, s := range r.Streams {
		out.Streams = append(out.Streams, stream{s.Name, s.Products.Products.Len(), s.Versions, refs(s.Added), refs(s.Removed), refs(s.Altered), s.Deltas})
	}
	return out
}

// count is "1 version" or "2 versions".
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// unseen warns of new versions that clients do not show, and do not say so.
func unseen(r *maintain.Report) []maintain.Problem {
	var warnings []maintain.Problem
	for _, s := range r.Streams {
		for _, ref := range s.Added {
			warn := func(format string, args ...any) {
				warnings = append(warnings, maintain.Problem{Stream: s.Name, Product: ref.Product, Version: ref.Version,
					Path: ref.String(), Err: fmt.Errorf(format, args...)})
			}
			if fault := lint.VersionFault(ref.Version); fault != "" {
				warn("clients do not show it: %s", fault)
			}
			product, _ := s.Products.Products.Get(ref.Product)
			for _, c := range []lint.Client{lint.LXD, lint.Incus} {
				if arch := product.Str("arch"); !lint.KnownArch(c, arch) {
					warn("%s does not show it: it does not know the architecture %q", c, arch)
				}
			}
		}
	}
	return warnings
}
