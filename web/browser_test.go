package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/seed-43fb3962/sstream/web"
)

// browserPatience is how long a busy machine may take to start the browser, or the browser to do what it is asked.
const browserPatience = 2 * time.Minute

// startBrowser starts Chromium for the tests below t. Without one they are skipped, unless CI_REAL=1 says that it must be there.
func startBrowser(t *testing.T) context.Context {
	t.Helper()
	if testing.Short() {
		t.Skip("a browser takes its time")
	}
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		if os.Getenv("CI_REAL") == "1" {
			t.Fatal("no Chromium, and CI_REAL=1 asks for it: apt-get install chromium")
		}
		t.Skip("no Chromium in the PATH: apt-get install chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.WSURLReadTimeout(browserPatience), chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal("cannot start Chromium: ", err)
	}
	return ctx
}

// site is a served page.
type site struct{ URL string }

// serveSite serves a page of the catalogues from a directory that is not the root of its server. files are beside it.
func serveSite(t *testing.T, cfg web.Config, files map[string]string, catalogues ...web.Catalogue) site {
	t.Helper()
	dir := tree(t, files)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(dir, "index.html"))
	if err != nil {
		t.Fatal(err)
	}
	if err := web.Page(f, catalogues, cfg); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.StripPrefix("/mirror", handler(t, dir)))
	t.Cleanup(server.Close)
	return site{server.URL + "/mirror/"}
}

// tab is a page in the browser. When its test ends it must have asked nobody but its own server, and not have complained.
type tab struct {
	*testing.T
	ctx  context.Context
	site site

	mu         sync.Mutex
	requests   []string
	complaints []string
}

func openTab(t *testing.T, browser context.Context, s site, prepare ...chromedp.Action[chromedp.Void]) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	p := &tab{T: t, ctx: ctx, site: s}
	if err := chromedp.Listen(ctx, p.note); err != nil {
		t.Fatal(err)
	}
	p.do(func(ctx context.Context, x *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, x, network.Enable, network.EnableParams{})
		if err == nil {
			_, err = cdp.Call(ctx, x, log.Enable, cdp.Empty{})
		}
		return chromedp.Void{}, err
	})
	p.do(prepare...)
	t.Cleanup(p.check)
	return p
}

// note keeps what the browser reports.
func (p *tab) note(ev any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch ev := ev.(type) {
	case *network.EventRequestWillBeSent:
		p.requests = append(p.requests, ev.Request.URL)
	case *log.EventEntryAdded:
		p.complaints = append(p.complaints, ev.Entry.Text)
	case *runtime.EventExceptionThrown:
		p.complaints = append(p.complaints, ev.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		p.complaints = append(p.complaints, fmt.Sprintf("console.%s", ev.Type))
	}
}

func (p *tab) check() {
	p.mu.Lock()
	defer p.mu.Unlock()
	asked := false
	for _, r := range p.requests {
		asked = asked || strings.HasPrefix(r, p.site.URL)
		if !strings.HasPrefix(r, p.site.URL) && !strings.HasPrefix(r, "data:") {
			p.Errorf("the page asked for %s", r)
		}
	}
	if !asked {
		p.Error("no request was seen: the listener does not work")
	}
	for _, c := range p.complaints {
		p.Errorf("the browser says: %s", c)
	}
}

func (p *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	p.Helper()
	if err := chromedp.Do(p.ctx, actions...); err != nil {
		p.Fatal(err)
	}
}

// open goes to the page; after is a query or fragment.
func (p *tab) open(after string) {
	p.Helper()
	p.do(chromedp.Navigate(p.site.URL + after))
}

// eval returns the value of a JavaScript expression.
func eval[T any](p *tab, expression string) T {
	p.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		p.Fatalf("%s: %v", expression, err)
	}
	return v
}

// until waits until a JavaScript expression is true.
func (p *tab) until(expression string) {
	p.Helper()
	if _, err := chromedp.Run(p.ctx, chromedp.Poll[bool]("Boolean("+expression+")", chromedp.WithPollingTimeout(browserPatience))); err != nil {
		p.Fatalf("%s never came true: %v", expression, err)
	}
}

// screen sets the size of the window and the colour scheme.
func screen(width, height int64, scheme string) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, x *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, x, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
			Width: width, Height: height, DeviceScaleFactor: 1, Mobile: width < 600,
		})
		if err == nil {
			_, err = cdp.Call(ctx, x, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
				Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
			})
		}
		return chromedp.Void{}, err
	}
}

// shoot writes a screenshot to artifacts/NAME.png in the module's root.
func (p *tab) shoot(name string) {
	p.Helper()
	picture, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		p.Fatal(err)
	}
	dir := filepath.Join("..", "artifacts")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		p.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o644); err != nil {
		p.Fatal(err)
	}
}
