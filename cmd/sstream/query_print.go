package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/template"

	"go.yaml.in/yaml/v3"

	"github.com/seed-43fb3962/sstream/internal/python"
	"github.com/seed-43fb3962/sstream/streams"
)

// printer prints rows.
type printer interface {
	rowSink
	text(line string) error // prints a line that is no row
	document() error        // there may be a wait until the next row
	fail()                  // an error ended the rows
}

// output is where rows are printed to. It knows whether any of them has gone out yet.
type output struct {
	*bufio.Writer
	sent sentBytes
}

func newOutput(w io.Writer) *output {
	o := &output{sent: sentBytes{w: w}}
	o.Writer = bufio.NewWriterSize(&o.sent, 256<<10) // files are quicker to write in large parts
	return o
}

// sentBytes counts what is written to w.
type sentBytes struct {
	w io.Writer
	n int
}

func (s *sentBytes) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	s.n += n
	return n, err
}

// linePrinter prints each row by itself.
type linePrinter struct {
	out  *output
	line func(dst []byte, row *streams.Flat) ([]byte, error) // appends the row, the newline too
	last func() error                                        // what became of the rows; nil: all of them are printed
	buf  []byte
}

func (p *linePrinter) add(row *streams.Flat) (err error) {
	if p.buf, err = p.line(p.buf[:0], row); err == nil {
		_, err = p.out.Write(p.buf)
	}
	return err
}

func (p *linePrinter) end() error {
	if p.last != nil {
		return p.last()
	}
	return nil
}

func (p *linePrinter) document() error { return p.out.Flush() }
func (p *linePrinter) fail()           {}

func (p *linePrinter) text(line string) error {
	_, err := fmt.Fprintln(p.out, line)
	return err
}

// pretty is a line of the format of Python's pprint.
func pretty(dst []byte, row *streams.Flat) ([]byte, error) { return python.AppendPretty(dst, row), nil }

// newPythonPrinter prints with a format of Python's. A row that lacks a field is named on errs, and the others are printed.
func newPythonPrinter(out *output, errs io.Writer, format string) *linePrinter {
	f := python.ParseFormat(format)
	left := 0
	last := func() error {
		if left == 0 {
			return nil
		}
		return &exitError{exitPart, fmt.Errorf("%s not printed, as fields that the format names are missing", count(left, "row was", "rows were"))}
	}
	return &linePrinter{out: out, last: last, line: func(dst []byte, row *streams.Flat) ([]byte, error) {
		line, err := f.Append(dst, row)
		var missing python.MissingKeyError
		if errors.As(err, &missing) {
			left++
			_, err := fmt.Fprintf(errs, "output format failed. Missing %s\nitem: %s\n", string(missing), python.AppendDict(nil, row))
			return dst, err
		}
		if err != nil {
			return dst, fmt.Errorf("--output-format %q: %w", format, err)
		}
		return append(line, '\n'), nil
	}}
}

// newTemplatePrinter prints with a Go template, whose dot is the row as a map of text.
func newTemplatePrinter(out *output, text string) (printer, error) {
	t, err := template.New("template").Option("missingkey=zero").Parse(text)
	if err != nil {
		return nil, usageError("--template: %w", err)
	}
	return &linePrinter{out: out, line: func(dst []byte, row *streams.Flat) ([]byte, error) {
		var b strings.Builder
		if err := t.Execute(&b, mapOf(row)); err != nil {
			return dst, fmt.Errorf("--template: %w", err)
		}
		return append(append(dst, b.String()...), '\n'), nil
	}}, nil
}

func mapOf(row *streams.Flat) map[string]string {
	m := make(map[string]string, row.Len())
	for key, value := range row.All() {
		m[key] = value
	}
	return m
}

// jsonPrinter prints rows as JSON: objects in one list, or one a line.
type jsonPrinter struct {
	out     *output
	list    bool
	n       int
	members []member // of the last row, in its order
	order   []int    // in which they are sorted
}

// member is a member of an object. Most rows have the same keys as the one before, and most values too.
type member struct {
	key, value string
	lead       []byte // the key as JSON, with the colon
	text       []byte // the value as JSON, once two rows had it; empty before
}

// appendTo writes a member after dst.
func (m *member) appendTo(dst []byte) []byte {
	dst = append(dst, m.lead...)
	if len(m.text) > 0 {
		return append(dst, m.text...)
	}
	return streams.AppendText(dst, m.value, streams.ASCII)
}

func (p *jsonPrinter) add(row *streams.Flat) error {
	p.update(row)
	open, between, end := "{", ", ", "}\n"
	if p.list {
		open, between, end = ",\n  {\n    ", ",\n    ", "\n  }"
		if p.n == 0 {
			open = "[\n  {\n    "
		}
	}
	p.n++
	line := append(p.out.AvailableBuffer(), open...)
	for i, at := range p.order {
		if i > 0 {
			line = append(line, between...)
		}
		line = p.members[at].appendTo(line)
	}
	_, err := p.out.Write(append(line, end...))
	return err
}

// update makes the members those of row.
func (p *jsonPrinter) update(row *streams.Flat) {
	i, sorted := 0, len(p.members) == row.Len()
	for key, value := range row.All() {
		if i == len(p.members) {
			p.members = append(p.members, member{})
		}
		m := &p.members[i]
		i++
		switch {
		case m.key != key || m.lead == nil:
			sorted = false
			m.key = key
			m.lead = append(streams.AppendText(m.lead[:0], key, streams.ASCII), ": "...)
			m.text = m.text[:0]
		case m.value != value:
			m.text = m.text[:0]
		case len(m.text) == 0:
			m.text = streams.AppendText(m.text, value, streams.ASCII)
		}
		m.value = value
	}
	p.members = p.members[:i]
	if sorted {
		return
	}
	p.order = p.order[:0]
	for i := range p.members {
		p.order = append(p.order, i)
	}
	slices.SortFunc(p.order, func(a, b int) int { return strings.Compare(p.members[a].key, p.members[b].key) })
}

func (p *jsonPrinter) end() error {
	switch {
	case !p.list:
		return nil
	case p.n == 0:
		return p.text("[]")
	}
	return p.text("\n]")
}

func (p *jsonPrinter) text(line string) error {
	_, err := fmt.Fprintln(p.out, line)
	return err
}

// document lets a list wait: it is printed as a whole or, if it is long, begun late.
func (p *jsonPrinter) document() error {
	if p.list {
		return nil
	}
	return p.out.Flush()
}

// fail takes back a list of which nothing has gone out yet.
func (p *jsonPrinter) fail() {
	if p.list && p.out.sent.n == 0 {
		p.out.Reset(io.Discard)
	}
}

// yamlPrinter prints rows as one YAML list.
type yamlPrinter struct {
	linePrinter
	n int
}

func newYAMLPrinter(out *output) printer {
	p := &yamlPrinter{linePrinter: linePrinter{out: out}}
	p.line = func(dst []byte, row *streams.Flat) ([]byte, error) {
		p.n++
		text, err := yaml.Marshal([]map[string]string{mapOf(row)})
		return append(dst, text...), err
	}
	return p
}

func (p *yamlPrinter) end() error {
	if p.n > 0 {
		return nil
	}
	return p.text("[]")
}
