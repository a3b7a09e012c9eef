package glance

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-43fb3962/sstream/openstack"
	"github.com/seed-43fb3962/sstream/openstack/openstacktest"
	"github.com/seed-43fb3962/sstream/publish"
	"github.com/seed-43fb3962/sstream/store"
	"github.com/seed-43fb3962/sstream/store/swift"
	"github.com/seed-43fb3962/sstream/streams"
)

// overwritten is a store in which another writer, who had read the index before, writes it just after it was put.
type overwritten struct {
	store.Store
	times, puts int
	by          []byte
}

func (s *overwritten) Put(ctx context.Context, path string, c store.Content) error {
	err := s.Store.Put(ctx, path, c)
	if err != nil || path != indexPath {
		return err
	}
	s.puts++
	if s.puts <= s.times {
		return s.Store.Put(ctx, path, store.Bytes(s.by))
	}
	return nil
}

// An entry that another run has taken out of the index is put back, beside that run's.
func TestIndexOverwritten(t *testing.T) {
	config, err := openstack.FromEnv(openstacktest.New(t, "RegionOne").Getenv)
	if err != nil {
		t.Fatal(err)
	}
	var pauses []time.Duration
	cloud, err := openstack.Connect(t.Context(), config, openstack.Options{Sleep: func(_ context.Context, d time.Duration) error {
		pauses = append(pauses, d)
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	const other = `{"format": "index:1.0", "index": {"other": {"path": "streams/v1/other.json"}}}`
	for _, test := range []struct {
		before      string
		times, puts int
		pauses      int
		err         string
	}{
		{before: other, puts: 1, pauses: 1},
		{before: other, times: 3, puts: 4, pauses: 4},
		{before: other, times: publishAttempts - 1, puts: publishAttempts, pauses: publishAttempts},
		{times: 1, puts: 2, pauses: 2}, // both are the first to write it
		{before: other, times: 99, puts: publishAttempts, pauses: publishAttempts, err: "cannot publish: other runs take mine out of the index again and again"},
		{before: `{"format": "index:1.0", "index": {"mine": {}}}`, puts: 1}, // nobody else writes it
	} {
		s := &overwritten{Store: new(store.Memory), times: test.times, by: []byte(other)}
		if test.before != "" {
			if err := s.Store.Put(t.Context(), indexPath, store.Bytes([]byte(test.before))); err != nil {
				t.Fatal(err)
			}
		}
		r := newWriter(t, cloud, "mine", s)
		r.hold(streams.Ref{Product: "p", Version: "1", Item: "i"}, &Image{ID: "id", Status: statusActive})
		pauses = nil
		now := time.Unix(0, 0)
		o := &Options{Now: func() time.Time {
			now = now.Add(time.Second)
			return now
		}}
		o.setDefaults()
		if err := o.publish(t.Context(), r); fmt.Sprint(err) != test.err && (err != nil || test.err != "") {
			t.Errorf("%+v: %v", test, err)
		}
		if s.puts != test.puts || len(pauses) != test.pauses {
			t.Errorf("%+v: %d puts, pauses %v", test, s.puts, pauses)
		}
		for _, pause := range pauses {
			if pause < 2*time.Second {
				t.Errorf("%+v: a pause of %v is shorter than the writing took", test, pause)
			}
		}
		index, err := readIndex(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		_, mine := index.Entries.Get("mine")
		_, others := index.Entries.Get("other")
		if mine != (test.err == "") || others != (test.before == other || test.times > 0) {
			t.Errorf("%+v: the index has mine: %v, other: %v", test, mine, others)
		}
	}
}

// Runs of two streams write one index again and again at the same moment. Each entry says in the end what its run wrote last,
// where without reading back one was lost in every round. (A run that takes three times as long as the other may still undo it.)
func TestWritersReal(t *testing.T) {
	const rounds = 6
	config, err := openstack.FromEnv(openstacktest.Real(t))
	if err != nil {
		t.Fatal(err)
	}
	var writers []*region
	for _, id := range []string{"first", "second"} {
		cloud, err := openstack.Connect(t.Context(), config, openstack.Options{})
		if err != nil {
			t.Fatal(err)
		}
		service, err := cloud.ObjectStore("RegionOne")
		if err != nil {
			t.Fatal(err)
		}
		writers = append(writers, newWriter(t, cloud, id, swift.New(service, "writers", "", swift.Options{})))
	}
	objects := writers[0].Publisher.Store.(*swift.Store)
	t.Cleanup(func() {
		for path, err := range objects.List(context.Background(), "") {
			if err == nil {
				err = objects.Delete(context.Background(), path)
			}
			if err != nil {
				t.Error(err)
			}
		}
	})
	o := new(Options)
	o.setDefaults()
	lost := 0
	for round := range rounds {
		product := fmt.Sprintf("product%d", round)
		var all sync.WaitGroup
		for _, r := range writers {
			r.held = map[streams.Ref]*Image{{Product: product, Version: "1", Item: "i"}: {ID: product, Status: statusActive}}
			r.current = false
			all.Go(func() {
				if err := o.publish(t.Context(), r); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		index, err := readIndex(t.Context(), objects)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range writers {
			if e, ok := index.Entries.Get(r.ContentID); !ok || strings.Join(e.Get("products").StringList(), " ") != product {
				lost++
			}
		}
	}
	if lost > 1 {
		t.Errorf("in %d rounds %d entries were lost", rounds, lost)
	}
}

func connect(t *testing.T, to *openstacktest.Cloud) *openstack.Cloud {
	t.Helper()
	config, err := openstack.FromEnv(to.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	cloud, err := openstack.Connect(t.Context(), config, openstack.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return cloud
}

// What another run has published meanwhile is taken over, whether it is that run's or ours; what is published by nobody is left
// to the run that made it, what this run has not found right yet has to wait, and of what is there twice and published by nobody
// nothing goes.
func TestListAgain(t *testing.T) {
	cloud := connect(t, openstacktest.New(t, "RegionOne"))
	objects := new(store.Memory)
	r, other := newWriter(t, cloud, "mine", objects), newWriter(t, cloud, "mine", objects)
	images := map[string]*Image{}
	for _, i := range [][2]string{{"held", "held"}, {"again", "held"}, {"leaving", "leaving"}, {"unchecked", "unchecked"}, {"early", "early"}, {"left", "left"},
		{"theirs", "both"}, {"ours", "both"}, {"first", "twice"}, {"second", "twice"}} {
		images[i[0]] = makeImage(t, r, i[0], i[1])
	}
	for _, id := range []string{"held", "ours", "second", "first"} {
		r.hold(images[id].ref(), images[id])
	}
	r.leaving["leaving"] = true
	r.unchecked.Store("unchecked", true)
	r.unchecked.Store("early", true)
	for _, id := range []string{"theirs", "early", "leaving"} {
		other.hold(images[id].ref(), images[id])
	}
	o := new(Options)
	o.setDefaults()
	if err := o.publish(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	if _, err := o.look(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	var held, gone []string
	for _, ref := range r.refs() {
		held = append(held, r.held[ref].ID)
	}
	for _, rm := range r.doubles {
		gone = append(gone, rm.image.ID)
	}
	if got := strings.Join(held, ", ") + "; " + strings.Join(gone, ", "); got != "theirs, early, held, first; ours" {
		t.Errorf("held, and to be removed: %s", got)
	}
}

// Of an item that another run has published, ours goes when its upload has ended; one that was published and is found wrong is
// held no more.
func TestTake(t *testing.T) {
	cloud := connect(t, openstacktest.New(t, "RegionOne"))
	r := newWriter(t, cloud, "mine", new(store.Memory))
	theirs, ours := makeImage(t, r, "theirs", "product"), makeImage(t, r, "ours", "product")
	o := new(Options)
	o.setDefaults()
	r.take(theirs.ref(), theirs)
	if err := o.publish(t.Context(), r); err != nil || !r.current {
		t.Fatal(err)
	}
	r.take(ours.ref(), ours)
	if r.held[ours.ref()] != theirs || !r.current || len(r.doubles) != 1 || r.doubles[0].image != ours {
		t.Errorf("held: %v, to be removed: %v", r.held, r.doubles)
	}
	r.drop(theirs.ref())
	if len(r.held) != 1 {
		t.Error("what is right was dropped")
	}
	r.unchecked.Store("theirs", true)
	if r.drop(theirs.ref()); len(r.held) != 0 || r.current {
		t.Error("what is wrong was not dropped")
	}
}

// What another run has published, and was found to be there twice, is not replaced by the image of ours that goes.
func TestFoundTwice(t *testing.T) {
	fake := openstacktest.New(t, "RegionOne")
	cloud := connect(t, fake)
	objects := new(store.Memory)
	r, other := newWriter(t, cloud, "mine", objects), newWriter(t, cloud, "mine", objects)
	ours, theirs := makeImage(t, r, "ours", "product"), makeImage(t, r, "theirs", "product")
	o := new(Options)
	o.setDefaults()
	other.held[theirs.ref()] = theirs
	if err := o.publish(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	p := &Plan{o: *o, regions: []*region{r}}
	mine := &upload{region: r, o: &p.o, item: &item{ref: ours.ref()}, image: ours} // of a product that is not at its end
	for _, ended := range [][]finished{nil, {{work: new(work), uploads: []*upload{mine}}}} {
		if errs := p.settle(t.Context(), ended); errs != nil {
			t.Fatal(errs)
		}
	}
	if errs := p.end(t.Context(), r); errs != nil {
		t.Fatal(errs)
	}
	_, published, err := r.published(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	e, _ := published.Find(ours.ref())
	if _, err := r.images.get(t.Context(), e.Get("id")); err != nil {
		t.Error(err)
	}
	if images := fake.Images("RegionOne"); len(images) != 1 {
		t.Errorf("there are %d images", len(images))
	}
}

// makeImage makes an active image of a product.
func makeImage(t *testing.T, r *region, id, product string) *Image {
	t.Helper()
	i, err := r.images.create(t.Context(), map[string]string{"id": id, "name": id, "disk_format": "raw", "container_format": "bare",
		propContentID: "mine", propSourceID: "source", propProduct: product, propVersion: "1", propItem: "disk1.img"})
	if err != nil {
		t.Fatal(err)
	}
	body := openstack.Body{Size: 1, Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("x")), nil }}
	if err := r.images.put(t.Context(), i, "file", body); err != nil {
		t.Fatal(err)
	}
	if i, err = r.images.get(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	return i
}

// newWriter is a region that publishes into a store.
func newWriter(t *testing.T, cloud *openstack.Cloud, contentID string, s store.Store) *region {
	t.Helper()
	target, err := NewTarget(cloud, "RegionOne", contentID, &publish.Publisher{Store: s})
	if err != nil {
		t.Fatal(err)
	}
	r := &region{Target: target, held: map[streams.Ref]*Image{}, leaving: map[string]bool{}}
	if r.text, r.known, err = r.published(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r
}
