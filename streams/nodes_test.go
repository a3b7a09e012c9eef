package streams_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/seed-43fb3962/sstream/streams"
)

// TestNodes does the same to a list as to a map and a slice, below and above the size where it keeps an index.
func TestNodes(t *testing.T) {
	for _, n := range []int{3, 200} {
		list := streams.MakeNodes[int]()
		var order []string
		for i := range n {
			name := fmt.Sprint((i * 7919) % 1000)
			list.Set(name, i)
			order = append(order, name)
		}
		list.Set(order[1], -1)
		list.Delete(order[2])
		list.Delete("none")
		order = slices.Delete(order, 2, 3)
		if got := list.Names(); !slices.Equal(got, order) || list.Len() != n-1 {
			t.Errorf("names %v, want %v", got, order)
		}
		if v, ok := list.Get(order[1]); v != -1 || !ok {
			t.Errorf("%s is %d, %v", order[1], v, ok)
		}
		if _, ok := list.Get("none"); ok {
			t.Error("none is there")
		}
		list.DeleteFunc(func(name string, v int) bool { return v >= 0 })
		if got := list.Names(); !slices.Equal(got, order[1:2]) {
			t.Errorf("left: %v", got)
		}
		for name, v := range list.All() {
			if name != order[1] || v != -1 {
				t.Errorf("%s is %d", name, v)
			}
		}
		sorted := slices.Sorted(slices.Values(order[1:2]))
		if got := list.Sorted(); !slices.Equal(got, sorted) {
			t.Errorf("sorted: %v", got)
		}
	}
}

// TestNodesAreFound looks for every name of lists that are in order, are not, or cease to be.
func TestNodesAreFound(t *testing.T) {
	orders := map[string]func(i int) int{
		"in order":     func(i int) int { return 2 * i },
		"backwards":    func(i int) int { return 2 * (50 - i) },
		"one too late": func(i int) int { return map[bool]int{false: 2 * i, true: 3}[i == 40] },
		"mixed":        func(i int) int { return 2 * (i * 31 % 50) },
	}
	for what, order := range orders {
		for _, n := range []int{1, 16, 17, 50} {
			list := streams.MakeNodes[int]()
			for i := range n {
				list.Set(fmt.Sprintf("%03d", order(i)), i)
			}
			for i := range n {
				name := fmt.Sprintf("%03d", order(i))
				if v, ok := list.Get(name); v != i || !ok {
					t.Errorf("%s, %d: %s is %d, %v, want %d", what, n, name, v, ok, i)
				}
				for _, place := range []int{i, i + 1, n} {
					if v, ok := list.GetAt(place, name); v != i || !ok {
						t.Errorf("%s, %d: %s, looked for at %d, is %d, %v, want %d", what, n, name, place, v, ok, i)
					}
				}
			}
			if _, ok := list.GetAt(0, "001"); ok {
				t.Errorf("%s, %d: found what is not there", what, n)
			}
		}
	}
}

// TestNodesStay shows that who loses its last child still has a list of them.
func TestNodesStay(t *testing.T) {
	for name, empty := range map[string]func(*streams.Products){
		"one by one":  func(p *streams.Products) { p.Products.Delete("p") },
		"all at once": func(p *streams.Products) { p.Products.DeleteFunc(func(string, *streams.Product) bool { return true }) },
	} {
		p := products(t, `{"a":1,"products":{"p":{}}}`)
		empty(p)
		if got := string(streams.Append(nil, p, streams.Style{})); got != `{"a":1,"products":{}}` {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// TestAttrsShareNothing shows that what is done to one node, or to a copy of it, is not seen in another.
func TestAttrsShareNothing(t *testing.T) {
	p := products(t, `{"a":1,"b":2,"products":{"p":{"c":3,"d":4},"q":{"e":5}}}`)
	one, _ := p.Products.Get("p")
	copied, clone := one.Attrs, one.Clone()
	one.Delete("c")
	one.Set("x", streams.Int(6))
	clone.Set("d", streams.Int(7))
	clone.SetAfter("y", streams.Int(8))
	for _, c := range []struct {
		a    *streams.Attrs
		want string
	}{
		{&one.Attrs, `{"d":4,"x":6}`},
		{&copied, `{"c":3,"d":4}`},
		{&clone, `{"c":3,"d":7,"y":8}`},
		{&p.Attrs, `{"a":1,"b":2}`},
	} {
		if got := string(streams.Append(nil, c.a, streams.Style{})); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
	q, _ := p.Products.Get("q")
	if got := string(streams.Append(nil, q, streams.Style{})); got != `{"e":5}` {
		t.Errorf("got %s", got)
	}
}
