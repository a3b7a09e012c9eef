package web_test

import (
	"context"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/seed-43fb3962/sstream/web"
)

// schemes and sizes in which the page is looked at.
var (
	schemes = []string{"light", "dark"}
	sizes   = []struct {
		name          string
		width, height int64
	}{{"phone", 390, 844}, {"tablet", 820, 1180}, {"desktop", 1440, 900}}
)

// TestLook leaves screenshots in artifacts/ and measures what makes text readable.
func TestLook(t *testing.T) {
	browser := startBrowser(t)
	s := serveSite(t, exampleConfig(), nil, web.Catalogue{Products: sampleProducts(t, 300, 3)})
	for _, size := range sizes {
		for _, scheme := range schemes {
			t.Run(size.name+"-"+scheme, func(t *testing.T) {
				p := openTab(t, browser, s, screen(size.width, size.height, scheme))
				p.open("")
				p.shoot(size.name + "-" + scheme)
				p.readable()
				p.open("?architecture=arm64&distribution=Ubuntu#ubuntu:noble:arm64:cloud")
				p.shoot(size.name + "-" + scheme + "-image")
				p.readable()
				p.open("?q=nothing")
				p.shoot(size.name + "-" + scheme + "-none")
				p.readable()
				if dark := eval[float64](p, contrastJS+`luminance(getComputedStyle(document.body).backgroundColor)`) < .5; dark != (scheme == "dark") {
					t.Errorf("dark: %v", dark)
				}
			})
		}
	}
}

// TestLookEmpty is a stream that nothing was put into yet.
func TestLookEmpty(t *testing.T) {
	browser := startBrowser(t)
	s := serveSite(t, exampleConfig(), nil, web.Catalogue{Products: sampleProducts(t, 0, 0)})
	p := openTab(t, browser, s, screen(820, 1180, "light"))
	p.open("")
	p.shoot("empty")
	p.readable()
	if got := p.text("#count"); got != "There are no images yet." {
		t.Errorf("the page says %q", got)
	}
	if eval[bool](p, `["none", "images", "find"].some(id => !document.getElementById(id).hidden)`) {
		t.Error("there is more to see")
	}
}

// TestLookWithoutScript is what a reader without JavaScript sees.
func TestLookWithoutScript(t *testing.T) {
	browser := startBrowser(t)
	s := serveSite(t, exampleConfig(), nil, web.Catalogue{Products: sampleProducts(t, 60, 3)})
	for _, size := range sizes {
		t.Run(size.name, func(t *testing.T) {
			p := openTab(t, browser, s, screen(size.width, size.height, "light"), withoutScript)
			p.open("#ubuntu:noble:amd64:cloud")
			p.shoot(size.name + "-without-script")
			p.readable()
		})
	}
}

func withoutScript(ctx context.Context, x *chromedp.Target) (chromedp.Void, error) {
	_, err := cdp.Call(ctx, x, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	return chromedp.Void{}, err
}

func exampleConfig() web.Config {
	return web.Config{
		Title:  "Example images",
		Text:   "System container and virtual machine images for LXD and Incus, built every night.",
		Footer: "The last three builds of every image are kept.",
		Links:  []web.Link{{Text: "Contact", Href: "mailto:images@example.com"}, {Text: "Imprint", Href: "imprint.html"}},
		Logo:   []byte(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40"><rect width="40" height="40" rx="9" fill="#2b86bd"/><path d="M9 14 20 8l11 6-11 6zM9 20l11 6 11-6M9 26l11 6 11-6" fill="none" stroke="#fff" stroke-width="2.5" stroke-linejoin="round"/></svg>`),
		Stale:  30,
	}
}

// contrastJS computes WCAG 2 contrast ratios.
const contrastJS = `
const channels = c => c.match(/[\d.]+/g).map(Number);
const luminance = c => {
	const [r, g, b] = channels(c).map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
	return .2126 * r + .7152 * g + .0722 * b;
};
const behind = e => {
	for (; e; e = e.parentElement) {
		const c = getComputedStyle(e).backgroundColor;
		if (channels(c)[3] !== 0) return c;
	}
	return "rgb(255, 255, 255)";
};
const contrast = (a, b) => {
	const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
	return (high + .05) / (low + .05);
};
`

// readable fails for text with less contrast than WCAG AA asks for, fields with faint borders, text too small to read,
// names that are cut in two, targets too small to hit and a page wider than its window. It looks at the first rows of each kind only.
func (p *tab) readable() {
	p.Helper()
	faults := eval[[]string](p, `(() => {`+contrastJS+`
		const faults = new Set();
		const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
		for (let n = 0; walk.nextNode() && n < 3000; n++) {
			const e = walk.currentNode.parentElement, style = getComputedStyle(e);
			if (!walk.currentNode.data.trim() || !e.checkVisibility() || e.closest("script, .skip, caption")) continue;
			const ratio = contrast(style.color, behind(e)), name = e.tagName + "." + e.className + " " + walk.currentNode.data.slice(0, 20);
			if (ratio < 4.5) faults.add(name + ": contrast " + ratio.toFixed(2));
			if (parseFloat(style.fontSize) < 12) faults.add(name + ": " + style.fontSize);
			const range = document.createRange();
			range.selectNodeContents(walk.currentNode);
			const lines = new Set([...range.getClientRects()].map(box => box.top));
			if (e.closest("th") && !/\s/.test(walk.currentNode.data.trim()) && lines.size > 1) faults.add(name + ": cut");
		}
		for (const e of document.querySelectorAll("input, select")) {
			const ratio = contrast(getComputedStyle(e).borderTopColor, behind(e.parentElement));
			if (e.checkVisibility() && ratio < 3) faults.add(e.tagName + ": border contrast " + ratio.toFixed(2));
		}
		for (const e of [...document.querySelectorAll("button, input, select, summary")].slice(0, 200)) {
			const box = e.getBoundingClientRect();
			if (e.checkVisibility() && Math.min(box.width, box.height) < 24) faults.add(e.tagName + " " + e.textContent + ": " + box.width + "x" + box.height);
		}
		const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
		if (wide > 0) faults.add("the page is " + wide + "px wider than the window");
		return [...faults];
	})()`)
	for _, f := range faults {
		p.Error(f)
	}
}
