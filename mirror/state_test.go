package mirror_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestComingIsRemembered: a run that fails leaves the names of the files that it was to write, whatever they are called.
func TestComingIsRemembered(t *testing.T) {
	const odd = "files/\"a\" <é>\\\u2028"
	name, err := json.Marshal(odd)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if _, err := run(t, edited(t, `"files/a1"`, string(name)), dir, nil); err == nil {
		t.Fatal("a file that is not there was mirrored")
	}
	data, err := os.ReadFile(filepath.Join(dir, ".sstream/mirror.json"))
	if err != nil {
		t.Fatal(err)
	}
	var state struct{ Coming []string }
	if err := json.Unmarshal(data, &state); err != nil {
		t.Fatalf("%v in %s", err, data)
	}
	if !slices.Contains(state.Coming, odd) || !slices.Contains(state.Coming, "files/a2") {
		t.Errorf("it remembers %q", state.Coming)
	}
	if pretty, err := json.MarshalIndent(json.RawMessage(data), "", " "); err != nil || string(pretty)+"\n" != string(data) {
		t.Errorf("it is laid out as %s, want %s", data, pretty)
	}
}
