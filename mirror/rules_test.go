package mirror

import (
	"crypto/sha256"
	"fmt"
	"go/scanner"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// decided is package plan, without its comments, as it was when rules was last thought of.
const decided = "b4bb2710a5fbd0d7c4c677235df8338fe75568acd0f126a49fef410915f47480"

// TestRules: nobody changes how it is decided without thinking of mirrors that are settled by the rules before.
func TestRules(t *testing.T) {
	names, err := filepath.Glob("../plan/*.go")
	if err != nil {
		t.Fatal(err)
	}
	h := sha256.New()
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var s scanner.Scanner
		s.Init(token.NewFileSet().AddFile(name, -1, len(text)), text, nil, 0)
		for {
			_, tok, literal := s.Scan()
			if tok == token.EOF {
				break
			}
			fmt.Fprintln(h, tok, literal)
		}
	}
	if sum := fmt.Sprintf("%x", h.Sum(nil)); sum != decided {
		t.Errorf("package plan has changed: raise rules in settled.go if the same inputs now lead to another plan, then let decided be %q", sum)
	}
}
