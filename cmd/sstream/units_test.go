package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	execStart   = regexp.MustCompile(`(?m)^ExecStart=/usr/bin/sstream (.*)$`)
	environment = regexp.MustCompile(`(?m)^Environment="?([A-Z_]+)=([^"\n]*)"?$`)
)

// TestUnits: the units that are shipped call commands that there are, with options that there are.
func TestUnits(t *testing.T) {
	units, err := filepath.Glob("../../packaging/systemd/*.service")
	if err != nil || len(units) != 2 {
		t.Fatalf("units: %v, %v", units, err)
	}
	for _, unit := range units {
		text, err := os.ReadFile(unit)
		if err != nil {
			t.Fatal(err)
		}
		call := execStart.FindSubmatch(text)
		if call == nil {
			t.Errorf("%s does not start sstream", unit)
			continue
		}
		set := make(map[string]string)
		for _, m := range environment.FindAllSubmatch(text, -1) {
			set[string(m[1])] = string(m[2])
		}
		args := strings.Fields(os.Expand(string(call[1]), func(name string) string { return set[name] }))
		a, _, errs := testApp(t)
		if code := a.run(t.Context(), append([]string{"sstream"}, append(args, "--help")...)); code != 0 || args[len(args)-1] != "/srv/images" {
			t.Errorf("%s: sstream %s: exit code %d, %s", unit, args, code, errs)
		}
	}
}
