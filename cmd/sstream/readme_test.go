package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var shellBlock = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")

// TestReadme runs every block of commands in README.md, as they stand there, one after the other in one directory.
func TestReadme(t *testing.T) {
	top, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile(filepath.Join(top, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := shellBlock.FindAllSubmatch(readme, -1)
	if len(blocks) < 4 {
		t.Fatalf("README.md has %d blocks of commands", len(blocks))
	}
	dir, bin := t.TempDir(), t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// The test program is sstream when it is called so: see TestMain.
	if err := os.Symlink(self, filepath.Join(bin, "sstream")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"examples", "tools"} {
		if err := os.Symlink(filepath.Join(top, name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, block := range blocks {
		cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", string(block[1]))
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "GNUPGHOME="+bin)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s\n%s", err, block[1], out)
		}
	}
	checkIgnored(t, dir, filepath.Join(top, ".gitignore"))
	test, err := os.ReadFile(filepath.Join(top, ".ci/test"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(readme, append([]byte("    "), test...)) {
		t.Errorf("README.md does not name the test command of .ci/test, %s", test)
	}
}

// checkIgnored fails the test if git would tell of a file or directory in dir. Links are those of the test.
func checkIgnored(t *testing.T, dir, ignoreFile string) {
	t.Helper()
	text, err := os.ReadFile(ignoreFile)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		ignored := slices.ContainsFunc(strings.Split(string(text), "\n"), func(pattern string) bool {
			match, err := filepath.Match(strings.Trim(pattern, "/"), e.Name())
			return match && err == nil
		})
		if !ignored && e.Type() != os.ModeSymlink {
			t.Errorf("the commands of README.md leave %s, which .gitignore does not know", e.Name())
		}
	}
}

// TestTenv runs commands of the Python tools' README as they stand there, but for the directory that is written to.
func TestTenv(t *testing.T) {
	out := t.TempDir()
	for command, want := range map[string]string{
		"./tools/tenv sstream-sync --hook=hook-debug \\\n    --path=streams/v1/index.json examples/foocloud/": "=== insert_index:",
		"./tools/tenv do-mirror examples/foocloud/ " + out + " streams/v1/index.json":                         "",
	} {
		cmd := exec.CommandContext(t.Context(), "sh", "-c", command)
		cmd.Dir = "../.."
		if got, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(got), want) {
			t.Errorf("%s: %v\n%s", command, err, got)
		}
	}
	if _, err := os.Stat(filepath.Join(out, "streams/v1/index.json")); err != nil {
		t.Error(err)
	}
}
