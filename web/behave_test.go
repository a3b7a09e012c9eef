package web_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"

	"github.com/seed-43fb3962/sstream/web"
)

// shown returns the ids of the rows that can be seen, in their order.
func (p *tab) shown() []string {
	p.Helper()
	return eval[[]string](p, `[...document.querySelectorAll("#images > tbody")].filter(b => b.checkVisibility()).map(b => b.id)`)
}

func (p *tab) text(selector string) string {
	p.Helper()
	return eval[string](p, `document.querySelector("`+selector+`").textContent`)
}

func TestPageInBrowser(t *testing.T) {
	b := startBrowser(t)
	s := serveSite(t, exampleConfig(), nil, web.Catalogue{Products: sampleProducts(t, 500, 3)})
	for name, test := range map[string]func(p *tab){
		"search": testSearch, "fingerprint": testFingerprint, "filters": testFilters, "address": testAddress,
		"sort": testSort, "copy": testCopy, "keyboard": testKeyboard, "accessibility": testAccessibility,
		"phone": testPhone, "motion": testMotion,
	} {
		t.Run(name, func(t *testing.T) {
			p := openTab(t, b, s, screen(1440, 900, "light"))
			p.open("")
			test(p)
		})
	}
	t.Run("without script", func(t *testing.T) { testWithoutScript(openTab(t, b, s, withoutScript)) })
}

func testSearch(p *tab) {
	if n := len(p.shown()); n != 500 {
		p.Fatalf("%d rows at first", n)
	}
	p.do(chromedp.SendKeys(chromedp.ID("q"), "TRIXIE s390x"))
	want := []string{"debian:trixie:s390x:cloud", "debian:trixie:s390x:default", "debian:trixie:s390x:desktop"}
	if diff := cmp.Diff(want, p.shown()); diff != "" {
		p.Error(diff)
	}
	if got := p.text("#count"); got != "3 of 500 images" {
		p.Errorf("count: %s", got)
	}
	p.until(`location.search === "?q=TRIXIE+s390x"`)
	p.open("?q=fedora+42") // and not whatever has 42 somewhere in a fingerprint
	if n := len(p.shown()); n != 18 {
		p.Errorf("%d rows for Fedora 42", n)
	}
	p.do(chromedp.SendKeys(chromedp.ID("q"), " nothing"))
	if n := len(p.shown()); n != 0 || !eval[bool](p, `document.getElementById("none").checkVisibility()`) {
		p.Errorf("%d rows for nothing", n)
	}
	p.do(chromedp.Click(chromedp.CSS("#none button")))
	if n := len(p.shown()); n != 500 {
		p.Errorf("%d rows after all were asked for", n)
	}
}

func testFingerprint(p *tab) {
	print := eval[string](p, `document.getElementById("debian:trixie:amd64:default").querySelector("pre:last-child").textContent.match(/[0-9a-f]{64}/)[0]`)
	for range 2 { // before and after the panel was opened
		p.do(chromedp.Evaluate[chromedp.Void](`document.getElementById("find").reset()`), chromedp.SendKeys(chromedp.ID("q"), print[:12]))
		if diff := cmp.Diff([]string{"debian:trixie:amd64:default"}, p.shown()); diff != "" {
			p.Error(diff)
		}
		p.do(chromedp.Click(chromedp.CSS(`[id="debian:trixie:amd64:default"] summary`)))
	}
}

func testFilters(p *tab) {
	p.do(choose("Distribution", "Debian"), choose("Architecture", "arm64"), choose("Variant", "cloud"))
	want := []string{"debian:bookworm:arm64:cloud", "debian:bullseye:arm64:cloud", "debian:forky:arm64:cloud", "debian:trixie:arm64:cloud"}
	if diff := cmp.Diff(want, p.shown()); diff != "" {
		p.Error(diff)
	}
	releases := eval[[]string](p, `[...document.querySelector("[name=Release]").options].filter(o => !o.disabled).map(o => o.value)`)
	if diff := cmp.Diff([]string{"", "bookworm", "bullseye", "forky", "trixie"}, releases); diff != "" {
		p.Errorf("releases left to choose: %s", diff)
	}
	p.do(choose("Distribution", ""), choose("Architecture", ""), choose("Variant", ""), choose("Type", "VM"))
	if n := len(p.shown()); n != 500 {
		p.Errorf("%d virtual machines", n)
	}
}

// choose picks a filter's value as a user does.
func choose(filter, value string) chromedp.Action[chromedp.Void] {
	return chromedp.Evaluate[chromedp.Void](`(() => {
		const s = document.querySelector("[name=` + filter + `]");
		s.value = "` + value + `";
		s.dispatchEvent(new Event("input", { bubbles: true }));
	})()`)
}

func testAddress(p *tab) {
	p.open("?distribution=Fedora&architecture=amd64&variant=default#fedora:42:amd64:default")
	want := []string{"fedora:41:amd64:default", "fedora:42:amd64:default", "fedora:43:amd64:default"}
	if diff := cmp.Diff(want, p.shown()); diff != "" {
		p.Error(diff)
	}
	const panel = `[id="fedora:42:amd64:default"] > tr:nth-child(2)`
	if !eval[bool](p, "document.querySelector(`"+panel+"`).checkVisibility()") {
		p.Error("the image that the address names is not open")
	}
	if got := eval[string](p, `document.activeElement.textContent.slice(0, 40)`); got != "Fedora 42" {
		p.Errorf("focus is on %q", got)
	}
	links := eval[[]string](p, "[...document.querySelectorAll(`"+panel+" a`)].map(a => a.href)")
	prefix := p.site.URL + "images/fedora/42/amd64/default/"
	if len(links) != 12 || slices.ContainsFunc(links, func(l string) bool { return !strings.HasPrefix(l, prefix) }) {
		p.Errorf("links: %q", links)
	}
	p.do(chromedp.Evaluate[chromedp.Void](`location.hash = "#debian:trixie:arm64:cloud"`)) // hidden by the filters
	p.until(`document.getElementById("debian:trixie:arm64:cloud").rows[1].checkVisibility()`)
	p.until(`[...document.querySelectorAll("#images > tbody")].every(b => b.checkVisibility())`)
	if n := len(p.shown()); n != 500 {
		p.Errorf("%d rows", n)
	}
	p.open("?distribution=Nowhere&q=%3Cscript%3E#%E0%A4%A") // neither is known
	if n := len(p.shown()); n != 0 {
		p.Errorf("%d rows", n)
	}
}

func testSort(p *tab) {
	first := func() string { return p.shown()[0] }
	sort := func(column string) {
		p.do(chromedp.Click(chromedp.Search(`//thead//button[text()="` + column + `"]`)))
	}
	if got := first(); got != "almalinux:8:amd64:cloud" {
		p.Errorf("first of all: %s", got)
	}
	sort("Last build")
	if got := first(); got != "almalinux:9:riscv64:default" { // one of those that the sample builds last
		p.Errorf("newest: %s", got)
	}
	sort("Last build")
	if got := first(); got == "almalinux:9:riscv64:default" {
		p.Errorf("oldest: %s", got)
	}
	sort("Architecture")
	sort("Architecture")
	if got := first(); got != "almalinux:8:s390x:cloud" {
		p.Errorf("last architecture: %s", got)
	}
	if got := eval[[]string](p, `[...document.querySelectorAll("[aria-sort]")].map(e => e.textContent + " " + e.ariaSort)`); !slices.Equal(got, []string{"Architecture descending"}) {
		p.Errorf("announced: %q", got)
	}
	sort("Image")
	order := p.shown()
	if slices.Index(order, "alpine:3.9:amd64:cloud") > slices.Index(order, "alpine:3.20:amd64:cloud") {
		p.Error("3.20 comes before 3.9")
	}
}

func testCopy(p *tab) {
	allow := func(name string) chromedp.Action[chromedp.Void] {
		return func(ctx context.Context, x *chromedp.Target) (chromedp.Void, error) {
			_, err := chromedp.CallBrowser(ctx, browser.SetPermission, browser.SetPermissionParams{
				Permission: &browser.PermissionDescriptor{Name: name}, Setting: browser.PermissionSettingGranted,
			})
			return chromedp.Void{}, err
		}
	}
	p.do(allow("clipboard-read"), allow("clipboard-write"))
	p.open("#debian:trixie:amd64:cloud")
	p.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("details[open]").scrollIntoView()`))
	// what a button says after a while waits until the test asks for it
	p.do(chromedp.Evaluate[chromedp.Void](`window.later = []; const wait = setTimeout; window.setTimeout = (f, ms) => ms === 1500 ? later.push(f) : wait(f, ms)`))
	clipboard := func() string {
		text, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](`navigator.clipboard.readText()`, chromedp.EvalAwaitPromise))
		if err != nil {
			p.Fatal(err)
		}
		return text
	}
	for _, command := range []string{
		"lxc remote add stream " + p.site.URL + " --protocol simplestreams",
		"lxc launch stream:debian/trixie/cloud", "lxc launch stream:debian/trixie/cloud --vm",
		"incus launch stream:debian/trixie/cloud", "incus launch stream:debian/trixie/cloud --vm",
	} {
		p.do(chromedp.Click(chromedp.CSS(`[aria-label="Copy ` + command + `"]`)))
		p.until(`document.querySelector("[aria-label='Copy ` + command + `']").textContent === "Copied"`)
		if said := p.text("#said"); said != "Copied" {
			p.Errorf("said %q", said)
		}
		if got := clipboard(); got != command {
			p.Errorf("copied %q, not %q", got, command)
		}
		p.do(chromedp.Evaluate[chromedp.Void](`later.splice(0).forEach(f => f())`))
		if eval[bool](p, `document.querySelector("[aria-label='Copy `+command+`']").textContent !== "Copy" || document.getElementById("said").textContent !== ""`) {
			p.Errorf("%q is said to be copied for ever", command)
		}
	}
	p.do(chromedp.Click(chromedp.CSS(`[aria-label^="Copy fingerprint"]`)))
	p.until(`document.querySelector("[aria-label^='Copy fingerprint']").textContent === "Copied"`)
	if got, want := clipboard(), eval[string](p, `document.querySelector("td code[title]").title`); got != want || len(got) != 64 {
		p.Errorf("copied %q, not %q", got, want)
	}
	// a browser without the clipboard API, as over plain http
	p.do(chromedp.Evaluate[chromedp.Void](`Object.defineProperty(navigator, "clipboard", { value: undefined }); document.execCommand = what => { window.copied = what + " " + getSelection(); return true; }`))
	p.do(chromedp.Click(chromedp.CSS(`[aria-label="Copy lxc launch stream:debian/trixie/cloud --vm"]`)))
	p.until(`window.copied === "copy lxc launch stream:debian/trixie/cloud --vm"`)
}

func testKeyboard(p *tab) {
	focus := func() string {
		return eval[string](p, `document.activeElement.textContent.slice(0, 40) || document.activeElement.id`)
	}
	p.do(chromedp.KeyEvent(kb.Tab))
	if got := focus(); got != "Skip to the images" {
		p.Errorf("first is %q", got)
	}
	p.do(chromedp.KeyEvent("/"))
	if got := focus(); got != "q" {
		p.Errorf("/ leads to %q", got)
	}
	p.do(chromedp.KeyEvent("trixie amd64 cloud"))
	if diff := cmp.Diff([]string{"debian:trixie:amd64:cloud"}, p.shown()); diff != "" {
		p.Error(diff)
	}
	for range 20 {
		p.do(chromedp.KeyEvent(kb.Tab))
		if focus() == "Debian trixie" {
			break
		}
	}
	outline := eval[string](p, `getComputedStyle(document.activeElement).outlineStyle`)
	if got := focus(); got != "Debian trixie" || outline == "none" {
		p.Errorf("focus on %q, outline %s", got, outline)
	}
	p.do(chromedp.KeyEvent(kb.Enter))
	p.until(`document.querySelector("details[open]") && document.querySelector("td table")`)
	p.do(chromedp.KeyEvent("/"), chromedp.KeyEvent(kb.Escape))
	if n := len(p.shown()); n != 500 {
		p.Errorf("%d rows after Escape", n)
	}
}

// axNodes returns what the browser tells assistive technology, as "role: name".
func (p *tab) axNodes() []string {
	p.Helper()
	tree, err := chromedp.Call(p.ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	if err != nil {
		p.Fatal(err)
	}
	text := func(v *accessibility.Value) string {
		if v == nil {
			return ""
		}
		return strings.Trim(string(v.Value), `"`)
	}
	var nodes []string
	for _, n := range tree.Nodes {
		if !n.Ignored {
			nodes = append(nodes, text(n.Role)+": "+text(n.Name))
		}
	}
	return nodes
}

// needs fails for each node that is missing, and for each control without a name.
func (p *tab) needs(nodes []string, want ...string) {
	p.Helper()
	for _, w := range want {
		if !slices.Contains(nodes, w) {
			p.Errorf("there is no %q", w)
		}
	}
	for _, n := range nodes {
		role, name, _ := strings.Cut(n, ": ")
		if name == "" && slices.Contains([]string{"button", "link", "textbox", "searchbox", "combobox", "DisclosureTriangle", "table", "image"}, role) {
			p.Errorf("a %s without a name", role)
		}
	}
}

func testAccessibility(p *tab) {
	p.open("?distribution=Debian&architecture=arm64&variant=cloud#debian:trixie:arm64:cloud")
	p.needs(p.axNodes(),
		"RootWebArea: Example images", "banner: ", "main: ", "contentinfo: ", "navigation: Site", "search: Images", "region: Add this server once",
		"heading: Example images", "link: Skip to the images", "searchbox: Search", "combobox: Distribution", "combobox: Type",
		"status: ", "StaticText: 4 of 500 images",
		"table: Images, each with its versions and files", "columnheader: Architecture", "button: Last build", "rowheader: Debian trixie",
		"DisclosureTriangle: Debian trixie", "cell: arm64", "button: Copy lxc launch stream:debian/trixie/cloud",
		"table: Versions of debian:trixie:arm64:cloud", "columnheader: Fingerprint", "link: rootfs.squashfs",
	)
}

func testPhone(p *tab) {
	p.do(screen(390, 844, "light"))
	p.open("?distribution=Debian&architecture=arm64&variant=cloud#debian:trixie:arm64:cloud")
	p.needs(p.axNodes(), "table: Images, each with its versions and files", "rowheader: Debian trixie", "cell: arm64",
		"table: Versions of debian:trixie:arm64:cloud", "link: rootfs.squashfs")
}

func testMotion(p *tab) {
	const duration = `getComputedStyle(document.querySelector("summary"), "::before").transitionDuration`
	if got := eval[string](p, duration); got == "0s" {
		p.Error("nothing moves: the test below tests nothing")
	}
	p.do(func(ctx context.Context, x *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, x, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-reduced-motion", Value: "reduce"}},
		})
		return chromedp.Void{}, err
	})
	if got := eval[string](p, duration); got != "0s" {
		p.Errorf("moves for %s although less motion is asked for", got)
	}
}

func testWithoutScript(p *tab) {
	p.open("")
	if n := len(p.shown()); n != 500 {
		p.Errorf("%d rows", n)
	}
	if eval[bool](p, `document.getElementById("find").checkVisibility()`) {
		p.Error("a form that does nothing is shown")
	}
	p.do(chromedp.Click(chromedp.CSS(`[id="debian:trixie:amd64:cloud"] summary`)))
	panel := eval[string](p, `document.getElementById("debian:trixie:amd64:cloud").rows[1].innerText`)
	for _, want := range []string{
		"lxc launch stream:debian/trixie/cloud [--vm]", "incus launch stream:debian/trixie/cloud [--vm]",
		"images/debian/trixie/amd64/cloud/\n", "\tContainer\t", "\tVM\t", "rootfs.squashfs", " MB",
	} {
		if !strings.Contains(panel, want) {
			p.Errorf("%q is not in the panel:\n%s", want, panel)
		}
	}
	p.open("#debian:forky:amd64:cloud")
	p.open("#debian:trixie:amd64:cloud")
	if !eval[bool](p, `document.getElementById("debian:trixie:amd64:cloud").rows[1].checkVisibility()`) {
		p.Error("the image that the address names is not open")
	}
}
