package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// TestMirrorFlagsAreTested: some test or script of this package gives every flag of sstream mirror.
func TestMirrorFlagsAreTested(t *testing.T) {
	var tests strings.Builder
	for _, pattern := range []string{"*_test.go", "testdata/script/*mirror*.txtar"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			tests.Write(data)
		}
	}
	a, _, _ := testApp(t)
	newMirrorCommand(a).Flags().VisitAll(func(f *pflag.Flag) {
		if !strings.Contains(tests.String(), "--"+f.Name) && (f.Shorthand == "" || !strings.Contains(tests.String(), "mirror -"+f.Shorthand)) {
			t.Errorf("no test gives --%s", f.Name)
		}
	})
}
