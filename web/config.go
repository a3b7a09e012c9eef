package web

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Config is what a site says about itself on its page. The zero value is a page that works.
type Config struct {
	Title    string // "Images" if empty
	Text     string // below the title: plain text, paragraphs apart by an empty line
	Footer   string // at the end: as Text
	Links    []Link // beside the footer
	Logo     []byte // an SVG, PNG, JPEG, GIF or WebP picture beside the title, kept in the page itself; none if empty
	Remote   string // what the launch commands call this server: "stream" if empty
	URL      string // where clients find the tree, ending in a slash; if empty, the page's own address, which takes JavaScript
	Stale    int    // builds older than so many days are marked; 0: none are
	Versions int    // how many versions of a product to list; 0: all
}

// Link leads to another page.
type Link struct {
	Text string `yaml:"text"`
	Href string `yaml:"href"`
}

// maxLogo bounds the picture, which every visitor loads with the page.
const maxLogo = 256 << 10

// ReadConfig reads a YAML file with the fields of [Config] in lower case; logo is the path of the picture, relative to
// the file.
func ReadConfig(name string) (Config, error) {
	body, err := os.ReadFile(name)
	if err != nil {
		return Config{}, fmt.Errorf("cannot read the page's configuration: %w", err)
	}
	cfg, logo, err := parseConfig(body)
	if err == nil && logo != "" {
		if !filepath.IsAbs(logo) {
			logo = filepath.Join(filepath.Dir(name), logo)
		}
		cfg.Logo, err = readLogo(logo)
	}
	if err != nil {
		return Config{}, fmt.Errorf("%s: %w", name, err)
	}
	return cfg, nil
}

func parseConfig(body []byte) (cfg Config, logo string, err error) {
	var y struct {
		Title, Text, Footer, Logo, Remote, URL string
		Links                                  []Link
		Stale, Versions                        int
	}
	d := yaml.NewDecoder(bytes.NewReader(body))
	d.KnownFields(true)
	if err := d.Decode(&y); err != nil && !errors.Is(err, io.EOF) {
		return cfg, "", plain(err)
	}
	if y.Stale < 0 || y.Versions < 0 {
		return cfg, "", errors.New("stale and versions cannot be negative")
	}
	return Config{
		Title: y.Title, Text: y.Text, Footer: y.Footer, Links: y.Links,
		Remote: y.Remote, URL: y.URL, Stale: y.Stale, Versions: y.Versions,
	}, y.Logo, nil
}

// What the decoder says of fields that there are not, and of what is no mapping.
var (
	noField   = regexp.MustCompile(`field (.*) not found in type struct \{[^}]*\}`)
	noMapping = regexp.MustCompile(`into struct \{[^}]*\}`)
)

// plain is an error of the decoder on one line, in words for people who do not know the program.
func plain(err error) error {
	text := strings.TrimPrefix(err.Error(), "yaml: unmarshal errors:\n  ")
	text = strings.NewReplacer("\n  line", "; line", "\n", " ").Replace(text)
	text = noField.ReplaceAllString(text, "there is no field $1")
	return errors.New(noMapping.ReplaceAllString(text, "as a mapping"))
}

func readLogo(name string) ([]byte, error) {
	body, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("logo: %w", err)
	}
	if len(body) > maxLogo {
		return nil, fmt.Errorf("logo: %s has %d bytes: %d are the most, for every visitor loads it with the page", name, len(body), maxLogo)
	}
	if pictureType(body) == "" {
		return nil, fmt.Errorf("logo: %s is no SVG, PNG, JPEG, GIF or WebP picture", name)
	}
	return body, nil
}

// pictureType returns the media type of a picture, "" if body is none that every browser shows.
func pictureType(body []byte) string {
	switch kind := http.DetectContentType(body); kind {
	case "image/png", "image/jpeg", "image/gif", "image/webp":
		return kind
	}
	if bytes.Contains(body[:min(len(body), 1024)], []byte("<svg")) {
		return "image/svg+xml"
	}
	return ""
}

// dataURL returns a picture as an address that needs no server, "" if it is none.
func dataURL(picture []byte) string {
	kind := pictureType(picture)
	if kind == "" {
		return ""
	}
	return "data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(picture)
}

func (c Config) withDefaults() Config {
	c.Title = cmp.Or(c.Title, "Images")
	c.Remote = cmp.Or(c.Remote, "stream")
	return c
}

// paragraphs splits text at empty lines.
func paragraphs(text string) []string {
	var list []string
	for p := range strings.SplitSeq(strings.ReplaceAll(text, "\r\n", "\n"), "\n\n") {
		if p = strings.TrimSpace(p); p != "" {
			list = append(list, p)
		}
	}
	return list
}
