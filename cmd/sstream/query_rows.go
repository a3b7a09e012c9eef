package main

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/seed-43fb3962/sstream/streams"
)

// rowSink is what rows go to.
type rowSink interface {
	add(row *streams.Flat) error // row is the caller's again afterwards
	end() error                  // there are no more
}

// rowDistinct lets through the first row with the same values of its keys.
type rowDistinct struct {
	keys []string
	seen map[string]bool
	rowSink
}

func (d *rowDistinct) add(row *streams.Flat) error {
	var values strings.Builder
	for _, key := range d.keys {
		value, _ := row.Get(key)
		values.WriteString(strconv.Quote(value))
	}
	if d.seen[values.String()] {
		return nil
	}
	d.seen[values.String()] = true
	return d.rowSink.add(row)
}

// rowCount prints how many rows there were.
type rowCount struct {
	n  int
	to printer
}

func (c *rowCount) add(*streams.Flat) error { c.n++; return nil }

func (c *rowCount) end() error { return c.to.text(strconv.Itoa(c.n)) }

// rowSort keeps the rows to the end and sorts them.
type rowSort struct {
	keys []sortKey
	rows []*streams.Flat
	rowSink
}

type sortKey struct {
	key  string
	down bool
}

func newRowSort(keys []string, to rowSink) *rowSort {
	s := &rowSort{rowSink: to}
	for _, key := range keys {
		name, down := strings.CutPrefix(key, "-")
		s.keys = append(s.keys, sortKey{name, down})
	}
	return s
}

func (s *rowSort) add(row *streams.Flat) error {
	kept := &streams.Flat{}
	kept.Reset(row)
	s.rows = append(s.rows, kept)
	return nil
}

func (s *rowSort) end() error {
	slices.SortStableFunc(s.rows, s.compare)
	for _, row := range s.rows {
		if err := s.rowSink.add(row); err != nil {
			return err
		}
	}
	return s.rowSink.end()
}

func (s *rowSort) compare(a, b *streams.Flat) int {
	for _, k := range s.keys {
		x, _ := a.Get(k.key)
		y, _ := b.Get(k.key)
		n := compareValues(x, y)
		if k.down {
			n = -n
		}
		if n != 0 {
			return n
		}
	}
	return 0
}

// compareValues compares numbers as numbers, and puts them before other text.
func compareValues(a, b string) int {
	x, errX := strconv.ParseFloat(a, 64)
	y, errY := strconv.ParseFloat(b, 64)
	switch {
	case errX == nil && errY == nil:
		return cmp.Or(cmp.Compare(x, y), cmp.Compare(a, b))
	case errX == nil:
		return -1
	case errY == nil:
		return 1
	}
	return cmp.Compare(a, b)
}
