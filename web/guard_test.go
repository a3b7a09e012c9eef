package web_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"

	"github.com/seed-43fb3962/sstream/streams"
	"github.com/seed-43fb3962/sstream/web"
)

// TestTwoThousand times the page on a slow machine, and finds one image among many.
func TestTwoThousand(t *testing.T) {
	b := startBrowser(t)
	slow := func(ctx context.Context, x *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, x, emulation.SetCPUThrottlingRate, emulation.SetCPUThrottlingRateParams{Rate: 4})
		return chromedp.Void{}, err
	}
	p := openTab(t, b, serveSite(t, web.Config{}, nil, web.Catalogue{Products: sampleProducts(t, 2000, 3)}), slow, screen(390, 844, "light"))
	p.open("")
	if n := len(p.shown()); n != 2000 {
		t.Errorf("%d rows", n)
	}
	load := eval[map[string]float64](p, `(() => {
		const n = performance.getEntriesByType("navigation")[0];
		return { "interactive": n.domInteractive, "loaded": n.loadEventEnd, "nodes": document.getElementsByTagName("*").length };
	})()`)
	search := eval[float64](p, `(() => {
		const q = document.getElementById("q"), start = performance.now();
		q.value = "fedora 43 riscv64 desktop-810";
		q.dispatchEvent(new Event("input", { bubbles: true }));
		document.body.offsetHeight;
		return performance.now() - start;
	})()`)
	t.Logf("on a CPU slowed down four times: interactive after %.0f ms, loaded after %.0f ms, %.0f elements, first search %.0f ms",
		load["interactive"], load["loaded"], load["nodes"], search)
	p.shoot("phone-two-thousand")
	if diff := cmp.Diff([]string{"fedora:43:riscv64:desktop-810"}, p.shown()); diff != "" {
		t.Error(diff)
	}
}

// TestPolicy puts into a page what an attacker would like to: the browser must refuse it, and the checks of these tests
// must notice.
func TestPolicy(t *testing.T) {
	b := startBrowser(t)
	var page bytes.Buffer
	if err := web.Page(&page, []web.Catalogue{{Products: sampleProducts(t, 3, 1)}}, web.Config{}); err != nil {
		t.Fatal(err)
	}
	const attack = `<script>window.owned = 1</script><img src="http://foreign.invalid/x.png" onerror="window.owned = 2"><link rel="stylesheet" href="http://foreign.invalid/x.css"><p style="color: red">`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, strings.Replace(page.String(), "<main>", "<main>"+attack, 1))
	}))
	defer server.Close()
	p := openTab(t, b, site{server.URL + "/"})
	p.open("")
	if owned := eval[string](p, `String(window.owned)`); owned != "undefined" {
		t.Errorf("owned: %s", owned)
	}
	if got := eval[string](p, `try { document.body.innerHTML = "<p>"; "done" } catch (e) { e.name }`); got != "TypeError" {
		t.Errorf("writing HTML from a script: %s", got)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, directive := range []string{"script-src", "img-src", "style-src"} {
		if !slices.ContainsFunc(p.complaints, func(c string) bool { return strings.Contains(c, directive) }) {
			t.Errorf("no complaint about %s among %q", directive, p.complaints)
		}
	}
	p.complaints = nil
	p.requests = slices.DeleteFunc(p.requests, func(r string) bool { return strings.HasPrefix(r, "http://foreign.invalid/") })
}

// TestHostileNames opens a page of names that are made to break out of it.
func TestHostileNames(t *testing.T) {
	b := startBrowser(t)
	p := openTab(t, b, serveSite(t, web.Config{Title: hostile, Text: hostile, Footer: hostile, Remote: hostile}, nil, web.Catalogue{Products: hostileProducts(t, hostile)}), screen(390, 844, "light"))
	p.open("#" + url.PathEscape(hostile+"1"))
	p.until(`document.querySelector("td table")`)
	p.readable()
	p.do(screen(820, 1180, "light"))
	p.readable()
	if got := eval[[]string](p, `[...document.querySelectorAll("script, img, iframe, a[href^=javascript]")].map(e => e.tagName)`); !slices.Equal(got, []string{"SCRIPT"}) {
		t.Errorf("elements: %q", got)
	}
	if title := eval[string](p, `document.title`); title != hostile {
		t.Errorf("title: %q", title)
	}
	for _, link := range eval[[]string](p, `[...document.querySelectorAll("td a")].map(a => a.href)`) {
		if !strings.HasPrefix(link, p.site.URL) {
			t.Errorf("link to %s", link)
		}
	}
	p.open("?q=" + url.QueryEscape(hostile))
	if n := len(p.shown()); n != 2 {
		t.Errorf("%d rows", n)
	}
}

// TestEveryPanel opens all images of a catalogue that has some of everything.
func TestEveryPanel(t *testing.T) {
	b := startBrowser(t)
	body, err := os.ReadFile("testdata/images.json")
	if err != nil {
		t.Fatal(err)
	}
	p := openTab(t, b, serveSite(t, web.Config{}, nil, web.Catalogue{Products: parse(t, string(body))}), screen(1440, 900, "light"))
	p.open("")
	p.do(chromedp.Evaluate[chromedp.Void](`document.querySelectorAll("details").forEach(d => { d.open = true; })`))
	p.until(`document.querySelectorAll("td table").length === document.querySelectorAll("details").length`)
	p.readable()
	rows := eval[[]string](p, `[...document.querySelectorAll("[id^=ubuntu] td table tr")].map(r => [...r.cells].map(c => c.textContent).join("|"))`)
	want := []string{
		"Version|Use|Fingerprint|File|Size",
		"20260506_12126 May 2026, 12:12 UTC|Container, Incus|e2e2e2e2e2e2Copy|rootfs.squashfs|123 GB",
		"Container, LXD|c2c2c2c2c2c2Copy|rootfs.squashfs|123 GB",
		"VM, LXD|d2d2d2d2d2d2Copy|disk.qcow2|9.99 MB",
		"||noble.txt|3 B",
		"||incus.tar.xz|1 B",
		"||lxd.tar.xz|2 B",
		"Delta||rootfs.20260505_1212.vcdiff|99.9 kB",
		"20260505_12125 May 2026, 12:12 UTC|Container, LXD|c1c1c1c1c1c1Copy|rootfs.squashfs|123 MB",
		"VM, LXD|d1d1d1d1d1d1Copy|disk.qcow2|1.00 kB",
		"||lxd.tar.xz|999 B",
		"20260504_12124 May 2026, 12:12 UTC|||limit|1 B",
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Error(diff)
	}
}

// TestLinks follows every link of an opened image.
func TestLinks(t *testing.T) {
	b := startBrowser(t)
	products := sampleProducts(t, 1, 2)
	files := map[string]string{"images/ubuntu/focal/amd64/default/20261122_0742/build log%20#1?.txt": "log"}
	for e := range products.All() {
		files[e.Get("path")] = "content"
	}
	extra := func(r streams.Ref) []web.File {
		if r.Version == "20261122_0742" {
			return []web.File{{Path: "images/ubuntu/focal/amd64/default/20261122_0742/build log%20#1?.txt", Size: 3}}
		}
		return nil
	}
	p := openTab(t, b, serveSite(t, web.Config{}, files, web.Catalogue{Products: products, Extra: extra}), screen(1440, 900, "light"))
	p.open("#ubuntu:focal:amd64:default")
	links := eval[[]string](p, `[...document.querySelectorAll("td a")].map(a => a.href)`)
	if len(links) != 9 {
		t.Errorf("%d links", len(links))
	}
	for _, link := range links {
		r, err := http.Get(link)
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		if r.StatusCode != 200 {
			t.Errorf("%s: %s", link, r.Status)
		}
	}
}
