package streams_test

import (
	"testing"

	"github.com/seed-43fb3962/sstream/internal/catalog"
	"github.com/seed-43fb3962/sstream/streams"
)

// eachCatalog runs f on the text of a catalogue of files and of one of image ids, 50 MB and 30 MB.
func eachCatalog(b *testing.B, f func(b *testing.B, text []byte)) {
	for name, size := range map[string]catalog.Size{"files": {}, "images": {Images: true}} {
		text := streams.Append(nil, catalog.Products(size), catalog.Style)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			f(b, text)
		})
	}
}

func parsed(b *testing.B, text []byte) *streams.Products {
	b.Helper()
	p, err := streams.ParseProducts(text)
	if err != nil {
		b.Fatal(err)
	}
	return p
}

func BenchmarkParse(b *testing.B) {
	eachCatalog(b, func(b *testing.B, text []byte) {
		for b.Loop() {
			parsed(b, text)
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	eachCatalog(b, func(b *testing.B, text []byte) {
		p := parsed(b, text)
		dst := make([]byte, 0, len(text))
		for b.Loop() {
			dst = streams.Append(dst[:0], p, catalog.Style)
		}
	})
}

func BenchmarkExpandAliases(b *testing.B) {
	eachCatalog(b, func(b *testing.B, text []byte) {
		for b.Loop() {
			b.StopTimer()
			p := parsed(b, text)
			b.StartTimer()
			if err := p.ExpandAliases(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkFlat(b *testing.B) {
	eachCatalog(b, func(b *testing.B, text []byte) {
		p := parsed(b, text)
		for b.Loop() {
			var f streams.Flat
			for e := range p.All() {
				e.AppendFlat(&f)
			}
		}
	})
}

func BenchmarkFilter(b *testing.B) {
	filters, err := streams.ParseFilters([]string{"arch=amd64", "release~^(fjord|delta)$"})
	if err != nil {
		b.Fatal(err)
	}
	eachCatalog(b, func(b *testing.B, text []byte) {
		p := parsed(b, text)
		for b.Loop() {
			for e := range p.All() {
				if _, err := filters.Match(e.Get); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}

func BenchmarkCondense(b *testing.B) {
	eachCatalog(b, func(b *testing.B, text []byte) {
		for b.Loop() {
			b.StopTimer()
			p := parsed(b, text)
			b.StartTimer()
			p.Condense(streams.Sticky)
		}
	})
}
