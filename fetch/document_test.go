package fetch_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/seed-43fb3962/sstream/fetch"
	"github.com/seed-43fb3962/sstream/fetch/fetchtest"
	"github.com/seed-43fb3962/sstream/sign"
)

// signer signs with a new key, which policy trusts.
type signer struct {
	t      testing.TB
	key    *sign.SecretKey
	policy *sign.Policy
}

var newSigner = sync.OnceValues(func() (*signer, error) {
	key, err := sign.GenerateKey("Mirror", "mirror@example.com", sign.KeyOptions{Algorithm: "ed25519"})
	if err != nil {
		return nil, err
	}
	secret, err := sign.ParseSecretKey(key.Secret, sign.SecretKeyOptions{})
	if err != nil {
		return nil, err
	}
	ring, err := sign.ParseKeyring("test", key.Keyring)
	return &signer{key: secret, policy: &sign.Policy{Keys: ring}}, err
})

func signing(t testing.TB) *signer {
	t.Helper()
	s, err := newSigner()
	if err != nil {
		t.Fatal(err)
	}
	return &signer{t, s.key, s.policy}
}

func (s *signer) clear(body string) string {
	signed, err := s.key.Clearsign(context.Background(), []byte(body))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(signed)
}

func (s *signer) detach(body string) string {
	signature, err := s.key.Detach(context.Background(), []byte(body))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(signature)
}

func (s *signer) options() fetch.Options {
	o := quick(nil)
	o.Policy = s.policy
	return o
}

func TestSigned(t *testing.T) {
	k := signing(t)
	list := index("a.sjson")
	good := map[string]string{"i.sjson": k.clear(list), "a.sjson": k.clear(products)}
	with := func(more ...string) map[string]string {
		files := map[string]string{}
		for name, body := range good {
			files[name] = body
		}
		for i := 0; i < len(more); i += 2 {
			files[more[i]] = more[i+1]
		}
		return files
	}
	tests := []struct {
		name   string
		files  map[string]string
		change func(s *fetchtest.Server)
		from   string
		policy *sign.Policy
		want   []string
		is     error
		err    string
	}{
		{name: "good", files: good, want: []string{"products a.sjson", "index i.sjson"}},
		{name: "changed products", files: with("a.sjson", strings.Replace(good["a.sjson"], `"c"`, `"d"`, 1)), is: sign.ErrBadSignature},
		{name: "changed index", files: with("i.sjson", strings.Replace(good["i.sjson"], "e0", "e1", 1)), is: sign.ErrBadSignature},
		{
			name: "read between two writes", files: good, want: []string{"products a.sjson", "index i.sjson"},
			change: func(s *fetchtest.Server) { s.Fail("a.sjson", 1, fetchtest.Short(150)) },
		},
		{name: "not signed", files: with("i.sjson", list), is: sign.ErrNotSigned},
		{name: "products not signed", files: with("i.sjson", k.clear(index("a.json")), "a.json", products), is: sign.ErrNotSigned},
		{name: "nobody is trusted", files: good, policy: &sign.Policy{}, is: sign.ErrUntrusted},
		{name: "nobody checks", files: with("a.sjson", strings.Replace(good["a.sjson"], `"c"`, `"d"`, 1)),
			policy: &sign.Policy{NoVerify: true}, want: []string{"products a.sjson", "index i.sjson"}},
		{name: "nobody checks, but nothing is signed", files: with("i.sjson", list), policy: &sign.Policy{NoVerify: true}, is: sign.ErrNotSigned},
		{name: "an unsigned index that lists signed products", files: with("i.json", list), from: "i.json",
			err: "is clear-signed, but the run began with a document that is not"},
		{name: "no index", files: map[string]string{}, is: fs.ErrNotExist, err: "/i.sjson: 404 Not Found"},
		{name: "only an unsigned index", files: map[string]string{"i.json": index()}, is: fs.ErrNotExist,
			err: "(an unsigned i.json is there: to trust it, use --path=i.json or --no-verify)"},
		{name: "only an index with its signature beside it", files: map[string]string{"i.json": index(), "i.json.gpg": ""}, is: fs.ErrNotExist,
			err: "(i.json is there with its signature beside it: use --path=i.json, and --keyring to have it verified)"},
		{name: "only an unsigned index, nobody checks", files: map[string]string{"i.json": index("a.json"), "a.json": products},
			policy: &sign.Policy{NoVerify: true}, want: []string{"products a.json", "index i.json"}},
		{name: "only a signed index", files: good, from: "i.json", is: fs.ErrNotExist, err: "(a signed i.sjson is there: use --path=i.sjson)"},
		{name: "another format, not verified", files: with("i.sjson", k.clear(index("x.txt|text")), "x.txt", "anything"),
			want: []string{"index i.sjson"}},
		{name: "another format, nobody checks", files: with("i.sjson", k.clear(index("x.txt|text")), "x.txt", "anything"),
			policy: &sign.Policy{NoVerify: true}, want: []string{"other x.txt", "index i.sjson"}},
		{name: "another format with a checksum", files: with("x.txt", "anything", "i.sjson", k.clear(listed("x.txt", "anything"))),
			want: []string{"other x.txt", "index i.sjson"}},
		{name: "another format with another checksum", files: with("x.txt", "anything", "i.sjson", k.clear(listed("x.txt", "else"))),
			err: "where the index lists"},
		{name: "another format, signed", files: with("i.sjson", k.clear(index("x.sjson|text")), "x.sjson", k.clear("{}")),
			want: []string{"other x.sjson", "index i.sjson"}},
		{name: "another format, signed badly", files: with("i.sjson", k.clear(index("x.sjson|text")), "x.sjson", "{}"), is: sign.ErrNotSigned},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := fetchtest.New(t, test.files)
			if test.change != nil {
				test.change(s)
			}
			o := k.options()
			if test.policy != nil {
				o.Policy = test.policy
			}
			if test.from == "" {
				test.from = "i.sjson"
			}
			got, err := walk(open(t, s.URL, o), test.from, nil)
			if fails := test.is != nil || test.err != ""; fails != (err != nil) {
				t.Fatalf("error %v, want one: %v", err, fails)
			} else if fails && (test.is != nil && !errors.Is(err, test.is) || !strings.Contains(err.Error(), test.err)) {
				t.Errorf("error %v, want %v, %q", err, test.is, test.err)
			}
			if err == nil && !slices.Equal(got, test.want) {
				t.Errorf("%q, want %q", got, test.want)
			}
			if err != nil && (strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), s.URL)) {
				t.Errorf("not one line that names the mirror: %v", err)
			}
		})
	}
}

// listed returns an index of a file of another format, with the checksum of that content.
func listed(path, content string) string {
	return fmt.Sprintf(`{"format":"index:1.0","index":{"x":{"format":"text","path":%q,"sha256":"%x"}}}`, path, sha256.Sum256([]byte(content)))
}

// What was verified is what is returned, with the signature, and was asked for once: nothing else can be published.
func TestReadOnce(t *testing.T) {
	k := signing(t)
	files := map[string]string{"i.sjson": k.clear(index("a.sjson", "b.sjson")), "a.sjson": k.clear(products), "b.sjson": k.clear(products)}
	s := fetchtest.New(t, files)
	s.FailAfter("", 3, -1, fetchtest.Instead("<html>"))
	for d, err := range open(t, s.URL, k.options()).Walk(context.Background(), "i.sjson", nil) {
		if err != nil {
			t.Fatal(err)
		}
		if string(d.Raw) != files[d.Path] {
			t.Errorf("%s: %q", d.Path, d.Raw)
		}
		if d.Signature == nil || d.Signature.Identity != "Mirror <mirror@example.com>" {
			t.Errorf("%s: signature %+v", d.Path, d.Signature)
		}
	}
	if got, want := s.Requests(), []string{"GET /a.sjson", "GET /b.sjson", "GET /i.sjson"}; !slices.Equal(slices.Sorted(slices.Values(got)), want) {
		t.Errorf("asked %q", got)
	}
}

func TestDetached(t *testing.T) {
	k := signing(t)
	good := k.detach(products)
	get, gpg := "GET /a.json", "GET /a.json.gpg"
	tests := []struct {
		name     string
		mode     fetch.Detached
		gpg      string // "": none
		change   func(s *fetchtest.Server)
		is       error
		verified bool
		requests []string
	}{
		{"ignored", fetch.DetachedIgnored, "bad", nil, nil, false, []string{get}},
		{"checked, good", fetch.DetachedChecked, good, nil, nil, true, []string{get, gpg}},
		{"checked, absent", fetch.DetachedChecked, "", nil, nil, false, []string{get, gpg}},
		{"checked, of another document", fetch.DetachedChecked, k.detach("{}"), nil, sign.ErrBadSignature, false, []string{get, gpg, get, gpg}},
		{"checked, no signature", fetch.DetachedChecked, "bad", nil, sign.ErrNotSigned, false, []string{get, gpg, get, gpg}},
		{"checked, 500", fetch.DetachedChecked, good, func(s *fetchtest.Server) { s.Fail("gpg", 1, fetchtest.Status(500)) }, nil, true, []string{get, gpg, get, gpg}},
		{"checked, 403", fetch.DetachedChecked, good, func(s *fetchtest.Server) { s.Fail("gpg", -1, fetchtest.Status(403)) }, fs.ErrPermission, false, []string{get, gpg}},
		{"required, good", fetch.DetachedRequired, good, nil, nil, true, []string{get, gpg}},
		{"required, absent", fetch.DetachedRequired, "", nil, sign.ErrNotSigned, false, []string{get, gpg, get, gpg}},
		{"a torn pair", fetch.DetachedRequired, good, func(s *fetchtest.Server) {
			s.Fail("a.json.gpg", 1, fetchtest.Instead(k.detach("{}")))
		}, nil, true, []string{get, gpg, get, gpg}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := fetchtest.New(t, map[string]string{"a.json": products})
			if test.gpg != "" {
				s.Put("a.json.gpg", test.gpg)
			}
			if test.change != nil {
				test.change(s)
			}
			o := k.options()
			o.Detached = test.mode
			d, err := open(t, s.URL, o).Document(context.Background(), "a.json")
			if !errors.Is(err, test.is) {
				t.Fatalf("error %v, want %v", err, test.is)
			}
			if got := s.Requests(); !slices.Equal(got, test.requests) {
				t.Errorf("asked %q, want %q", got, test.requests)
			}
			if err != nil {
				return
			}
			if verified := d.Signature != nil; verified != test.verified {
				t.Errorf("verified: %v", verified)
			}
			if got := string(d.Companions["a.json.gpg"]); test.verified && got != good || !test.verified && got != "" {
				t.Errorf("companion %q", got)
			}
		})
	}
}

// Nothing escapes a run in which every document needs a signature, whatever it is called.
func TestDetachedRequired(t *testing.T) {
	k := signing(t)
	tests := []struct {
		name  string
		entry string
		files map[string]string
		want  []string // before the index
		is    error
	}{
		{"products by another name", index("a.products"), map[string]string{"a.products": products}, nil, sign.ErrNotSigned},
		{"products by another name, signed", index("a.products"),
			map[string]string{"a.products": products, "a.products.gpg": k.detach(products)}, []string{"products a.products"}, nil},
		{"clear-signed products", index("a.sjson"), map[string]string{"a.sjson": k.clear(products)}, nil, sign.ErrNotSigned},
		{"another format", index("x.txt|text"), map[string]string{"x.txt": "x"}, nil, nil},
		{"another format with a checksum", listed("x.txt", "x"), map[string]string{"x.txt": "x"}, []string{"other x.txt"}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.files["i.json"], test.files["i.json.gpg"] = test.entry, k.detach(test.entry)
			o := k.options()
			o.Detached = fetch.DetachedRequired
			got, err := walk(open(t, fetchtest.New(t, test.files).URL, o), "i.json", nil)
			if !errors.Is(err, test.is) || err == nil && !slices.Equal(got, append(test.want, "index i.json")) {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

func TestDocumentFaults(t *testing.T) {
	const path = "streams/v1/a.json"
	big := products + strings.Repeat(" ", 1<<20)
	tests := []struct {
		name     string
		fault    fetchtest.Fault
		times    int
		err      string // "": none
		requests int
	}{
		{"one 500", fetchtest.Status(500), 1, "", 2},
		{"many 500", fetchtest.Status(500), -1, "500 Internal Server Error", 5},
		{"403", fetchtest.Status(403), -1, "403 Forbidden", 1},
		{"401", fetchtest.Status(401), -1, "401 Unauthorized (a user and password are needed", 1},
		{"cut", fetchtest.Cut(1000), 1, "", 2},
		{"reset", fetchtest.Reset(1000), 1, "", 2},
		{"half, as if it were all", fetchtest.Short(20), 1, "", 2},
		{"half, always", fetchtest.Short(20), -1, "not valid JSON: line 1", 2},
		{"a page, once", fetchtest.Instead("<html>please log in</html>"), 1, "", 2},
		{"a page", fetchtest.Instead(" <!DOCTYPE html>please log in"), -1, "a web page, as proxies", 2},
		{"nothing", fetchtest.Instead(""), -1, "not valid JSON", 2},
		{"another format", fetchtest.Instead(`{"format":"index:2.0"}`), -1, `unknown format "index:2.0"`, 2},
		{"packed", fetchtest.Packed, -1, "", 1},
		{"labelled as packed", fetchtest.Labelled, -1, "", 1},
		{"chunked", fetchtest.Chunked, -1, "", 1},
		{"endless", fetchtest.Endless, -1, "more than the 4000000 bytes that a document may have", 1},
		{"a bomb", fetchtest.Instead(string(bomb(t, 64<<20))), -1, "only an attack would", 1},
		{"a smaller bomb", fetchtest.Instead(string(bomb(t, 8<<20))), -1, "more than the 4000000 bytes", 1},
		{"a damaged pack", fetchtest.Instead("\x1f\x8bxxxxxxxxxx"), -1, "damaged compressed data", 2},
		{"an encoding nobody asked for", encoding("br"), -1, `in the encoding "br"`, 1},
		{"redirects in a ring", fetchtest.Redirect("/" + path), -1, "more than 10 redirects", 11},
		{"redirected to a file", fetchtest.Redirect("file:///etc/passwd"), -1, "redirected to a file: address", 1},
		{"not modified, though nobody asked", fetchtest.Status(304), -1, "304 Not Modified", 1},
		{"a part, though nobody asked", fetchtest.Status(206, "Content-Range", "bytes 5-9/10"), -1, "begins at byte 5 instead of 0", 2},
		{"a part of nothing", fetchtest.Status(206), -1, "without saying which", 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := fetchtest.New(t, map[string]string{path: big})
			fault := test.fault
			if strings.Contains(test.name, "bomb") || strings.Contains(test.name, "damaged") {
				fault = func(w http.ResponseWriter, r *http.Request, body []byte, next http.Handler) {
					w.Header().Set("Content-Encoding", "gzip")
					test.fault(w, r, body, next)
				}
			}
			s.Fail("", test.times, fault)
			o := quick(nil)
			o.MaxDocument = 4_000_000
			if test.name == "a bomb" {
				o.MaxDocument = 0
			}
			d, err := open(t, s.URL, o).Document(context.Background(), path)
			switch {
			case test.err == "" && (err != nil || string(d.Raw) != big || d.Products == nil):
				t.Errorf("%v, %v", d, err)
			case test.err != "" && (err == nil || !strings.HasPrefix(err.Error(), "cannot read "+s.URL+path+": ") || !strings.Contains(err.Error(), test.err)):
				t.Errorf("error %v, want %q", err, test.err)
			}
			if got := len(s.Requests()); got != test.requests {
				t.Errorf("%d requests, want %d", got, test.requests)
			}
		})
	}
}

func encoding(name string) fetchtest.Fault {
	return func(w http.ResponseWriter, r *http.Request, body []byte, _ http.Handler) {
		w.Header().Set("Content-Encoding", name)
		fetchtest.Whole(w, r, body, nil)
	}
}

// bomb returns the packed form of n blanks.
func bomb(t testing.TB, n int) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(bytes.Repeat([]byte(" "), n)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestDocumentFromTheNextMirror(t *testing.T) {
	one := fetchtest.New(t, map[string]string{"a.json": products})
	two := fetchtest.New(t, map[string]string{"a.json": products})
	o := quick(nil)
	o.Mirrors = []string{two.URL}
	m := open(t, one.URL, o)
	for _, fault := range []fetchtest.Fault{fetchtest.Status(404), fetchtest.Status(500), fetchtest.Instead("<html>"), fetchtest.Cut(3)} {
		one.Fail("", 1, fault)
		if _, err := m.Document(context.Background(), "a.json"); err != nil {
			t.Error(err)
		}
		if a, b := one.Requests(), two.Requests(); len(a) != 1 || len(b) != 1 {
			t.Errorf("asked %q and %q", a, b)
		}
	}
	one.Fail("", -1, fetchtest.Status(404))
	two.Fail("", -1, fetchtest.Status(503))
	_, err := m.Document(context.Background(), "a.json")
	if want := "cannot read " + one.URL + "a.json: 404 Not Found; " + two.URL + "a.json: 503 Service Unavailable"; err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
	if errors.Is(err, fs.ErrNotExist) {
		t.Error("one mirror's word counts for both")
	}
}

func TestDocumentUnsafePath(t *testing.T) {
	m := open(t, t.TempDir(), quick(nil))
	for _, path := range []string{"", "/etc/passwd", "../x.json", "a/../../x.json", "a//b", "a/"} {
		if _, err := m.Document(context.Background(), path); err == nil || !strings.Contains(err.Error(), "unsafe path") {
			t.Errorf("%q: %v", path, err)
		}
	}
}
