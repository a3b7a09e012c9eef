package maintain

import (
	"fmt"
	"testing"
)

// BenchmarkNoChange is a build of 2,000 products in 3 versions each of which nothing has changed.
func BenchmarkNoChange(b *testing.B) {
	r := &testRoot{TB: b, dir: b.TempDir()}
	for i := range 2000 {
		for v := range 3 {
			r.version(fmt.Sprintf("images/distro%02d/rel%03d/amd64/v%d/2024010%d_0000", i%40, i/80, i/40%2, v+1))
		}
	}
	o := Options{Publish: r.publish}
	if _, err := Build(b.Context(), r.dir, o); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	b.ReportAllocs()
	for range b.N {
		if report, err := Build(b.Context(), r.dir, o); err != nil || report.Changed {
			b.Fatal(report, err)
		}
	}
}
