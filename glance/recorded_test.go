package glance_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-43fb3962/sstream/glance"
	"github.com/seed-43fb3962/sstream/openstack/openstacktest"
	"github.com/seed-43fb3962/sstream/streams"
)

// TestRecorded compares what lands in the cloud and what is published with what the Python tool made of the same source.
func TestRecorded(t *testing.T) {
	cloud := openstacktest.New(t, "RegionOne", "RegionTwo")
	recorded(t, cloud.Getenv)
}

func TestRecordedReal(t *testing.T) { recorded(t, openstacktest.RealAlone(t)) }

func recorded(t *testing.T, getenv func(string) string) {
	hypervisors := released
	hypervisors.HypervisorMapping = true
	for _, c := range []struct {
		name, region string
		sources      []string // one run after the other
		o            glance.Options
		filters      []string
	}{
		{"01-basic", "RegionOne", []string{"base"}, released, nil},
		{"02-again", "RegionOne", []string{"base", "base"}, released, nil},
		{"03-update-after", "RegionOne", []string{"old", "base"}, released, nil},
		{"06-hypervisor", "RegionOne", []string{"base"}, hypervisors, nil},
		{"15-root-tar-allowed", "RegionTwo", []string{"base"}, hypervisors, []string{"ftype~(disk1.img|root.tar.xz)", "version=24.04"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSetup(t, getenv, c.region)
			s.clear()
			defer s.clear()
			for _, source := range c.sources {
				s.must(newMirror(t, source), c.o, c.filters...)
			}
			if diff := cmp.Diff(recordedImages(t, c.name), comparable(s.images(c.region), c.region)); diff != "" {
				t.Errorf("images (-recorded +ours):\n%s", diff)
			}
			want, err := streams.ParseProducts(read(t, c.name, "products.json"))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(expand(want, "RegionOne"), expand(s.products(c.region), c.region)); diff != "" {
				t.Errorf("stream (-recorded +ours):\n%s", diff)
			}
			compareIndex(t, read(t, c.name, "index.json"), s.document(c.region, indexPath), c.region)
		})
	}
}

func read(t *testing.T, name, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata/recorded", name, file))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// comparable leaves out of images what differs from run to run and from server to server.
func comparable(images []map[string]any, region string) []map[string]string {
	var list []map[string]string
	for _, i := range images {
		kept := map[string]string{}
		for key, v := range i {
			switch text, ok := v.(string); {
			case slices.Contains([]string{"id", "owner", "created_at", "updated_at", "file", "self", "schema", "stores"}, key):
			case key == "content_id":
				kept[key] = strings.Replace(text, region, "REGION", 1)
			case ok:
				kept[key] = text
			case key == "size":
				kept[key] = fmt.Sprint(v)
			}
		}
		list = append(list, kept)
	}
	return list
}

func recordedImages(t *testing.T, name string) []map[string]string {
	t.Helper()
	var images []map[string]any
	if err := json.Unmarshal(read(t, name, "glance-images.json"), &images); err != nil {
		t.Fatal(err)
	}
	return comparable(images, "RegionOne")
}

// expand writes all fields of a stream's items, inherited ones too, without what differs from run to run.
func expand(p *streams.Products, region string) map[string]map[string]string {
	all := map[string]map[string]string{}
	for e := range p.All() {
		fields := map[string]string{}
		for key, value := range e.Flat().All() {
			switch key {
			case "id", "owner_id", "endpoint", "updated":
				if value != "" {
					value = strings.ToUpper(key)
				}
			}
			fields[key] = strings.Replace(value, region, "REGION", 1)
		}
		all[e.Ref.String()] = fields
	}
	return all
}

func compareIndex(t *testing.T, recorded, ours []byte, region string) {
	t.Helper()
	parse := func(data []byte, region string) map[string]any {
		var x struct {
			Format string
			Index  map[string]map[string]any
		}
		data = bytes.ReplaceAll(data, []byte(region), []byte("REGION"))
		if err := json.Unmarshal(data, &x); err != nil {
			t.Fatal(err)
		}
		entry := x.Index["localcloud.REGION:partners"]
		if _, err := time.Parse(time.RFC1123Z, entry["updated"].(string)); err != nil {
			t.Error(err)
		}
		delete(entry, "updated")
		cloud := entry["clouds"].([]any)[0].(map[string]any)
		if cloud["endpoint"] == "" {
			t.Error("the index names no endpoint")
		}
		delete(cloud, "endpoint")
		products := entry["products"].([]any)
		slices.SortFunc(products, func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
		return map[string]any{"format": x.Format, "index": x.Index}
	}
	if diff := cmp.Diff(parse(recorded, "RegionOne"), parse(ours, region)); diff != "" {
		t.Errorf("index (-recorded +ours):\n%s", diff)
	}
}
