package streams_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/seed-43fb3962/sstream/internal/catalog"
	"github.com/seed-43fb3962/sstream/internal/pythontest"
	"github.com/seed-43fb3962/sstream/streams"
)

const odd = `{"b": "caf\u00e9 \u201cquoted\u201d ' \" \t\n\r\b\f\\ \/ <&> \ud83d\ude00 \u007f\u200b\u2028 \ud800 x", "a": [1, -0.5e3, 12345678901234567890, true, null, [], {}, [[{"z": 1, "y": {}}]]], "é": "ü", "A": ""}`

func TestStyles(t *testing.T) {
	v, err := streams.Raw(odd)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		style streams.Style
		want  string
	}{
		{streams.Style{}, `{"A":"","a":[1,-0.5e3,12345678901234567890,true,null,[],{},[[{"y":{},"z":1}]]],"b":"caf\u00e9 \u201cquoted\u201d ' \" \t\n\r\b\f\\ / <&> \ud83d\ude00 \u007f\u200b\u2028 \ud800 x","\u00e9":"\u00fc"}`},
		{streams.Style{KeepOrder: true, Escape: streams.HTML}, "{\"b\":\"café “quoted” ' \\\" \\t\\n\\r\\b\\f\\\\ / \\u003c\\u0026\\u003e 😀 \x7f\u200b\\u2028 \\ud800 x\",\"a\":[1,-0.5e3,12345678901234567890,true,null,[],{},[[{\"z\":1,\"y\":{}}]]],\"é\":\"ü\",\"A\":\"\"}"},
	} {
		if got := string(streams.Append(nil, v, c.style)); got != c.want {
			t.Errorf("%+v\ngot  %s\nwant %s", c.style, got, c.want)
		}
	}
	if got := string(streams.Append([]byte("x"), streams.Value{}, streams.Style{Newline: true})); got != "xnull\n" {
		t.Errorf("no value is %q", got)
	}
}

// TestWrite writes what Append makes, and stops with its writer.
func TestWrite(t *testing.T) {
	doc := catalog.Products(catalog.Size{Products: 20, Versions: 5, Images: true})
	for _, style := range []streams.Style{{}, {Indent: 1, Newline: true}, {Spaced: true, KeepOrder: true}} {
		want := streams.Append(nil, doc, style)
		var got bytes.Buffer
		if err := streams.Write(&got, doc, style); err != nil || !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%+v: %d bytes, %v, want %d", style, got.Len(), err, len(want))
		}
		short := &short{left: len(want) / 2}
		if err := streams.Write(short, doc, style); err != io.ErrShortWrite || short.after {
			t.Errorf("%+v: %v, written to again: %v", style, err, short.after)
		}
	}
}

// short takes only so much.
type short struct {
	left  int
	after bool // it was written to again
}

func (s *short) Write(p []byte) (int, error) {
	s.after = s.after || s.left < 0
	if s.left -= len(p); s.left < 0 {
		return 0, io.ErrShortWrite
	}
	return len(p), nil
}

// TestStylesAsPython compares with what Python's json.dumps writes.
func TestStylesAsPython(t *testing.T) {
	texts := []string{odd, "{}", "[]", `{"a":{"b":{"c":[{"d":[1,2,[]]}]}}}`, string(streams.Append(nil, catalog.Products(catalog.Size{Products: 2, Versions: 2, Images: true}), streams.Style{}))}
	styles := map[string]streams.Style{
		`indent=1, sort_keys=True, separators=(",", ": ")`: {Indent: 1},
		`indent=2, sort_keys=True`:                         {Indent: 2},
		`indent=40`:                                        {Indent: 40, KeepOrder: true},
		``:                                                 {Spaced: true, KeepOrder: true},
		`sort_keys=True, separators=(",", ":")`:            {},
	}
	for options, style := range styles {
		var want []string
		pythontest.Run(t, "y = [json.dumps(json.loads(t), "+options+") for t in x]", texts, &want)
		for i, text := range texts {
			v, err := streams.Raw(text)
			if err != nil {
				t.Fatal(err)
			}
			// Python writes floats anew; all else is the same to the byte.
			if got := string(streams.Append(nil, v, style)); got != replaceFloat(want[i]) {
				t.Errorf("%s\ngot  %s\nwant %s", options, got, want[i])
			}
		}
	}
}
