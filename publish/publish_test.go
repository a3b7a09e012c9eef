package publish_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/seed-43fb3962/sstream/publish"
	"github.com/seed-43fb3962/sstream/sign"
	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/store/storetest"
)

// signing is a key, and whoever trusts it alone.
type signing struct {
	sign.Signer
	policy *sign.Policy
}

func newSigning(t testing.TB) signing {
	t.Helper()
	key, err := sign.GenerateKey("Example", "images@example.com", sign.KeyOptions{Algorithm: "ed25519"})
	if err != nil {
		t.Fatal(err)
	}
	signer, err := sign.ParseSecretKey(key.Secret, sign.SecretKeyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	keyring, err := sign.ParseKeyring("key", key.Public)
	if err != nil {
		t.Fatal(err)
	}
	return signing{signer, &sign.Policy{Keys: keyring}}
}

// documents are an index and two products files of one generation.
func documents(generation int) []publish.Document {
	index := fmt.Sprintf(`{"format": "index:1.0", "generation": %d, "index": {
 "a": {"path": "streams/v1/a.json", "format": "products:1.0"}, "b": {"path": "streams/v1/b.json", "format": "products:1.0"}}}`, generation)
	return []publish.Document{
		{Path: "streams/v1/index.json", Data: []byte(index), Index: true, Companions: true},
		{Path: "streams/v1/a.json", Data: fmt.Appendf(nil, `{"format": "products:1.0", "content_id": "a", "generation": %d}`, generation), Companions: true},
		{Path: "streams/v1/b.json", Data: []byte(`{"format": "products:1.0", "content_id": "b"}`), Companions: true},
	}
}

var allPaths = []string{
	"streams/v1/a.json", "streams/v1/a.json.gpg", "streams/v1/a.json.gz", "streams/v1/a.sjson",
	"streams/v1/b.json", "streams/v1/b.json.gpg", "streams/v1/b.json.gz", "streams/v1/b.sjson",
	"streams/v1/index.json", "streams/v1/index.json.gpg", "streams/v1/index.json.gz", "streams/v1/index.sjson",
}

func doPublish(t *testing.T, p *publish.Publisher, docs []publish.Document, gone ...string) {
	t.Helper()
	if err := p.Publish(t.Context(), docs, gone); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, s store.Source, path string) string {
	t.Helper()
	data, ok := storetest.Get(t, s, path)
	if !ok {
		t.Errorf("%s is not there", path)
	}
	return data
}

// rendered are the same documents, written and not held.
func rendered(docs []publish.Document) []publish.Document {
	var list []publish.Document
	for _, doc := range docs {
		data := doc.Data
		doc.Data = nil
		doc.Render = func(w io.Writer) error {
			for part := range slices.Chunk(data, 7) {
				if _, err := w.Write(part); err != nil {
					return err
				}
			}
			return nil
		}
		list = append(list, doc)
	}
	return list
}

// TestRender publishes documents that are written as those that are held: the same forms, and nothing if nothing is new.
func TestRender(t *testing.T) {
	key := newSigning(t)
	for name, st := range map[string]store.Store{"as one": new(store.Memory), "one by one": struct{ store.Store }{new(store.Memory)}} {
		f := storetest.Faulty{Store: st}
		p := publish.Publisher{Store: &f, Gzip: true, Signer: key}
		for generation := range 2 {
			docs := documents(generation)
			doPublish(t, &p, rendered(docs))
			wantPublished(t, st, docs, key.policy)
			writes := f.Writes()
			doPublish(t, &p, rendered(docs))
			if got := f.Writes(); got != writes {
				t.Errorf("%s: %d writes with nothing new", name, got-writes)
			}
		}
		twice := rendered(documents(0))
		if err := p.Publish(t.Context(), append(twice, twice[1]), nil); err == nil || !strings.Contains(err.Error(), "two different documents") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// wantPublished fails the test unless all of a generation is there and goes together.
func wantPublished(t *testing.T, s store.Store, docs []publish.Document, policy *sign.Policy) {
	t.Helper()
	for _, doc := range docs {
		if got := get(t, s, doc.Path); got != string(doc.Data) {
			t.Errorf("%s is %q, want %q", doc.Path, got, doc.Data)
		}
		z, err := gzip.NewReader(strings.NewReader(get(t, s, doc.Path+".gz")))
		if err != nil {
			t.Fatalf("%s.gz: %v", doc.Path, err)
		}
		if unpacked, err := io.ReadAll(z); err != nil || !bytes.Equal(unpacked, doc.Data) {
			t.Errorf("%s.gz is %q, %v", doc.Path, unpacked, err)
		}
		if _, err := policy.Detached(doc.Data, []byte(get(t, s, doc.Path+".gpg"))); err != nil {
			t.Errorf("%s.gpg: %v", doc.Path, err)
		}
		clear := strings.TrimSuffix(doc.Path, ".json") + ".sjson"
		text, _, err := policy.Clearsigned([]byte(get(t, s, clear)))
		if err != nil {
			t.Errorf("%s: %v", clear, err)
		}
		want := doc.Data
		if doc.Index {
			want = bytes.ReplaceAll(want, []byte(`.json"`), []byte(`.sjson"`))
		}
		if strings.Join(strings.Fields(string(text)), "") != strings.Join(strings.Fields(string(want)), "") {
			t.Errorf("%s says %s, want %s", clear, text, want)
		}
	}
}

func TestPublish(t *testing.T) {
	key := newSigning(t)
	s := &storetest.Faulty{Store: new(store.Memory)}
	storetest.Put(t, s, "streams/v1/foreign.json", "not ours")
	p := &publish.Publisher{Store: s, Gzip: true, Signer: key}

	doPublish(t, p, documents(1))
	wantPublished(t, s, documents(1), key.policy)
	before := s.Writes()
	doPublish(t, p, documents(1), "streams/v1/never-there.json")
	if n := s.Writes() - before; n != 0 {
		t.Errorf("what has not changed is written: %q", s.Trace()[before:])
	}
	signatureOfB := get(t, s, "streams/v1/b.json.gpg")
	doPublish(t, p, documents(2), "streams/v1/b.json", "streams/v1/foreign.json")
	wantPublished(t, s, documents(2), key.policy)
	if get(t, s, "streams/v1/b.json.gpg") != signatureOfB {
		t.Error("what has not changed is signed again")
	}
	if got := storetest.List(t, s, ""); !slices.Equal(got, allPaths) {
		t.Errorf("published are %q, want %q", got, allPaths)
	}

	other := newSigning(t)
	p.Signer, p.Resign = other, true
	doPublish(t, p, documents(2))
	wantPublished(t, s, documents(2), other.policy)
}

func TestWhichFormsAreWritten(t *testing.T) {
	key := newSigning(t)
	doc := publish.Document{Path: "v/x.json", Data: []byte(`{"format": "products:1.0"}`), Companions: true}
	verbatim := doc
	verbatim.Companions = false
	for _, test := range []struct {
		name string
		p    publish.Publisher
		doc  publish.Document
		want []string
	}{
		{"alone", publish.Publisher{}, doc, []string{"v/x.json"}},
		{"compressed", publish.Publisher{Gzip: true}, doc, []string{"v/x.json", "v/x.json.gz"}},
		{"signed", publish.Publisher{Signer: key}, doc, []string{"v/x.json", "v/x.json.gpg", "v/x.sjson"}},
		{"verbatim", publish.Publisher{Gzip: true, Signer: key}, verbatim, []string{"v/x.json"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := new(store.Memory)
			test.p.Store = s
			doPublish(t, &test.p, []publish.Document{test.doc})
			if got := storetest.List(t, s, ""); !slices.Equal(got, test.want) {
				t.Errorf("published are %q, want %q", got, test.want)
			}
		})
	}
}

func TestOrderWhereStoreCannotReplace(t *testing.T) {
	s := &storetest.Faulty{Store: storetest.Plain(new(store.Memory))}
	storetest.Put(t, s, "streams/v1/old.json", "old")
	p := &publish.Publisher{Store: s, Gzip: true, Signer: newSigning(t)}
	doPublish(t, p, documents(1), "streams/v1/old.json")
	want := []string{"put streams/v1/old.json",
		"put streams/v1/a.json", "put streams/v1/a.json.gz", "put streams/v1/a.json.gpg", "put streams/v1/a.sjson",
		"put streams/v1/b.json", "put streams/v1/b.json.gz", "put streams/v1/b.json.gpg", "put streams/v1/b.sjson",
		"put streams/v1/index.json", "put streams/v1/index.json.gz", "put streams/v1/index.json.gpg", "put streams/v1/index.sjson",
		"delete streams/v1/old.json"}
	if got := s.Trace(); !slices.Equal(got, want) {
		t.Errorf("written in the order\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestEveryWriteFails fails every single write, in each way that it can fail, and looks at what readers find then and
// whether the next run makes it good.
func TestEveryWriteFails(t *testing.T) {
	key := newSigning(t)
	stores := map[string]func(t *testing.T) store.Store{
		"Memory":     func(*testing.T) store.Store { return new(store.Memory) },
		"one by one": func(*testing.T) store.Store { return storetest.Plain(new(store.Memory)) },
		"Dir": func(t *testing.T) store.Store {
			d, err := store.OpenDir(t.TempDir(), store.DirOptions{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { d.Close() })
			return d
		},
	}
	for name, open := range stores {
		for _, applied := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, applied %v", name, applied), func(t *testing.T) {
				for at := 1; ; at++ {
					s := open(t)
					good := &publish.Publisher{Store: s, Gzip: true, Signer: key}
					doPublish(t, good, documents(1))
					storetest.Put(t, s, "streams/v1/old.json", "old")

					f := &storetest.Faulty{Store: s, At: at, Applied: applied, Crash: true}
					err := (&publish.Publisher{Store: f, Gzip: true, Signer: key}).Publish(t.Context(), documents(2), []string{"streams/v1/old.json"})
					if f.Writes() < at {
						if err != nil || at == 1 {
							t.Fatalf("Publish with %d writes: %v", f.Writes(), err)
						}
						return
					}
					if !errors.Is(err, storetest.ErrFault) {
						t.Fatalf("write %d: error %v, want the store's", at, err)
					}
					wantReadable(t, s, key.policy)
					next := 2 + at%2 // the same again, or something newer
					doPublish(t, good, documents(next), "streams/v1/old.json")
					wantPublished(t, s, documents(next), key.policy)
					if _, ok := storetest.Get(t, s, "streams/v1/old.json"); ok {
						t.Errorf("write %d: the next run does not take away what is gone", at)
					}
				}
			})
		}
	}
}

// wantReadable fails the test if a reader who comes now finds an index that leads to something older than it.
func wantReadable(t *testing.T, s store.Store, policy *sign.Policy) {
	t.Helper()
	second := func(text string) bool { return strings.Contains(text, `"generation": 2`) }
	if second(get(t, s, "streams/v1/index.json")) && !second(get(t, s, "streams/v1/a.json")) {
		t.Error("the index is newer than a product file")
	}
	for _, path := range []string{"streams/v1/index.sjson", "streams/v1/a.sjson", "streams/v1/b.sjson"} {
		if _, _, err := policy.Clearsigned([]byte(get(t, s, path))); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, there := storetest.Get(t, s, "streams/v1/old.json"); !there && !second(get(t, s, "streams/v1/index.json")) {
		t.Error("a document is taken away before the index that does not list it")
	}
}

func TestErrors(t *testing.T) {
	key := newSigning(t)
	refuses := errors.New("the key is locked")
	doc := documents(1)[1]
	for name, test := range map[string]struct {
		p    publish.Publisher
		docs []publish.Document
		want string
	}{
		"two documents of one name": {publish.Publisher{}, []publish.Document{doc, {Path: doc.Path, Data: []byte("other")}}, "two different documents"},
		"not .json":                 {publish.Publisher{Signer: key}, []publish.Document{{Path: "index.html", Companions: true}}, ".json"},
		"not an index": {publish.Publisher{Signer: key}, []publish.Document{{Path: "index.json", Data: []byte("<html>"), Index: true, Companions: true}},
			"cannot sign index.json"},
		"signer":      {publish.Publisher{Signer: failing{refuses}}, []publish.Document{doc}, refuses.Error()},
		"unsafe path": {publish.Publisher{}, []publish.Document{{Path: "../index.json"}}, "unsafe path"},
	} {
		t.Run(name, func(t *testing.T) {
			s := new(store.Memory)
			test.p.Store = s
			if err := test.p.Publish(t.Context(), test.docs, nil); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
			if got := storetest.List(t, s, ""); len(got) > 0 {
				t.Errorf("published are %q", got)
			}
		})
	}
	same := []publish.Document{doc, doc}
	s := new(store.Memory)
	doPublish(t, &publish.Publisher{Store: s}, same)
	if got := storetest.List(t, s, ""); !slices.Equal(got, []string{doc.Path}) {
		t.Errorf("published are %q", got)
	}
}

type failing struct{ err error }

func (f failing) Clearsign(context.Context, []byte) ([]byte, error) { return nil, f.err }
func (f failing) Detach(context.Context, []byte) ([]byte, error)    { return nil, f.err }

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p := &publish.Publisher{Store: new(store.Memory)}
	if err := p.Publish(ctx, documents(1), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Publish: %v, want context.Canceled", err)
	}
}
