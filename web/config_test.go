package web_test

import (
	"bytes"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-43fb3962/sstream/web"
)

func TestReadConfig(t *testing.T) {
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewGray(image.Rect(0, 0, 1, 1))); err != nil {
		t.Fatal(err)
	}
	dir := tree(t, map[string]string{
		"page.yaml": `title: Example images
text: |
  Built every night.

  Kept for a month.
footer: By us.
links:
  - {text: Contact, href: "mailto:a@example.com"}
logo: pictures/logo.png
remote: example
url: https://images.example.com/
stale: 8
versions: 3
`,
		"pictures/logo.png": picture.String(),
		"empty.yaml":        "# nothing yet\n",
		"absolute.yaml":     "logo: LOGO",
		"logo.svg":          `<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>`,
	})
	got, err := web.ReadConfig(filepath.Join(dir, "page.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	want := web.Config{
		Title: "Example images", Text: "Built every night.\n\nKept for a month.\n", Footer: "By us.",
		Links: []web.Link{{Text: "Contact", Href: "mailto:a@example.com"}}, Logo: picture.Bytes(),
		Remote: "example", URL: "https://images.example.com/", Stale: 8, Versions: 3,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if page := render(t, got); !strings.Contains(page, `<img src="data:image/png;base64,`) {
		t.Error("the logo is not on the page")
	}
	got, err = web.ReadConfig(filepath.Join(dir, "empty.yaml"))
	if diff := cmp.Diff(web.Config{}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	absolute := filepath.Join(dir, "absolute.yaml")
	if err := os.WriteFile(absolute, []byte("logo: "+filepath.Join(dir, "logo.svg")), 0o644); err != nil {
		t.Fatal(err)
	}
	if got, err = web.ReadConfig(absolute); err != nil || len(got.Logo) == 0 {
		t.Errorf("an SVG by its absolute path: %d bytes, %v", len(got.Logo), err)
	}
}

func TestReadConfigErrors(t *testing.T) {
	dir := tree(t, map[string]string{"no-picture": "text", "big.svg": "<svg>" + strings.Repeat(" ", 300_000)})
	for text, want := range map[string]string{
		"titel: x":         "line 1: there is no field titel",
		"title: [a]":       "cannot unmarshal",
		"0\n\n0":           "line 1: cannot unmarshal !!str `0 0` as a mapping",
		"title: 'x":        "found unexpected end of stream",
		"stale: -1":        "cannot be negative",
		"logo: gone.png":   "gone.png: no such file",
		"logo: no-picture": "no-picture is no SVG, PNG, JPEG, GIF or WebP picture",
		"logo: big.svg":    "has 300005 bytes: 262144 are the most",
	} {
		name := filepath.Join(dir, "page.yaml")
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := web.ReadConfig(name)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	if _, err := web.ReadConfig(filepath.Join(dir, "gone.yaml")); !os.IsNotExist(err) && (err == nil || !strings.Contains(err.Error(), "gone.yaml")) {
		t.Errorf("a file that is not there: %v", err)
	}
}

func FuzzReadConfig(f *testing.F) {
	f.Add([]byte("title: x\nlinks: [{text: a, href: b}]\nstale: 3"))
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("\xff\xfe"))
	name := filepath.Join(f.TempDir(), "page.yaml")
	f.Fuzz(func(t *testing.T, body []byte) {
		if err := os.WriteFile(name, body, 0o644); err != nil {
			t.Fatal(err)
		}
		cfg, err := web.ReadConfig(name)
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("more than one line: %q", err)
		}
		if err == nil {
			checkTags(t, render(t, cfg))
		}
	})
}
