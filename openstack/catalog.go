package openstack

import (
	"fmt"
	"slices"
	"strings"

	tokens2 "github.com/gophercloud/gophercloud/v2/openstack/identity/v2/tokens"
	tokens3 "github.com/gophercloud/gophercloud/v2/openstack/identity/v3/tokens"
)

// serviceEntry is one endpoint of the catalogue.
type serviceEntry struct{ kind, region, availability, url string }

// readCatalog keeps what the last sign-in said of services and of the project.
func (c *Cloud) readCatalog() (err error) {
	switch r := c.provider.GetAuthResult().(type) {
	case tokens3.CreateResult:
		err = c.readCatalog3(r.ExtractServiceCatalog, r.ExtractProject)
	case tokens3.GetResult:
		err = c.readCatalog3(r.ExtractServiceCatalog, r.ExtractProject)
	case tokens2.CreateResult:
		err = c.readCatalog2(r)
	}
	if err != nil {
		return fmt.Errorf("cannot read the catalogue of %s: %w", c.config.AuthURL, err)
	}
	if c.project == "" {
		return fmt.Errorf("cannot use %s: the user works in no project there; name one (OS_PROJECT_NAME)", c.config.AuthURL)
	}
	return nil
}

func (c *Cloud) readCatalog3(services func() (*tokens3.ServiceCatalog, error), project func() (*tokens3.Project, error)) error {
	p, err := project()
	if err != nil {
		return err
	}
	if p != nil {
		c.project = p.ID
	}
	catalog, err := services()
	if err != nil {
		return err
	}
	for _, s := range catalog.Entries {
		for _, e := range s.Endpoints {
			c.services = append(c.services, serviceEntry{s.Type, first(e.Region, e.RegionID), e.Interface, e.URL})
		}
	}
	return nil
}

func (c *Cloud) readCatalog2(r tokens2.CreateResult) error {
	token, err := r.ExtractToken()
	if err != nil {
		return err
	}
	c.project = token.Tenant.ID
	catalog, err := r.ExtractServiceCatalog()
	if err != nil {
		return err
	}
	for _, s := range catalog.Entries {
		for _, e := range s.Endpoints {
			c.services = append(c.services, serviceEntry{s.Type, e.Region, "public", e.PublicURL},
				serviceEntry{s.Type, e.Region, "internal", e.InternalURL}, serviceEntry{s.Type, e.Region, "admin", e.AdminURL})
		}
	}
	return nil
}

// Regions returns the regions that have a service of that kind (image, object-store), in byte order.
func (c *Cloud) Regions(kind string) []string {
	want, _ := c.config.availability() // checked when the configuration was read
	var regions []string
	for _, s := range c.services {
		if s.kind == kind && s.availability == want && !slices.Contains(regions, s.region) {
			regions = append(regions, s.region)
		}
	}
	slices.Sort(regions)
	return regions
}

// Region returns the region to use for a service if the user names none: the configured one, or the first that has it.
func (c *Cloud) Region(kind string) string {
	if regions := c.Regions(kind); c.config.Region == "" && len(regions) > 0 {
		return regions[0]
	}
	return c.config.Region
}

// endpoint returns the address of a service, with a slash at its end.
func (c *Cloud) endpoint(kind, region string) (string, error) {
	want, _ := c.config.availability()
	for _, s := range c.services {
		if s.kind == kind && s.region == region && s.availability == want && s.url != "" {
			return strings.TrimSuffix(s.url, "/") + "/", nil
		}
	}
	regions := c.Regions(kind)
	var all []string
	for _, s := range c.services {
		all = append(all, s.region)
	}
	switch {
	case len(regions) == 0:
		return "", fmt.Errorf("the catalogue of %s has no %s endpoint of an %s service", c.config.AuthURL, want, kind)
	case !slices.Contains(all, region):
		return "", fmt.Errorf("the catalogue of %s has no region %q: it has %s", c.config.AuthURL, region, strings.Join(regions, ", "))
	}
	return "", fmt.Errorf("the catalogue of %s has no %s endpoint of the %s service in region %q: there is one in %s",
		c.config.AuthURL, want, kind, region, strings.Join(regions, ", "))
}
