// Package pythontest lets tests compare with what Python itself says.
package pythontest

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"testing"
)

const program = "/usr/bin/python3"

// Run runs a script of Python's that reads the variable x and leaves its result in the variable y; json, re and sys are
// imported. Without Python the test is skipped, unless CI_REAL=1 says that it must be there.
func Run(t testing.TB, script string, x, y any) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		if os.Getenv("CI_REAL") == "1" {
			t.Fatal("no /usr/bin/python3, and CI_REAL=1 asks for it: apt-get install python3")
		}
		t.Skip("no /usr/bin/python3 to compare with: apt-get install python3")
	}
	input, err := json.Marshal(x)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-c", "import json, re, sys\nx = json.load(sys.stdin)\n"+script+"\njson.dump(y, sys.stdout)")
	cmd.Stdin = bytes.NewReader(input)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, &errs)
	}
	if err := json.Unmarshal(out, y); err != nil {
		t.Fatal(err)
	}
}
