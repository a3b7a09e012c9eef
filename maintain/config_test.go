package maintain

import (
	"fmt"
	"testing"
)

func TestConfig(t *testing.T) {
	product := &Product{Distro: "ubuntu", Release: "noble", Arch: "amd64", Variant: "cloud"}
	for _, c := range []struct{ name, text, want string }{
		{"all", `
simplestream:
  distro_name: Ubuntu Core
  release_aliases: {jammy: 22.04, noble: "24.04,24"}
  requirements:
  - requirements: {secure_boot: false}
  - requirements: {nesting: yes, n: ~, x: 0x10}
    releases: [noble]
    variants: [default, cloud]
  - requirements: {never: 1}
    variants: [desktop]
  - requirements: {vm: 1}
    types: [vm]
`, `"Ubuntu Core" [24.04 24] map[n: nesting:yes secure_boot:false x:0x10] []`},
		{"empty", "", `"" [] map[] []`},
		{"null", "---\n", `"" [] map[] []`},
		{"byte order mark, carriage returns", "\xef\xbb\xbfsimplestream:\r\n  distro_name: Bom\r\n", `"Bom" [] map[] []`},
		{"the last of two keys, the first of two documents", "simplestream: {distro_name: A, distro_name: B}\n---\nsimplestream: {distro_name: C}\n", `"B" [] map[] []`},
		{"unknown keys are told", "x: 1\nsimplestream: {distro: A, requirements: [{requirements: {a: 1}, variant: [x]}]}", `"" [] map[a:1] [distro variant]`},
	} {
		config, err := ParseConfig([]byte(c.text))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		got := fmt.Sprintf("%q %v %v %v", config.DistroName, config.releases("noble"), config.requirements(product), config.Unknown)
		if got != c.want {
			t.Errorf("%s: got %s", c.name, got)
		}
	}
}

func TestConfigErrors(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"bad::yaml", "line 1: the document cannot be a scalar"},
		{"simplestream:\n\tx: 1", "yaml: line 2: found character that cannot start any token"},
		{"simplestream:\n  requirements:\n    a: 1", "line 3: requirements cannot be a mapping"},
		{"image: [a]", "line 1: image cannot be a list"},
		{"simplestream: {requirements: [{types: [baremetal]}]}", `line 1: types: "baremetal" is neither container nor vm`},
		{"simplestream: {distro_name: [a]}", "line 1: distro_name cannot be a list"},
	} {
		if _, err := ParseConfig([]byte(c.text)); err == nil || err.Error() != c.want {
			t.Errorf("%q: got %v, want %s", c.text, err, c.want)
		}
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add([]byte("simplestream: {distro_name: A, release_aliases: {a: b}, requirements: [{requirements: {a: 1}, types: [vm]}]}"))
	f.Add([]byte("a: &a [*a]"))
	f.Fuzz(func(t *testing.T, body []byte) {
		if c, err := ParseConfig(body); err == nil {
			c.requirements(&Product{})
		}
	})
}

func FuzzMemory(f *testing.F) {
	f.Add([]byte("file 1 2 " + emptySum + " - a b\nuseless x y z\nversion 00 a b\nfile 1 2 " + emptySum + " " + emptySum + "=" + emptySum + " c"))
	f.Fuzz(func(t *testing.T, body []byte) { new(memory).read(string(body)) })
}

const emptySum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
