package hooks

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/seed-43fb3962/sstream/streams"
)

// LoadFormat is how load_products says what is there.
type LoadFormat string

// The formats of load_products.
const (
	SerialList LoadFormat = "serial_list" // a line a version: PRODUCT VERSION
	JSON       LoadFormat = "json"        // a products document. Only with this one there are items to remove
)

// parseLoaded reads what load_products printed. It returns nil if that is an empty JSON document: then what is there
// has the fields of the source.
func parseLoaded(output []byte, format LoadFormat, contentID string) (*streams.Products, error) {
	if format == JSON {
		return parseLoadedJSON(output)
	}
	have := &streams.Products{Products: streams.MakeNodes[*streams.Product]()}
	have.Set("content_id", streams.String(contentID))
	for line := range strings.Lines(string(output)) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		at := strings.IndexFunc(line, isBlank)
		if at < 0 {
			return nil, fmt.Errorf("the line %.80q is not PRODUCT VERSION", line)
		}
		name, version := line[:at], strings.TrimSpace(line[at:])
		product, ok := have.Products.Get(name)
		if !ok {
			product = &streams.Product{Versions: streams.MakeNodes[*streams.Version]()}
			have.Products.Set(name, product)
		}
		product.Versions.Set(version, &streams.Version{Items: streams.MakeNodes[*streams.Item]()})
	}
	return have, nil
}

func isBlank(r rune) bool { return r == ' ' || r == '\t' || r == '\v' || r == '\f' || r == '\r' }

func parseLoadedJSON(output []byte) (*streams.Products, error) {
	switch string(bytes.TrimSpace(output)) {
	case "", "null", "{}":
		return nil, nil
	}
	have, err := streams.ParseProducts(output)
	if err != nil {
		return nil, err
	}
	return have, have.ExpandAliases()
}
