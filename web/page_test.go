package web_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"flag"
	"fmt"
	"html"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-43fb3962/sstream/streams"
	"github.com/seed-43fb3962/sstream/web"
)

var update = flag.Bool("update", false, "write the golden files")

func render(t testing.TB, cfg web.Config, catalogues ...web.Catalogue) string {
	t.Helper()
	var b strings.Builder
	if err := web.Page(&b, catalogues, cfg); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func parse(t testing.TB, text string) *streams.Products {
	t.Helper()
	p, err := streams.ParseProducts([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestPage compares the body of a page that has some of everything.
func TestPage(t *testing.T) {
	body, err := os.ReadFile("testdata/images.json")
	if err != nil {
		t.Fatal(err)
	}
	extra := func(r streams.Ref) []web.File {
		if r.Product == "ubuntu:noble:amd64:default" && r.Version == "20260506_1212" {
			return []web.File{{Path: "images/ubuntu/noble/amd64/default/20260506_1212/build.log", Size: 1234}}
		}
		return nil
	}
	daily := parse(t, `{"content_id":"daily","products":{"ubuntu:noble:amd64:default":{"os":"Ubuntu","release":"noble","arch":"amd64","versions":{"v1":{"items":{}}}}}}`)
	cfg := web.Config{Title: "A & B", Text: "One.\n\nTwo <b>.", Footer: "End.", Links: []web.Link{{Text: "Home", Href: "https://example.com/?a=1&b=2"}, {Text: "Bad", Href: "javascript:alert(1)"}},
		Remote: "mine", URL: "https://images.example.com/", Stale: 8, Versions: 2}
	page := render(t, cfg, web.Catalogue{Products: parse(t, string(body)), Extra: extra}, web.Catalogue{Name: "daily", Products: daily})
	_, got, _ := strings.Cut(page, "<body>")
	got, _, _ = strings.Cut(got, "<script>")
	const golden = "testdata/page.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
}

func TestPageOfNothing(t *testing.T) {
	for _, page := range []string{render(t, web.Config{}), render(t, web.Config{}, web.Catalogue{Products: new(streams.Products)})} {
		if !strings.Contains(page, "<title>Images</title>") || !strings.Contains(page, "There are no images yet.") || strings.Contains(page, "<tbody") {
			t.Error(page)
		}
	}
}

func TestPageIsTheSame(t *testing.T) {
	first := render(t, web.Config{}, web.Catalogue{Products: sampleProducts(t, 100, 2)})
	for range 3 {
		if render(t, web.Config{}, web.Catalogue{Products: sampleProducts(t, 100, 2)}) != first {
			t.Fatal("the same catalogue gave another page")
		}
	}
}

func TestPageSize(t *testing.T) {
	page := render(t, web.Config{}, web.Catalogue{Products: sampleProducts(t, 2000, 3)})
	var packed bytes.Buffer
	z, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	fmt.Fprint(z, page)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("2,000 products x 3 versions x 4 files: %d bytes, %d compressed", len(page), packed.Len())
	if len(page) > 2_400_000 || packed.Len() > 600_000 {
		t.Errorf("the page has grown: %d bytes, %d compressed", len(page), packed.Len())
	}
}

// TestPageNeedsNobody: everything is in the page, and the policy names exactly that.
func TestPageNeedsNobody(t *testing.T) {
	page := render(t, web.Config{Logo: []byte("<svg></svg>")}, web.Catalogue{Products: sampleProducts(t, 3, 1)})
	between := func(open, end string) string {
		_, rest, _ := strings.Cut(page, open)
		text, _, ok := strings.Cut(rest, end)
		if !ok {
			t.Fatalf("no %s", open)
		}
		return text
	}
	policy := html.UnescapeString(between(`<meta http-equiv="Content-Security-Policy" content="`, `"`))
	for _, tag := range []string{"style", "script"} {
		sum := sha256.Sum256([]byte(between("<"+tag+">", "</"+tag+">")))
		if want := tag + "-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.Contains(policy, want) {
			t.Errorf("policy %s\nwithout %s", policy, want)
		}
	}
	if !strings.HasPrefix(policy, "default-src 'none'; ") || strings.Contains(policy, "unsafe") {
		t.Errorf("policy: %s", policy)
	}
	for _, m := range regexp.MustCompile(`(?:src|href|action)="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if !strings.HasPrefix(m[1], "data:") && m[1] != "#images" {
			t.Errorf("the page asks for %s", m[1])
		}
	}
}

const hostile = `</script><script>alert(1)</script>"'><img src=x onerror=alert(2)>&lt;{{.}}` + "\u202e\u2028é\U0001f600`${1}"

// hostileProducts makes products in which every text is s or nearly so.
func hostileProducts(t testing.TB, s string) *streams.Products {
	t.Helper()
	q := func(s string) string { return string(streams.Append(nil, streams.String(s), streams.Style{})) }
	var b strings.Builder
	b.WriteString(`{"products":{`)
	for i, path := range []string{s, "javascript:alert(1)//" + s, "../" + s, "//foreign.invalid/" + s, "a/" + s + "/x", "a\tb\n" + s} {
		if i > 0 {
			b.WriteString(",")
		}
		n := fmt.Sprint(s, i/3)
		item := fmt.Sprintf(`{"ftype":"squashfs","path":%s,"size":1,"sha256":%s}`, q(path), q(s))
		meta := fmt.Sprintf(`{"ftype":"lxd.tar.xz","path":"m","combined_squashfs_sha256":%s}`, q(s))
		fmt.Fprintf(&b, `%s:{"os":%s,"release":%s,"release_title":%s,"arch":%s,"variant":%s,"aliases":%s,"requirements":{%s:%s},"versions":{%s:{"items":{%s:%s,"m":%s}}}}`,
			q(n), q(s), q(s), q(n), q(s), q(s), q(s), q(s), q(s), q(s), q(s), item, meta)
	}
	b.WriteString("}}")
	return parse(t, b.String())
}

// tags are what the template writes, with the one attribute that holds a name of the catalogue.
var tags = regexp.MustCompile(`^</?(?:html|head|body|title|header|main|footer|section|nav|form|div|label|select|option|input|kbd|h1|h2|p|pre|dl|dt|dd|ul|li|b|i|table|caption|thead|tr|th|td|details|summary|time|button|img|tbody(?: id="[^"<>]*")?|a)(?:>| [a-z-]+(?:[ =]|>))`)

// checkTags fails for a tag that the template does not write.
func checkTags(t *testing.T, page string) {
	t.Helper()
	_, body, _ := strings.Cut(page, "<body>")
	body, _, _ = strings.Cut(body, "\n<script>")
	for i := 0; i < len(body); i++ {
		if body[i] == '<' && !tags.MatchString(body[i:]) {
			t.Errorf("a tag that is not the template's: %.80s", body[i:])
		}
	}
}

func TestPageOfHostileNames(t *testing.T) {
	page := render(t, web.Config{Title: hostile, Text: hostile, Footer: hostile, Remote: hostile, URL: hostile, Links: []web.Link{{Text: hostile, Href: hostile}}},
		web.Catalogue{Name: hostile, Products: hostileProducts(t, hostile)}, web.Catalogue{Name: hostile, Products: hostileProducts(t, hostile)})
	checkTags(t, page)
	if n := strings.Count(page, "<script"); n != 1 {
		t.Errorf("%d scripts", n)
	}
	if strings.Contains(page, "<img") {
		t.Error("a picture")
	}
}

func FuzzPage(f *testing.F) {
	f.Add(hostile)
	f.Add("<!--")
	f.Add("]]>\x00\r\n\t")
	f.Add("20240505_1212/../x")
	f.Add("(x)/" + strings.Repeat("/", 9))
	benign := strings.Count(render(f, web.Config{}, web.Catalogue{Products: hostileProducts(f, "x")}), "<")
	f.Fuzz(func(t *testing.T, s string) {
		page := render(t, web.Config{Remote: s}, web.Catalogue{Products: hostileProducts(t, s)})
		checkTags(t, page)
		if n := strings.Count(page, "<"); n > benign+6 { // a <time>, a title or an alias more for each product
			t.Errorf("%d tags, %d with a benign name", n, benign)
		}
	})
}

func BenchmarkPage(b *testing.B) {
	for _, n := range []int{100, 2000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			products := sampleProducts(b, n, 3)
			size := 0
			b.ReportAllocs()
			for b.Loop() {
				size = len(render(b, web.Config{}, web.Catalogue{Products: products}))
			}
			b.ReportMetric(float64(size), "page-bytes")
		})
	}
}

// TestPageIDs: no product takes the id of one of the page's own elements, which the script would look for in vain.
func TestPageIDs(t *testing.T) {
	ids := func(page string) (list []string) {
		for _, m := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(page, -1) {
			list = append(list, m[1])
		}
		return list
	}
	var products []string
	for _, id := range ids(render(t, web.Config{}, web.Catalogue{Products: sampleProducts(t, 1, 1)})) {
		products = append(products, fmt.Sprintf(`%q:{"versions":{"20240101":{"items":{}}}}`, id))
	}
	page := render(t, web.Config{}, web.Catalogue{Products: parse(t, `{"content_id":"daily","products":{`+strings.Join(products, ",")+`}}`)})
	taken := map[string]bool{}
	for _, id := range ids(page) {
		if taken[id] {
			t.Errorf("%s is the id of two elements", id)
		}
		taken[id] = true
	}
	if !strings.Contains(page, `id="daily/none"`) {
		t.Error("the product called none has no id of its own")
	}
}
