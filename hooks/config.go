package hooks

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"
)

// Config is a configuration file as sstream-sync reads it, in YAML: the hooks by name, "hook" for the others, and
//
//	path, mirror_url                    text
//	max_items                           a number
//	keep_items, item_skip_download      true or false
//	delete_filtered_items               true or false
//	delete_products                     true or false
//	checksumming_reader                 true or false
//	product_load_output_format          serial_list or json
//	unset_value                         text
//
// A key with no value, or with null, is as good as left out.
type Config struct {
	Options          // without what no key is for
	MirrorURL string // "": not given

	Unknown []string // keys that mean nothing here, in the order of the file
	Hidden  []string // Unknown, and the keys that sstream-sync calls unknown although it obeys them
}

// ParseConfig reads a configuration file.
func ParseConfig(text []byte) (*Config, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	c := &Config{Options: Options{Commands: map[string]string{}}}
	if len(doc.Content) == 0 {
		return c, nil
	}
	top := doc.Content[0]
	for top.Kind == yaml.AliasNode {
		top = top.Alias
	}
	if top.Kind == yaml.ScalarNode && top.Tag == "!!null" {
		return c, nil
	}
	if top.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("line %d: KEY: VALUE is needed", top.Line)
	}
	for i := 0; i+1 < len(top.Content); i += 2 {
		if err := c.set(top.Content[i], top.Content[i+1]); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (c *Config) set(keyNode, value *yaml.Node) error {
	key := keyNode.Value
	for value.Kind == yaml.AliasNode {
		value = value.Alias
	}
	target, hidden := c.target(key)
	if hidden {
		c.Hidden = append(c.Hidden, key)
	}
	if target == nil {
		c.Unknown = append(c.Unknown, key)
		return nil
	}
	if value.Tag == "!!null" {
		return nil
	}
	if value.Kind != yaml.ScalarNode {
		return fmt.Errorf("line %d: %s takes one value, no list", value.Line, key)
	}
	if err := target(value); err != nil {
		return fmt.Errorf("line %d: %s: %w", value.Line, key, err)
	}
	return nil
}

// target returns what stores the value of a key, nil if the key is unknown, and whether sstream-sync calls it so.
func (c *Config) target(key string) (set func(*yaml.Node) error, hidden bool) {
	switch key {
	case "path":
		return text(&c.Path), false
	case "mirror_url":
		return text(&c.MirrorURL), false
	case "max_items":
		return number(&c.Max), false
	case "keep_items":
		return truth(&c.Keep), false
	case "item_skip_download":
		return truth(&c.SkipDownload), false
	case "delete_filtered_items":
		return truth(&c.RemoveUnwanted), false
	case "delete_products":
		return truth(&c.RemoveProducts), true
	case "checksumming_reader":
		return func(n *yaml.Node) error {
			var checked bool
			err := truth(&checked)(n)
			c.Unchecked = !checked
			return err
		}, true
	case "product_load_output_format":
		return text((*string)(&c.LoadFormat)), true
	case "unset_value":
		return func(n *yaml.Node) error {
			c.Unset = &n.Value
			return nil
		}, true
	}
	if key == Default || slices.Contains(Names[:], key) {
		return func(n *yaml.Node) error {
			c.Commands[key] = n.Value
			return nil
		}, false
	}
	return nil, true
}

func text(to *string) func(*yaml.Node) error {
	return func(n *yaml.Node) error {
		*to = n.Value
		return nil
	}
}

func number(to **int) func(*yaml.Node) error {
	return func(n *yaml.Node) error {
		var v int
		if n.Tag != "!!int" || n.Decode(&v) != nil {
			return fmt.Errorf("%q is not a whole number", n.Value)
		}
		*to = &v
		return nil
	}
}

func truth(to *bool) func(*yaml.Node) error {
	return func(n *yaml.Node) error {
		if n.Decode(to) != nil {
			return fmt.Errorf("%q is neither true nor false", n.Value)
		}
		return nil
	}
}
