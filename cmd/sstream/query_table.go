package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"

	"github.com/seed-43fb3962/sstream/streams"
)

// tableColumns are the columns of a table when none are asked for; those without any value are left out.
var tableColumns = []string{"product_name", "version_name", "item_name", "size", "path", "region", "id"}

// listColumns are those of csv and tsv: always the same, whatever is found.
var listColumns = []string{"content_id", "product_name", "version_name", "item_name", "os", "release", "version", "arch", "ftype", "size", "sha256", "path", "region", "id"}

// tableRows is how many rows a table sees before it decides how wide its columns are.
const tableRows = 1000

// tablePrinter prints columns below one another. Rows are held back until there are enough to see how wide columns
// must be, or the document ends.
type tablePrinter struct {
	out     *output
	columns []string // nil: choose, for each document
	held    [][]string
	shown   []string // the columns of the last header
	widths  []int    // of these columns
	decided bool     // the columns and widths are those of this document
}

func (p *tablePrinter) add(row *streams.Flat) error {
	columns := p.columns
	switch {
	case p.decided:
		columns = p.shown
	case columns == nil:
		columns = tableColumns
	}
	cells := make([]string, len(columns))
	for i, key := range columns {
		value, _ := row.Get(key)
		cells[i] = printable(value)
	}
	if p.decided {
		return p.print(cells)
	}
	p.held = append(p.held, cells)
	if len(p.held) == tableRows {
		return p.decide()
	}
	return nil
}

// decide chooses columns and widths and prints what was held back.
func (p *tablePrinter) decide() error {
	columns := p.columns
	if columns == nil {
		columns = p.choose()
	}
	rows := p.held
	p.held, p.decided = nil, true
	if !slices.Equal(columns, p.shown) {
		if p.shown != nil {
			p.out.WriteByte('\n')
		}
		p.shown, p.widths = columns, make([]int, len(columns))
		header := make([]string, len(columns))
		for i, key := range columns {
			header[i] = strings.ToUpper(key)
		}
		rows = append([][]string{header}, rows...)
	}
	for _, cells := range rows {
		for i, cell := range cells {
			p.widths[i] = max(p.widths[i], cellWidth(cell))
		}
	}
	for _, cells := range rows {
		if err := p.print(cells); err != nil {
			return err
		}
	}
	return nil
}

// choose returns the columns with a value in the rows that are held, and takes the others out of them.
func (p *tablePrinter) choose() []string {
	var columns []string
	cells := make([][]string, len(p.held))
	for i, key := range tableColumns {
		if !slices.ContainsFunc(p.held, func(cells []string) bool { return cells[i] != "" }) {
			continue
		}
		columns = append(columns, key)
		for n := range p.held {
			cells[n] = append(cells[n], p.held[n][i])
		}
	}
	p.held = cells
	return columns
}

func (p *tablePrinter) print(cells []string) error {
	line := p.out.AvailableBuffer()
	for i, cell := range cells {
		line = append(line, cell...)
		if i < len(cells)-1 {
			for range max(p.widths[i]-cellWidth(cell), 0) + 2 {
				line = append(line, ' ')
			}
		}
	}
	_, err := p.out.Write(append(bytes.TrimRight(line, " "), '\n'))
	return err
}

// cellWidth is how many columns of a terminal s takes.
func cellWidth(s string) int {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return runewidth.StringWidth(s)
		}
	}
	return len(s)
}

func (p *tablePrinter) text(line string) error {
	_, err := fmt.Fprintln(p.out, line)
	return err
}

func (p *tablePrinter) document() error {
	if err := p.end(); err != nil {
		return err
	}
	p.decided = false
	return p.out.Flush()
}

func (p *tablePrinter) end() error {
	if len(p.held) > 0 {
		return p.decide()
	}
	return nil
}

func (p *tablePrinter) fail() {}

// listPrinter prints rows of columns with commas or tabs between them, a line of the names first.
type listPrinter struct {
	linePrinter
	columns []string
	write   func(cells []string) error
	begun   bool
}

func newListPrinter(out *output, format string, columns []string) printer {
	if columns == nil {
		columns = listColumns
	}
	p := &listPrinter{linePrinter: linePrinter{out: out}, columns: columns}
	if format == "tsv" {
		p.write = func(cells []string) error {
			for i, cell := range cells {
				cells[i] = tsvEscapes.Replace(cell)
			}
			return p.text(strings.Join(cells, "\t"))
		}
		return p
	}
	w := csv.NewWriter(out)
	p.write = func(cells []string) error {
		if err := w.Write(cells); err != nil {
			return err
		}
		w.Flush()
		return w.Error()
	}
	return p
}

// tsvEscapes keep a value on its line and in its column.
var tsvEscapes = strings.NewReplacer(`\`, `\\`, "\t", `\t`, "\n", `\n`, "\r", `\r`)

func (p *listPrinter) add(row *streams.Flat) error {
	if err := p.header(); err != nil {
		return err
	}
	cells := make([]string, len(p.columns))
	for i, key := range p.columns {
		cells[i], _ = row.Get(key)
	}
	return p.write(cells)
}

func (p *listPrinter) header() error {
	if p.begun {
		return nil
	}
	p.begun = true
	return p.write(slices.Clone(p.columns))
}

func (p *listPrinter) end() error { return p.header() }
