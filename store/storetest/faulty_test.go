package storetest_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/store/storetest"
)

func TestFaulty(t *testing.T) {
	t.Run("passes the suite when it does not fail", func(t *testing.T) {
		storetest.Run(t, func(t *testing.T) store.Store {
			d, err := store.OpenDir(t.TempDir(), store.DirOptions{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { d.Close() })
			return &storetest.Faulty{Store: d}
		})
	})
	for _, test := range []struct {
		applied, crash bool
		want           []string // what is there after three writes of which the second fails
	}{
		{false, false, []string{"1", "3"}},
		{true, false, []string{"1", "2", "3"}},
		{false, true, []string{"1"}},
		{true, true, []string{"1", "2"}},
	} {
		f := &storetest.Faulty{Store: new(store.Memory), At: 2, Applied: test.applied, Crash: test.crash}
		for i, path := range []string{"1", "2", "3"} {
			err := f.Put(t.Context(), path, store.Bytes(nil))
			if fails := i == 1 || (i == 2 && test.crash); errors.Is(err, storetest.ErrFault) != fails {
				t.Errorf("%+v: write %d: %v", test, i+1, err)
			}
		}
		if got := storetest.List(t, f, ""); !slices.Equal(got, test.want) || f.Writes() != 3 {
			t.Errorf("%+v: after %d writes there are %q", test, f.Writes(), got)
		}
	}
}

// TestPlain: a store that can do nothing beyond the least passes the suite as well.
func TestPlain(t *testing.T) {
	storetest.Run(t, func(*testing.T) store.Store { return storetest.Plain(new(store.Memory)) })
	if _, ok := storetest.Plain(new(store.Memory)).(store.Syncer); ok {
		t.Error("Plain does not hide what a store can do")
	}
}
