// Package house checks what ARCHITECTURE.md says of the code: which room may know which, and how long things get.
package house

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/seed-43fb3962/sstream"

var row = regexp.MustCompile("(?m)^\\| `([a-z0-9/]+)` \\| .* \\| ([^|]*) \\|$")

// notRoom are the packages that the table leaves out: programs, tests, and what a room keeps to itself.
var notRoom = regexp.MustCompile("^(cmd|internal|examples|bench|test)/|/internal/|test$")

// list is what go list says of packages of this module, a line each.
func list(t *testing.T, packages, format string) string {
	t.Helper()
	cmd := exec.Command("go", "list", "-f", format, packages)
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// TestArrows compares the imports of every package with the table in ARCHITECTURE.md.
func TestArrows(t *testing.T) {
	text, err := os.ReadFile("../../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	allowed := map[string][]string{}
	for _, m := range row.FindAllStringSubmatch(string(text), -1) {
		allowed[m[1]] = strings.Fields(strings.Trim(m[2], " –"))
	}
	for line := range strings.Lines(list(t, "./...", "{{.ImportPath}} {{join .Imports \" \"}}")) {
		words := strings.Fields(line)
		name, ours := room(words[0])
		if !ours || notRoom.MatchString(name) {
			continue
		}
		may, listed := allowed[name]
		if !listed {
			t.Errorf("package %s has no row in the table of ARCHITECTURE.md", name)
		}
		for _, other := range may {
			if !slices.Contains(words[1:], module+"/"+other) {
				t.Errorf("package %s does not import %s, as ARCHITECTURE.md says", name, other)
			}
		}
		for _, imported := range words[1:] {
			if other, ours := room(imported); ours && !slices.Contains(may, other) && !strings.HasPrefix(other, name+"/internal/") && !strings.HasPrefix(other, "internal/") {
				t.Errorf("package %s imports %s; ARCHITECTURE.md allows %v", name, other, may)
			}
		}
		delete(allowed, name)
	}
	for name := range allowed {
		t.Errorf("ARCHITECTURE.md has a row for package %s, which is not there", name)
	}
}

func room(path string) (string, bool) {
	name, ours := strings.CutPrefix(path, module+"/")
	return name, ours
}

var (
	library  = regexp.MustCompile(`(?m)^\| ([A-Za-z0-9/., -]+) \| [^|]+ \|$`)
	required = regexp.MustCompile(`(?m)^\t(?:github\.com/)?(\S+?)(?:/v[0-9]+)? v\S+$`) // "// indirect" does not match
)

// TestLibraries compares the modules that go.mod requires with the table in ARCHITECTURE.md.
func TestLibraries(t *testing.T) {
	text, err := os.ReadFile("../../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "| module | why |")
	var listed, needed []string
	for _, m := range library.FindAllStringSubmatch(table, -1) {
		listed = append(listed, strings.Split(m[1], ", ")...)
	}
	for _, m := range required.FindAllStringSubmatch(string(mod), -1) {
		needed = append(needed, m[1])
	}
	slices.Sort(listed)
	slices.Sort(needed)
	if len(needed) == 0 || !slices.Equal(listed, needed) {
		t.Errorf("ARCHITECTURE.md lists %v, go.mod %v", listed, needed)
	}
}

// TestPure makes sure that the format and the plan do no I/O.
func TestPure(t *testing.T) {
	for _, name := range []string{"streams", "plan"} {
		imports := strings.Fields(list(t, "./"+name, "{{join .Imports \" \"}}"))
		for _, bad := range []string{"os", "net", "net/http", "os/exec"} {
			if slices.Contains(imports, bad) {
				t.Errorf("package %s imports %s", name, bad)
			}
		}
	}
}

// TestPackagesDocumented: each package says what it is.
func TestPackagesDocumented(t *testing.T) {
	for line := range strings.Lines(list(t, "./...", "{{if .GoFiles}}{{.ImportPath}}\t{{.Doc}}{{end}}")) {
		if name, doc, _ := strings.Cut(strings.TrimSpace(line), "\t"); name != "" && doc == "" {
			t.Errorf("%s says nowhere what it is", name)
		}
	}
}

// TestSizes keeps functions on a screen and files findable, and every exported name documented.
func TestSizes(t *testing.T) {
	var lengths []int
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && d.Name() != ".." || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		lengths = append(lengths, checkFile(t, path)...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(lengths)
	if p95 := lengths[len(lengths)*95/100]; p95 > 50 {
		t.Errorf("one function in twenty has more than %d lines", p95)
	}
}

func checkFile(t *testing.T, path string) (lengths []int) {
	src, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(src, []byte("\n")); n > 400 {
		t.Errorf("%s has %d lines", path, n)
	}
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, src, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	for _, decl := range file.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if !ok {
			continue
		}
		n := files.Position(f.End()).Line - files.Position(f.Pos()).Line + 1
		lengths = append(lengths, n)
		if n > 90 {
			t.Errorf("%s: %s has %d lines", path, f.Name.Name, n)
		}
		if f.Name.IsExported() && f.Doc == nil && file.Name.Name != "main" && !strings.Contains(path, "/internal/") && f.Name.Name != "Error" && f.Name.Name != "Unwrap" && exportedReceiver(f) {
			t.Errorf("%s: %s is exported and not documented", path, f.Name.Name)
		}
	}
	return lengths
}

// exportedReceiver tells whether users of the package can see f.
func exportedReceiver(f *ast.FuncDecl) bool {
	if f.Recv == nil {
		return true
	}
	switch x := f.Recv.List[0].Type.(type) {
	case *ast.StarExpr:
		if id, ok := x.X.(*ast.Ident); ok {
			return id.IsExported()
		}
		return true
	case *ast.Ident:
		return x.IsExported()
	}
	return true
}
