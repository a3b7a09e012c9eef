package streams

import "testing"

func TestNameSigned(t *testing.T) {
	for _, test := range []struct {
		body, want string
		changed    bool
	}{
		{`{"index":{"a":{"path":"x/a.json","n":1.50},"b":{}},"format":"index:1.0"}`, `{"index":{"a":{"path":"x/a.sjson","n":1.50},"b":{}},"format":"index:1.0"}`, true},
		{`{"index":{"a":{"size":7,"path":"a.json","md5":"m","sha256":"x","sha512":"y"},"b":{"path":"b.txt","size":7}}}`, `{"index":{"a":{"path":"a.sjson"},"b":{"path":"b.txt","size":7}}}`, true},
		{`{"index":{"a":{"path":"a.sjson","size":7},"b":{}}}`, `{"index":{"a":{"path":"a.sjson","size":7},"b":{}}}`, false},
		{`{"index":{"a":{"path":"a.sjson"},"b":{"path":"b.txt"},"c":{"path":7}}}`, `{"index":{"a":{"path":"a.sjson"},"b":{"path":"b.txt"},"c":{"path":7}}}`, false},
		{`{"products":{}}`, `{"products":{}}`, false},
	} {
		x, err := ParseIndex([]byte(test.body))
		if err != nil {
			t.Fatal(err)
		}
		changed := x.NameSigned()
		if got := string(Append(nil, x, Style{KeepOrder: true})); got != test.want || changed != test.changed {
			t.Errorf("got %s, %v, want %s", got, changed, test.want)
		}
	}
}
