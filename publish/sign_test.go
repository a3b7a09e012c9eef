package publish

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-43fb3962/sstream/sign"
	"github.com/seed-43fb3962/sstream/store"
)

const index = `{
 "index": {
  "b": {"path": "streams/v1/b.json", "products": ["p"], "n": 1.50},
  "a": {"datatype": "image-ids"},
  "c": {"path": "other/c.txt"}
 },
 "format": "index:1.0"
}
`

const signedIndex = `{
 "index": {
  "b": {
   "path": "streams/v1/b.sjson",
   "products": [
    "p"
   ],
   "n": 1.50
  },
  "a": {
   "datatype": "image-ids"
  },
  "c": {
   "path": "other/c.txt"
  }
 },
 "format": "index:1.0"
}`

const products = `{"format": "products:1.0", "content_id": "b", "products": {}}`

// newSigner returns a signer and the policy that trusts it and nobody else.
func newSigner(t *testing.T) (sign.Signer, *sign.Policy) {
	t.Helper()
	key, err := sign.GenerateKey("Us", "us@example.com", sign.KeyOptions{Algorithm: "ed25519"})
	if err != nil {
		t.Fatal(err)
	}
	signer, err := sign.ParseSecretKey(key.Secret, sign.SecretKeyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := sign.ParseKeyring("us", key.Keyring)
	if err != nil {
		t.Fatal(err)
	}
	return signer, &sign.Policy{Keys: keys}
}

func put(t *testing.T, st store.Store, path, data string) {
	t.Helper()
	if err := st.Put(t.Context(), path, store.Bytes([]byte(data))); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, st store.Store, path string) []byte {
	t.Helper()
	data, err := store.ReadAll(t.Context(), st, path, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// newMirror makes a mirror whose clock ticks with each reading.
func newMirror(t *testing.T) *store.Memory {
	t.Helper()
	clock := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	m := &store.Memory{Now: func() time.Time { clock = clock.Add(time.Second); return clock }}
	put(t, m, "streams/v1/index.json", index)
	put(t, m, "streams/v1/b.json", products)
	return m
}

var documents = []string{"streams/v1/b.json", "streams/v1/index.json"}

func TestSign(t *testing.T) {
	m := newMirror(t)
	signer, policy := newSigner(t)
	signed, err := Sign(t.Context(), m, documents, SignOptions{Signer: signer})
	if err != nil || !slices.Equal(signed, documents) {
		t.Fatalf("signed %v, %v", signed, err)
	}
	for path, want := range map[string]string{"streams/v1/index": signedIndex, "streams/v1/b": products} {
		body, _, err := policy.Clearsigned(read(t, m, path+".sjson"))
		if err != nil || string(body) != want {
			t.Errorf("%s.sjson: %s, %v", path, body, err)
		}
		if _, err := policy.Detached(read(t, m, path+".json"), read(t, m, path+".json.gpg")); err != nil {
			t.Errorf("%s.json.gpg: %v", path, err)
		}
	}
	if string(read(t, m, "streams/v1/index.json")) != index {
		t.Error("the index itself was changed")
	}
}

func TestSignOnlyWhatChanged(t *testing.T) {
	ours, _ := newSigner(t)
	for _, test := range []struct {
		name   string
		change func(m *store.Memory)
		force  bool
		want   []string
	}{
		{name: "nothing", change: func(*store.Memory) {}},
		{name: "forced", change: func(*store.Memory) {}, force: true, want: documents},
		{name: "a document", change: func(m *store.Memory) { put(t, m, documents[0], products+" ") }, want: documents[:1]},
		{name: "a document, but not its date", want: documents[:1], change: func(m *store.Memory) {
			now := m.Now
			m.Now = func() time.Time { return time.Time{} }
			put(t, m, documents[0], strings.Replace(products, "{}", "{ }", 1))
			m.Now = now
		}},
		{name: "no .sjson", want: documents[1:], change: func(m *store.Memory) { _ = m.Delete(t.Context(), "streams/v1/index.sjson") }},
		{name: "no .gpg", want: documents[:1], change: func(m *store.Memory) { _ = m.Delete(t.Context(), documents[0]+".gpg") }},
		{name: "not a signed document", want: documents[1:], change: func(m *store.Memory) { put(t, m, "streams/v1/index.sjson", "{}") }},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := newMirror(t)
			if _, err := Sign(t.Context(), m, documents, SignOptions{Signer: ours}); err != nil {
				t.Fatal(err)
			}
			test.change(m)
			signed, err := Sign(t.Context(), m, documents, SignOptions{Signer: ours, Force: test.force})
			if err != nil || !slices.Equal(signed, test.want) {
				t.Errorf("signed %v, %v, want %v", signed, err, test.want)
			}
			if again, err := Sign(t.Context(), m, documents, SignOptions{Signer: ours}); err != nil || len(again) > 0 {
				t.Errorf("signed again %v, %v", again, err)
			}
		})
	}
}

// onlyPut is a store that cannot replace several paths at once, and remembers in which order it was written.
type onlyPut struct {
	store.Store
	paths []string
}

func (s *onlyPut) Put(ctx context.Context, path string, c store.Content) error {
	s.paths = append(s.paths, path)
	return s.Store.Put(ctx, path, c)
}

// cannotReplace is a store that finds out late that it cannot.
type cannotReplace struct{ onlyPut }

func (s *cannotReplace) Replace(context.Context, map[string]store.Content, []string) error {
	return fmt.Errorf("not here: %w", errors.ErrUnsupported)
}

func TestSignOrder(t *testing.T) {
	signer, _ := newSigner(t)
	want := []string{"streams/v1/b.json.gpg", "streams/v1/b.sjson", "streams/v1/index.json.gpg", "streams/v1/index.sjson"}
	plain, late := &onlyPut{Store: newMirror(t)}, &cannotReplace{onlyPut{Store: newMirror(t)}}
	for _, st := range []store.Store{plain, late} {
		if _, err := Sign(t.Context(), st, []string{documents[1], documents[0]}, SignOptions{Signer: signer}); err != nil {
			t.Fatal(err)
		}
	}
	for _, got := range [][]string{plain.paths, late.paths} {
		if !slices.Equal(got, want) {
			t.Errorf("written in the order %v", got)
		}
	}
}

func TestSignFails(t *testing.T) {
	m := newMirror(t)
	signer, _ := newSigner(t)
	if _, err := Sign(t.Context(), m, []string{"none.json"}, SignOptions{Signer: signer}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no document: %v", err)
	}
	put(t, m, "streams/v1/z.json", "{")
	_, err := Sign(t.Context(), m, append(documents, "streams/v1/z.json"), SignOptions{Signer: signer})
	if err == nil || !strings.HasPrefix(err.Error(), "cannot sign streams/v1/z.json: ") {
		t.Errorf("no JSON: %v", err)
	}
	broken := &sign.Command{Args: []string{"false"}}
	if _, err := Sign(t.Context(), m, documents, SignOptions{Signer: broken}); err == nil {
		t.Error("a signer that fails")
	}
	for path := range m.List(t.Context(), "") {
		if !strings.HasSuffix(path, ".json") {
			t.Errorf("%s was written although not all could be signed", path)
		}
	}
}
