package streams_test

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"testing"
)

// python runs a script of Python's that reads JSON from stdin into the variable x and prints the variable y as JSON.
func python(t *testing.T, script string, x, y any) {
	t.Helper()
	program, err := exec.LookPath("/usr/bin/python3")
	if err != nil {
		t.Skip("no /usr/bin/python3 to compare with")
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
