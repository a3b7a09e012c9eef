package verify_test

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-43fb3962/sstream/fetch"
	"github.com/seed-43fb3962/sstream/fetch/fetchtest"
	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/verify"
)

func sha(parts ...string) string {
	return fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Join(parts, ""))))
}

// item is an item for the file at path with that content; more are further fields.
func item(path, ftype, content, more string) string {
	return fmt.Sprintf(`{"ftype":%q,"path":%q,"size":%d,"sha256":%q,"md5":"%x"%s}`, ftype, path, len(content), sha(content), md5.Sum([]byte(content)), more)
}

func products(items ...string) string {
	for i := range items {
		items[i] = fmt.Sprintf(`"i%d":%s`, i, items[i])
	}
	return `{"format":"products:1.0","content_id":"c","products":{"p":{"versions":{"1":{"items":{` + strings.Join(items, ",") + `}}}}}}`
}

// good is a mirror with an image for LXD and a file with no other.
func good() map[string]string {
	return map[string]string{
		"streams/v1/index.json": `{"format":"index:1.0","index":{"c":{"format":"products:1.0","path":"streams/v1/c.json"}}}`,
		"streams/v1/c.json": products(
			item("d/meta", "lxd.tar.xz", "meta", `,"combined_squashfs_sha256":"`+sha("meta", "root")+`","combined_disk-kvm-img_sha256":"`+sha("meta", "disk")+`"`),
			item("d/root", "squashfs", "root", ""),
			item("d/text", "text", "some text", `,"sha1":"37aa63c77398d954473262e1a0057c1e632eda77"`),
			`{"id":"no file"}`,
		),
		"d/meta": "meta", "d/root": "root", "d/text": "some text",
	}
}

func write(t *testing.T, root string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

func open(t *testing.T, root string) *fetch.Mirror {
	t.Helper()
	m, err := fetch.Open(root, fetch.Options{HTTP: fetch.HTTP{Retries: -1}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func lines(r *verify.Report) (list []string) {
	for _, p := range r.Problems {
		line := p.Path + ": " + p.Text
		if len(p.Items) > 0 {
			line += " (" + strings.Join(p.Items, " ") + ")"
		}
		if p.Repaired {
			line = "repaired " + line
		}
		list = append(list, line)
	}
	return list
}

func TestRun(t *testing.T) {
	const c = "streams/v1/c.json"
	for _, test := range []struct {
		name   string
		change func(files map[string]string)
		want   []string
	}{
		{"good", func(map[string]string) {}, nil},
		{"a file is gone, another shorter", func(f map[string]string) {
			delete(f, "d/text")
			f["d/root"] = "ro"
		}, []string{
			"d/root: the file has 2 bytes, where 4 are listed (c/p/1/i1)",
			"d/text: there is no such file (c/p/1/i2)",
		}},
		{"a file is another", func(f map[string]string) { f["d/text"] = "SOME TEXT" }, []string{
			"d/text: its sha256 is " + sha("SOME TEXT") + ", where " + sha("some text") + " is listed (c/p/1/i2)",
			"d/text: its sha1 is 9a37eea9f0fca4c7ef7be2f2b5b8146e0294822c, where 37aa63c77398d954473262e1a0057c1e632eda77 is listed (c/p/1/i2)",
			fmt.Sprintf("d/text: its md5 is %x, where %x is listed (c/p/1/i2)", md5.Sum([]byte("SOME TEXT")), md5.Sum([]byte("some text"))),
		}},
		{"a fingerprint is wrong", func(f map[string]string) {
			f[c] = products(item("d/meta", "incus.tar.xz", "meta", `,"combined_squashfs_sha256":"`+sha("meta")+`"`), item("d/root", "squashfs", "root", ""))
		}, []string{"d/root: its combined_squashfs_sha256 of d/meta and it is " + sha("metaroot") + ", where " + sha("meta") + " is listed (c/p/1/i0)"}},
		{"the metadata is gone: its fingerprints are not told of", func(f map[string]string) { delete(f, "d/meta") }, []string{
			"d/meta: there is no such file (c/p/1/i0)"}},
		{"what is listed is no use", func(f map[string]string) {
			f[c] = products(`{"path":"d/text","sha1":"37aa63c77398d954473262e1a0057c1e632eda77"}`, `{"path":"../up","size":1}`,
				`{"path":"d/root","size":"four","md5":"63a9f0ea7bb98050796b649e85481845"}`)
		}, []string{
			`../up: unsafe path "../up": it climbs with ".." (c/p/1/i1)`,
			"d/root: its size four is not a number of bytes (c/p/1/i2)",
			"d/text: no size is listed (c/p/1/i0)",
			"d/text: no md5, sha256 or sha512 is listed (c/p/1/i0)",
		}},
		{"two items want different content", func(f map[string]string) {
			f[c] = products(item("d/text", "text", "some text", ""), item("d/text", "text", "some other text", ""))
		}, []string{
			"d/text: it is listed with different sizes: 9 15 bytes (c/p/1/i0 c/p/1/i1)",
			"d/text: its sha256 is " + sha("some text") + ", where " + sha("some other text") + " is listed (c/p/1/i1)",
			fmt.Sprintf("d/text: its md5 is %x, where %x is listed (c/p/1/i1)", md5.Sum([]byte("some text")), md5.Sum([]byte("some other text"))),
		}},
		{"a document is no JSON, another not there", func(f map[string]string) {
			f[c] = "{"
			f["streams/v1/index.json"] = `{"format":"index:1.0","index":{"c":{"format":"products:1.0","path":"streams/v1/c.json"},"e":{"format":"products:1.0","path":"e"}}}`
		}, []string{
			"e: there is no such file",
			"streams/v1/c.json: not valid JSON: line 1, column 2: a name in quotes is needed here",
		}},
	} {
		files := good()
		test.change(files)
		dir := t.TempDir()
		write(t, dir, files)
		for _, root := range []string{dir, fetchtest.New(t, files).URL} {
			report, err := verify.Run(t.Context(), open(t, root), verify.Options{})
			if err != nil {
				t.Errorf("%s: %v", test.name, err)
				continue
			}
			got := lines(report)
			if strings.HasPrefix(root, "http") { // a server has other words
				for i := range got {
					got[i] = strings.ReplaceAll(got[i], "404 Not Found", "there is no such file")
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s, %s: %s", test.name, root, diff)
			}
		}
	}
}

// TestManySmall: small files are read together, each again alone before it is told to be wrong.
func TestManySmall(t *testing.T) {
	files, items := good(), []string{}
	for i := range 100 {
		path, body := fmt.Sprintf("d/%03d", i), fmt.Sprint("content ", i)
		files[path] = body
		items = append(items, item(path, "text", body, ""))
	}
	files["streams/v1/c.json"] = products(items...)
	for _, jobs := range []int{1, 3} {
		s := fetchtest.New(t, files)
		s.Put("d/030", "CONTENT 30")
		s.Remove("d/031")
		s.Fail("d/001", 1, fetchtest.Instead("content 2"))
		report, err := verify.Run(t.Context(), open(t, s.URL), verify.Options{Jobs: jobs})
		if err != nil {
			t.Fatal(err)
		}
		if got := lines(report); len(got) != 3 || report.Files != 100 || !strings.HasPrefix(got[0], "d/030: its sha256 is "+sha("CONTENT 30")) ||
			!strings.HasPrefix(got[1], "d/030: its md5 is ") || got[2] != "d/031: 404 Not Found (c/p/1/i31)" {
			t.Errorf("%d jobs: %q", jobs, got)
		}
	}
}

func TestReport(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, good())
	report, err := verify.Run(t.Context(), open(t, dir), verify.Options{Signed: true})
	if err != nil {
		t.Fatal(err)
	}
	want := &verify.Report{
		Documents: []verify.Document{{Path: "streams/v1/c.json"}, {Path: "streams/v1/index.json"}},
		Files:     3, Bytes: 17,
		Problems: []verify.Problem{{Text: "no document is signed"}},
	}
	if diff := cmp.Diff(want, report); diff != "" {
		t.Error(diff)
	}
}

func TestWant(t *testing.T) {
	files := good()
	delete(files, "d/root")
	delete(files, "d/text")
	dir := t.TempDir()
	write(t, dir, files)
	report, err := verify.Run(t.Context(), open(t, dir), verify.Options{Want: func(path string) bool { return path == "d/meta" }})
	if err != nil || report.Files != 1 || report.Bytes != 4 || len(report.Problems) > 0 {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestNothingToBeginWith(t *testing.T) {
	for _, o := range []verify.Options{{}, {Paths: []string{"streams/v1/index.json"}}} {
		if _, err := verify.Run(t.Context(), open(t, t.TempDir()), o); !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	write(t, dir, good())
	if _, err := verify.Run(ctx, open(t, dir), verify.Options{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestRepair(t *testing.T) {
	broken := good()
	delete(broken, "d/meta")
	broken["d/root"] = "rootroot"
	broken["d/text"] = "SOME TEXT"
	dir := t.TempDir()
	write(t, dir, broken)
	to, err := store.OpenDir(dir, store.DirOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	have := good()
	have["d/text"] = "some TEXT"
	report, err := verify.Run(t.Context(), open(t, dir), verify.Options{Repair: &verify.Repair{From: open(t, fetchtest.New(t, have).URL), To: to}})
	if err != nil {
		t.Fatal(err)
	}
	got := lines(report)
	if len(got) != 5 || report.Open() != 3 || got[0] != "repaired d/meta: there is no such file (c/p/1/i0)" ||
		got[1] != "repaired d/root: the file has 8 bytes, where 4 are listed (c/p/1/i1)" ||
		!strings.Contains(got[4], "d/text: its md5") || !strings.Contains(got[4], "it cannot be repaired: ") {
		t.Errorf("%d open: %q", report.Open(), got)
	}
	for path, want := range map[string]string{"d/meta": "meta", "d/root": "root", "d/text": "SOME TEXT"} {
		if content, err := os.ReadFile(filepath.Join(dir, path)); err != nil || string(content) != want {
			t.Errorf("%s: %q, %v", path, content, err)
		}
	}
	// Of a file that two items want differently, neither can be right.
	write(t, dir, map[string]string{"streams/v1/c.json": products(item("d/new", "", "a", ""), item("d/new", "", "b", ""))})
	report, err = verify.Run(t.Context(), open(t, dir), verify.Options{Repair: &verify.Repair{From: open(t, dir), To: to}})
	if err != nil || report.Open() == 0 || !strings.Contains(lines(report)[report.Open()-1], "the documents do not say what it must be") {
		t.Errorf("%q, %v", lines(report), err)
	}
}
