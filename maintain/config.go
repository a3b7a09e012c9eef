package maintain

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Config is what an image definition says about its product in the section simplestream.
type Config struct {
	DistroName     string            // how the distribution is written for people; "": from the directory's name
	ReleaseAliases map[string]string // release to further names for it, separated by commas
	Requirements   []Requirement
	Aliases        []string // further names of the product, as they are
	OnlyAliases    bool     // the product has no other names
	Unknown        []string // keys of the section that mean nothing, so that a slip of the pen can be told
}

// Requirement is what an instance of an image needs, where every list that is not empty names the product.
type Requirement struct {
	Requirements                             map[string]string
	Releases, Architectures, Variants, Types []string
}

// releases returns the names that stand for a release.
func (c *Config) releases(release string) []string {
	list, ok := c.ReleaseAliases[release]
	if !ok {
		return nil
	}
	return strings.Split(list, ",")
}

// requirements returns what a product needs. Requirements of one type of instance are left out: the documents have
// them for a product as a whole.
func (c *Config) requirements(p *Product) map[string]string {
	needs := make(map[string]string)
	fits := func(list []string, name string) bool { return len(list) == 0 || slices.Contains(list, name) }
	for _, r := range c.Requirements {
		if len(r.Types) > 0 || !fits(r.Releases, p.Release) || !fits(r.Architectures, p.Arch) || !fits(r.Variants, p.Variant) {
			continue
		}
		for key, value := range r.Requirements {
			needs[key] = value
		}
	}
	return needs
}

func readConfigFile(fsys fs.FS, dir, name string) (*Config, error) {
	body, err := fs.ReadFile(fsys, path.Join(dir, name))
	if err != nil {
		return nil, bare(err)
	}
	return ParseConfig(body)
}

// definitionSections are the sections of an image definition and what they hold.
var definitionSections = map[string]yaml.Kind{
	"image": yaml.MappingNode, "source": yaml.MappingNode, "targets": yaml.MappingNode, "packages": yaml.MappingNode,
	"mappings": yaml.MappingNode, "environment": yaml.MappingNode, "simplestream": yaml.MappingNode,
	"files": yaml.SequenceNode, "actions": yaml.SequenceNode,
}

// ParseConfig reads an image definition, of which it checks the sections and uses one. Only the first document counts;
// of two equal keys the last one does; scalars keep their text, so that 24.10 stays 24.10.
func ParseConfig(body []byte) (*Config, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")), &doc); err != nil {
		return nil, err
	}
	c := new(Config)
	if len(doc.Content) == 0 {
		return c, nil
	}
	return c, eachKey(doc.Content[0], "the document", func(key string, value *yaml.Node) error {
		kind, known := definitionSections[key]
		if !known || isNull(value) {
			return nil
		}
		if resolve(value).Kind != kind {
			return wrongKind(value, key)
		}
		if key == "simplestream" {
			return c.section(value)
		}
		return nil
	})
}

func (c *Config) section(node *yaml.Node) error {
	*c = Config{}
	return eachKey(node, "simplestream", func(key string, value *yaml.Node) (err error) {
		switch key {
		case "distro_name":
			c.DistroName, err = scalar(value, key)
		case "release_aliases":
			c.ReleaseAliases, err = scalars(value, key)
		case "requirements":
			c.Requirements, err = c.requirementList(value)
		case "aliases":
			c.Aliases, err = scalarList(value, key)
		case "only_aliases":
			err = resolve(value).Decode(&c.OnlyAliases)
		default:
			c.Unknown = append(c.Unknown, key)
		}
		return err
	})
}

func (c *Config) requirementList(node *yaml.Node) ([]Requirement, error) {
	if isNull(node) {
		return nil, nil
	}
	if resolve(node).Kind != yaml.SequenceNode {
		return nil, wrongKind(node, "requirements")
	}
	var list []Requirement
	for _, entry := range resolve(node).Content {
		var r Requirement
		err := eachKey(entry, "requirements", func(key string, value *yaml.Node) (err error) {
			switch key {
			case "requirements":
				r.Requirements, err = scalars(value, key)
			case "releases":
				r.Releases, err = scalarList(value, key)
			case "architectures":
				r.Architectures, err = scalarList(value, key)
			case "variants":
				r.Variants, err = scalarList(value, key)
			case "types":
				r.Types, err = instanceTypes(value)
			default:
				c.Unknown = append(c.Unknown, key)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, nil
}

func instanceTypes(node *yaml.Node) ([]string, error) {
	types, err := scalarList(node, "types")
	for _, t := range types {
		if t != "container" && t != "vm" {
			return nil, fmt.Errorf("line %d: types: %q is neither container nor vm", node.Line, t)
		}
	}
	return types, err
}

// eachKey calls each for the members of a mapping; a mapping that is null has none.
func eachKey(node *yaml.Node, what string, each func(key string, value *yaml.Node) error) error {
	if isNull(node) {
		return nil
	}
	m := resolve(node)
	if m.Kind != yaml.MappingNode {
		return wrongKind(node, what)
	}
	for i := 0; i+1 < len(m.Content); i += 2 {
		if err := each(m.Content[i].Value, m.Content[i+1]); err != nil {
			return err
		}
	}
	return nil
}

func scalar(node *yaml.Node, what string) (string, error) {
	if isNull(node) {
		return "", nil
	}
	if resolve(node).Kind != yaml.ScalarNode {
		return "", wrongKind(node, what)
	}
	return resolve(node).Value, nil
}

func scalars(node *yaml.Node, what string) (map[string]string, error) {
	m := make(map[string]string)
	return m, eachKey(node, what, func(key string, value *yaml.Node) (err error) {
		m[key], err = scalar(value, what+"."+key)
		return err
	})
}

func scalarList(node *yaml.Node, what string) ([]string, error) {
	if isNull(node) {
		return nil, nil
	}
	if resolve(node).Kind != yaml.SequenceNode {
		return nil, wrongKind(node, what)
	}
	var list []string
	for _, e := range resolve(node).Content {
		s, err := scalar(e, what)
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, nil
}

func resolve(node *yaml.Node) *yaml.Node {
	for node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	return node
}

func isNull(node *yaml.Node) bool { return resolve(node).Tag == "!!null" }

func wrongKind(node *yaml.Node, what string) error {
	names := map[yaml.Kind]string{yaml.MappingNode: "a mapping", yaml.SequenceNode: "a list", yaml.ScalarNode: "a scalar"}
	return fmt.Errorf("line %d: %s cannot be %s", node.Line, what, names[resolve(node).Kind])
}
