package maintain

import (
	"path"
	"strings"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
)

// aliases returns the names under which a product is found: those of its release, those of the releases that stand for
// it, and what else its description says.
func aliases(p *Product, c *Config) string {
	var list []string
	if !c.OnlyAliases {
		list = appendAliases(nil, p.Distro, p.Release, p.Variant)
		for _, release := range c.releases(p.Release) {
			list = appendAliases(list, p.Distro, release, p.Variant)
		}
	}
	return strings.Join(append(list, c.Aliases...), ",")
}

// appendAliases adds distro/release/variant, and what is left of it without a release called "current" and without a
// variant called "default".
func appendAliases(list []string, distro, release, variant string) []string {
	list = append(list, path.Join(distro, release, variant))
	current := release == "current"
	if current {
		list = append(list, path.Join(distro, variant))
	}
	switch {
	case variant != "default":
		return list
	case current:
		return append(list, distro)
	}
	return append(list, path.Join(distro, release))
}

// osName is how a distribution is written for people if its image does not say: "ubuntu-core" becomes "Ubuntu-Core".
func osName(distro string) string { return cases.Title(language.English).String(distro) }
