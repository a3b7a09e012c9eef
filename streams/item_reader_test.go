package streams

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// readItems reads a list through windows of a size, and returns it as it was understood.
func readItems(r *itemReader) (string, error) {
	var all []byte
	for {
		fields, ok, err := r.next()
		if err != nil || !ok {
			return string(all), err
		}
		all = Append(all, &Attrs{fields: Nodes[Value]{list: fields}}, Style{KeepOrder: true, Newline: true, Escape: escapeNone})
	}
}

// wantSame fails the test unless a list is the same, and is wrong in the same place, however little of it is at hand.
func wantSame(t *testing.T, list string) {
	t.Helper()
	want, wantErr := readItems(newItemReader(strings.NewReader(list), len(list)+1))
	for _, size := range []int{1, 2, 7, 64, 100} {
		got, err := readItems(newItemReader(strings.NewReader(list), size))
		if got != want || fmt.Sprint(err) != fmt.Sprint(wantErr) {
			t.Errorf("%q in windows of %d\ngot  %s%v\nwant %s%v", list, size, got, err, want, wantErr)
		}
	}
}

var lists = []string{
	"", " ", "[", "[]", " [ ] ", "[]x", "[] \n x", "[,]", "[{}]", "[{},]", "[{}{}]", "[{}", "{}", "[1]", "\ufeff[]", "\xef\xbb",
	`[{"a":"` + strings.Repeat("long ", 100) + `","b":1},{"a":"short","b":2}]`,
	"[\n {\"a\": \"x\", \"b\": 1},\n {\"a\": \"x\", \"b\": -1.5e+10},\n {\"c\": [true, false, null, {\"d\": \"\\ud83d\\ude00\"}]}\n]\n",
	"[{\"a\":\"\\u00e9é\u20ac\U0001f600\"},\n{\"a\":\"\xe2\x82\"}]", "[{\"a\":\"\xff\"}]", "[{\xff}]",
	"[{\"a\":1},\n\n  {\"a\":tru}]", `[{"a":"\ud8"}]`, `[{"a":"\x"}]`, `[{"a":1,"a":2,"b":{}}]`, "[{\"a\":\"\n\"}]",
	`[{"a":` + strings.Repeat("[", 200),
}

func TestItemReader(t *testing.T) {
	for _, list := range lists {
		wantSame(t, list)
	}
}

func TestItemReaderErrors(t *testing.T) {
	broken := errors.New("the disk is broken")
	list := strings.NewReader(`[{"a":1},{"b":`)
	if _, err := readItems(newItemReader(io.MultiReader(list, iotest.ErrReader(broken)), 8)); err != broken {
		t.Error(err)
	}
	many := "[" + strings.Repeat("{\"a\": 1},\n", 10_000) + "{\"a\": 01}]"
	_, err := readItems(newItemReader(iotest.HalfReader(strings.NewReader(many)), 1000))
	if err == nil || !strings.Contains(err.Error(), "line 10001, column 8: ") {
		t.Error(err)
	}
}

func FuzzItemReader(f *testing.F) {
	for _, list := range lists {
		f.Add(list)
	}
	f.Fuzz(wantSame)
}
