package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes the program, under all its names, a command of the scripts.
func TestMain(m *testing.M) {
	os.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0") // else each process of the program ends with a sleep of a second
	programs := map[string]func(){"sstream": main}
	for name := range oldNames {
		programs[name] = main
	}
	if _, called := programs[filepath.Base(os.Args[0])]; !called {
		os.Setenv("NETRC", os.DevNull) // the passwords of whoever runs the tests are not for them
	}
	testscript.Main(m, programs)
}

// missing tells whether a program is not installed; the error says that it has to be.
func missing(name string) (bool, error) {
	_, err := exec.LookPath(name)
	if err != nil && os.Getenv("CI_REAL") == "1" {
		return true, fmt.Errorf("CI_REAL=1 asks for %s: .ci/install", name)
	}
	return err != nil, nil
}

// TestScripts runs testdata/script: one behaviour of one command a file. UPDATE_SCRIPTS=1 writes down what was printed.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: os.Getenv("UPDATE_SCRIPTS") != "",
		Cmds:          map[string]func(*testscript.TestScript, bool, []string){"site": serveSite},
		Condition: func(cond string) (bool, error) {
			name, ok := strings.CutPrefix(cond, "missing:")
			if !ok {
				return false, fmt.Errorf("unknown condition %q", cond)
			}
			return missing(name)
		},
		Setup: func(env *testscript.Env) error {
			examples, err := filepath.Abs("../../examples")
			if err != nil {
				return err
			}
			env.Setenv("EXAMPLES", examples)
			env.Setenv("GORACE", os.Getenv("GORACE"))
			env.Setenv("HOME", env.WorkDir)
			gnupg, err := os.MkdirTemp("/tmp", "gnupg") // short, wherever the rest is: a socket's path has to fit into 107 bytes
			env.Setenv("GNUPGHOME", gnupg)
			env.Defer(func() { _ = os.RemoveAll(gnupg) })
			return err
		},
	})
}
