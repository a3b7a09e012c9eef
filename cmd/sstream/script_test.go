package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes the program, under all its names, a command of the scripts.
func TestMain(m *testing.M) {
	programs := map[string]func(){"sstream": main}
	for name := range oldNames {
		programs[name] = main
	}
	testscript.Main(m, programs)
}

// TestScripts runs testdata/script: one behaviour of one command a file. UPDATE_SCRIPTS=1 writes down what was printed.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: os.Getenv("UPDATE_SCRIPTS") != "",
		Cmds:          map[string]func(*testscript.TestScript, bool, []string){"site": serveSite},
		Setup: func(env *testscript.Env) error {
			examples, err := filepath.Abs("../../examples")
			if err != nil {
				return err
			}
			env.Setenv("EXAMPLES", examples)
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("GNUPGHOME", env.WorkDir+"/gnupg")
			return os.MkdirAll(env.WorkDir+"/gnupg", 0o700)
		},
	})
}
