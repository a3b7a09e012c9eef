package hooks_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/seed-43fb3962/sstream/fetch"
	"github.com/seed-43fb3962/sstream/hooks"
)

const start = "streams/v1/p.json"

// file is an item with that content at path.
func file(path, content string) map[string]any {
	return map[string]any{"path": path, "size": len(content), "sha256": fmt.Sprintf("%x", sha256.Sum256([]byte(content)))}
}

// catalogue is a products file with one version of one product.
func catalogue(items map[string]any) string {
	doc, err := json.Marshal(map[string]any{"format": "products:1.0", "content_id": "c", "products": map[string]any{
		"p": map[string]any{"arch": "amd64", "versions": map[string]any{"1": map[string]any{"items": items}}}}})
	if err != nil {
		panic(err)
	}
	return string(doc)
}

// tree makes a mirror of files and opens it.
func tree(t *testing.T, files map[string]string) *fetch.Mirror {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	m, err := fetch.Open(root, fetch.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// options runs command as insert_item, with nothing there, and keeps what it prints.
func options(t *testing.T, command string) (hooks.Options, *bytes.Buffer) {
	var out bytes.Buffer
	return hooks.Options{
		Path:     start,
		Commands: map[string]string{hooks.LoadProducts: "true", hooks.InsertItem: command},
		TempDir:  t.TempDir(),
		Stdout:   &out,
		Stderr:   &out,
	}, &out
}

func TestCatalogueSetsNoDangerousVariable(t *testing.T) {
	names := []string{"PATH", "BASH_ENV", "ENV", "IFS", "SHELLOPTS", "BASHOPTS", "PS4", "CDPATH", "LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT",
		"PYTHONPATH", "PYTHONSTARTUP", "PERL5OPT", "RUBYOPT", "NODE_OPTIONS", "GIT_SSH_COMMAND", "TMPDIR", "HOME", "http_proxy", "Https_Proxy",
		"all_proxy", "BASH_FUNC_ls%%", "BASH_FUNC_ls()", "a b", "a-b", "1a", "", "ä", "a\nb", "x=y", "_", "HOOK", "FIELDS",
		"path_local", "content_file_path"}
	item := map[string]any{"fine": "yes", "Fine_2": "yes", "_f": "yes"}
	for _, name := range names {
		item[name] = "$(touch /tmp/owned)"
	}
	src := tree(t, map[string]string{start: catalogue(map[string]any{"i": item})})
	o, out := options(t, "env -0")
	o.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=/nowhere"}
	if err := hooks.Run(t.Context(), src, o); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for v := range strings.SplitSeq(out.String(), "\x00") {
		name, value, _ := strings.Cut(v, "=")
		got[name] = value
	}
	for _, name := range names {
		if strings.Contains(got[name], "owned") {
			t.Errorf("the catalogue set %q", name)
		}
	}
	for _, name := range []string{"fine", "Fine_2", "_f"} {
		if got[name] != "yes" {
			t.Errorf("%s is %q", name, got[name])
		}
	}
	if got["HOOK"] != hooks.InsertItem || got["PATH"] != os.Getenv("PATH") || got["HOME"] != "/nowhere" {
		t.Errorf("HOOK=%q PATH=%q HOME=%q", got["HOOK"], got["PATH"], got["HOME"])
	}
	if want := "content_id format arch product_name version_name Fine_2 _f fine item_name"; got["FIELDS"] != want {
		t.Errorf("FIELDS is %q, want %q", got["FIELDS"], want)
	}
	for _, name := range strings.Fields(got["FIELDS"]) {
		if _, ok := got[name]; !ok {
			t.Errorf("FIELDS names %q, which is not set", name)
		}
	}
}

// hard are values that a careless command line would read as shell text.
var hard = []string{"plain", "", "a b  c", "*", "$(touch owned)", "`touch owned`", "'; touch owned; '", `"; touch owned; "`, "x\ny\n", "\\", "${PATH}",
	"%(arch)s", "-n", "ä€\u2028", "'\"'\"'", "$1 $@ ${2}"}

func TestSubstitutionIsOneWord(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for _, command := range []string{
		`printf '%%s' %(v)s`, `printf '%%s' '%(v)s'`, `printf '%%s' "%(v)s"`, `printf '%%s' ""%(v)s''`,
		"# don't\nprintf '%%s' %(v)s # it's", `x=%(v)s; printf '%%s' "$x"`, `x="$(printf '%%s.' %(v)s)"; printf '%%s' "${x%%.}"`, `x=$( (printf '%%s.' "%(v)s") ); printf '%%s' "${x%%.}"`,
	} {
		for _, value := range hard {
			item := map[string]any{"v": value}
			src := tree(t, map[string]string{start: catalogue(map[string]any{"i": item})})
			o, out := options(t, command)
			if err := hooks.Run(t.Context(), src, o); err != nil {
				t.Errorf("%s with %q: %v", command, value, err)
			}
			if out.String() != value {
				t.Errorf("%s: %q became %q", command, value, out)
			}
		}
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("a value was run: %v", left)
	}
}

func TestValuesThatNoVariableHolds(t *testing.T) {
	item := map[string]any{"nul": "a\x00b", "long": strings.Repeat("x", 200<<10), "fits": strings.Repeat("y", 100<<10), "lines": "a\nfits=no\n"}
	for i := range 40 {
		item[fmt.Sprintf("many%02d", i)] = strings.Repeat("z", 100<<10)
	}
	src := tree(t, map[string]string{start: catalogue(map[string]any{"i": item})})
	o, out := options(t, `printf '%%s %%s %%s [%%s]' "${nul-none}" "${long-none}" "${#fits}" "$lines"`)
	var log bytes.Buffer
	o.Log = slog.New(slog.NewTextHandler(&log, nil))
	if err := hooks.Run(t.Context(), src, o); err != nil {
		t.Fatal(err)
	}
	if want := "none none 102400 [a\nfits=no\n]"; out.String() != want {
		t.Errorf("got %.200q, want %q", out, want)
	}
	for _, want := range []string{"nul", "it holds a NUL", "long", "204800 bytes"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log does not say %q", want)
		}
	}
	o.Commands[hooks.InsertItem] = "echo %(long)s"
	if err := hooks.Run(t.Context(), src, o); err == nil || !strings.Contains(err.Error(), "it is too long: 204800 bytes") {
		t.Errorf("a place for a long value: %v", err)
	}
	unset := "-"
	o.Unset = &unset
	out.Reset()
	if err := hooks.Run(t.Context(), src, o); err != nil || out.String() != "-\n" {
		t.Errorf("with a value for unset: %q, %v", out, err)
	}
}

func TestMissingField(t *testing.T) {
	src := tree(t, map[string]string{start: catalogue(map[string]any{"i": map[string]any{}})})
	o, _ := options(t, "echo %(nothing)s")
	err := hooks.Run(t.Context(), src, o)
	if err == nil || !strings.Contains(err.Error(), "c/p/1/i") || !strings.Contains(err.Error(), "nothing, but it is not there") {
		t.Error(err)
	}
}

func TestExitStatus(t *testing.T) {
	src := tree(t, map[string]string{start: catalogue(map[string]any{"i": map[string]any{}})})
	for _, c := range []struct {
		hook, command string
		code          int // 0: no error
	}{
		{hooks.FilterItem, "exit 1", 0}, {hooks.FilterItem, "exit 2", 2}, {hooks.FilterVersion, "exit 1", 0},
		{hooks.InsertItem, "exit 1", 1}, {hooks.InsertProduct, "kill -PIPE $$", hooks.SIGPIPE}, {hooks.LoadProducts, "exit 141", hooks.SIGPIPE},
		{hooks.InsertItem, "no-such-command-anywhere", 127},
	} {
		o, _ := options(t, "true")
		o.Commands[c.hook] = c.command
		err := hooks.Run(t.Context(), src, o)
		var exit *hooks.ExitError
		switch {
		case c.code == 0 && err != nil:
			t.Errorf("%s %s: %v", c.hook, c.command, err)
		case c.code != 0 && (!errors.As(err, &exit) || exit.Code != c.code || exit.Hook != c.hook):
			t.Errorf("%s %s: %v", c.hook, c.command, err)
		}
	}
}

// TestTimeout has a hook whose child would live on: it holds the pipe that is read to its end.
func TestTimeout(t *testing.T) {
	src := tree(t, map[string]string{start: catalogue(map[string]any{"i": map[string]any{}})})
	o, _ := options(t, "sleep 1000 & wait")
	pipe, end, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer pipe.Close()
	o.Stdout, o.Stderr, o.Timeout = end, end, time.Second
	o.Commands[hooks.LoadProducts], o.Commands[hooks.FilterItem] = "true", ""
	err = hooks.Run(t.Context(), src, o)
	end.Close()
	if err == nil || !strings.Contains(err.Error(), "did not end within 1s") {
		t.Error(err)
	}
	if _, err := io.ReadAll(pipe); err != nil {
		t.Error(err)
	}
}

// TestInterrupt has a hook that has something to do before it ends, once as the shell itself and once as its child.
func TestInterrupt(t *testing.T) {
	const hook = "trap 'sleep 0.1; echo told; exit 7' TERM; sleep 1000 & echo begun; wait"
	t.Run("shell", func(t *testing.T) { testInterrupt(t, hook) })
	t.Run("child", func(t *testing.T) { testInterrupt(t, "("+hook+") & wait") })
}

func testInterrupt(t *testing.T, hook string) {
	src := tree(t, map[string]string{start: catalogue(map[string]any{"i": file("f", "content")}), "f": "content"})
	o, _ := options(t, hook)
	pipe, end, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer pipe.Close()
	o.Stdout, o.Stderr = end, end
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- hooks.Run(ctx, src, o)
		end.Close()
	}()
	if _, err := io.ReadFull(pipe, make([]byte, len("begun\n"))); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if rest, err := io.ReadAll(pipe); err != nil || string(rest) != "told\n" {
		t.Errorf("%q, %v", rest, err)
	}
	if left, _ := os.ReadDir(o.TempDir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestJobs has two hooks that wait for one another.
func TestJobs(t *testing.T) {
	src := tree(t, map[string]string{start: catalogue(map[string]any{"r": map[string]any{}, "w": map[string]any{}})})
	t.Chdir(t.TempDir())
	o, out := options(t, `case $item_name in r) cat fifo ;; w) echo met >fifo ;; esac`)
	o.Commands[hooks.FilterProduct] = "mkfifo fifo"
	o.Jobs, o.Timeout = 2, time.Minute
	if err := hooks.Run(t.Context(), src, o); err != nil || out.String() != "met\n" {
		t.Errorf("%q, %v", out, err)
	}
}

func TestLocalCopy(t *testing.T) {
	good := map[string]string{start: catalogue(map[string]any{"i": file("d/f", "content")}), "d/f": "content"}
	o, out := options(t, `cat "$path_local"; mv "$path_local" "$path_local.taken"`)
	if err := hooks.Run(t.Context(), tree(t, good), o); err != nil || out.String() != "content" {
		t.Errorf("%q, %v", out, err)
	}
	if left, _ := os.ReadDir(o.TempDir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	for name, change := range map[string]func(files map[string]string){
		"it is not the file that is listed": func(f map[string]string) { f["d/f"] = "CONTENT" },
		"has 4 bytes, where 7 are listed":   func(f map[string]string) { f["d/f"] = "cont" },
		"there is no such file":             func(f map[string]string) { delete(f, "d/f") },
		"unsafe path":                       func(f map[string]string) { f[start] = catalogue(map[string]any{"i": file("../f", "content")}) },
		"no size is listed":                 func(f map[string]string) { f[start] = catalogue(map[string]any{"i": map[string]any{"path": "d/f"}}) },
		"it has no content_id":              func(f map[string]string) { f[start] = `{"format":"products:1.0","products":{}}` },
		`it has no field "products"`:        func(f map[string]string) { f[start] = `{"format":"products:1.0","content_id":"c"}` },
	} {
		files := map[string]string{start: good[start], "d/f": "content"}
		change(files)
		o, out := options(t, "echo inserted")
		err := hooks.Run(t.Context(), tree(t, files), o)
		if err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "local copy") || out.Len() > 0 {
			t.Errorf("%s: %v, printed %q", name, err, out)
		}
	}
	o, _ = options(t, "echo inserted")
	o.Commands[hooks.LoadProducts] = "rm -r " + o.TempDir + "/*"
	if err := hooks.Run(t.Context(), tree(t, good), o); err == nil || !strings.HasPrefix(err.Error(), "cannot make a local copy: open ") {
		t.Errorf("without a place for copies: %v", err)
	}
}

func TestOptionsRefused(t *testing.T) {
	src := tree(t, nil)
	for want, o := range map[string]hooks.Options{
		"no command for load_products":     {Commands: map[string]string{hooks.InsertItem: "true"}},
		"keep needs a maximum":             {Keep: true},
		"not \"csv\"":                      {LoadFormat: "csv"},
		`"%d" is no %(name)s`:              {Commands: map[string]string{hooks.Default: "date +%d"}},
		`"%(size)d x" is no %(name)s`:      {Commands: map[string]string{hooks.Default: "echo %(size)d x"}},
		`"%(size" is no %(name)s; write %`: {Commands: map[string]string{hooks.Default: "echo %(size"}},
		"holds a NUL":                      {Commands: map[string]string{hooks.Default: "a\x00b"}},
	} {
		if err := hooks.Run(t.Context(), src, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestInsertIndexEntryRunsIfAsked(t *testing.T) {
	src := tree(t, map[string]string{
		"streams/v1/index.json": `{"format":"index:1.0","index":{"c":{"format":"products:1.0","path":"` + start + `"}}}`,
		start:                   catalogue(nil),
	})
	o, out := options(t, "")
	o.Path = "streams/v1/index.json"
	o.Commands[hooks.Default] = `[ $HOOK = load_products ] || echo $HOOK`
	for _, want := range []string{"filter_index_entry\nfilter_product\nfilter_version\ninsert_product\ninsert_products\ninsert_index\n",
		"filter_index_entry\nfilter_product\nfilter_version\ninsert_product\ninsert_products\nentry c streams/v1/p.json p.json\ninsert_index\n"} {
		out.Reset()
		if err := hooks.Run(t.Context(), src, o); err != nil || out.String() != want {
			t.Errorf("%s, %v", out, err)
		}
		o.Commands[hooks.InsertIndexEntry] = `echo entry $content_id $path ${path##*/}; test -s $content_file_path`
	}
}
