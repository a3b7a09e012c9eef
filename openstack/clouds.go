package openstack

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// cloudEntry is one cloud of a clouds.yaml. OpenStack's own tools document the file.
type cloudEntry struct {
	Profile string `yaml:"profile"`
	Cloud   string `yaml:"cloud"` // an older name for profile
	Auth    struct {
		AuthURL           string `yaml:"auth_url"`
		Username          string `yaml:"username"`
		UserID            string `yaml:"user_id"`
		Password          string `yaml:"password"`
		UserDomainName    string `yaml:"user_domain_name"`
		UserDomainID      string `yaml:"user_domain_id"`
		ProjectName       string `yaml:"project_name"`
		ProjectID         string `yaml:"project_id"`
		TenantName        string `yaml:"tenant_name"`
		TenantID          string `yaml:"tenant_id"`
		ProjectDomainName string `yaml:"project_domain_name"`
		ProjectDomainID   string `yaml:"project_domain_id"`
		DomainName        string `yaml:"domain_name"`
		DomainID          string `yaml:"domain_id"`
		DefaultDomain     string `yaml:"default_domain"`
		CredentialID      string `yaml:"application_credential_id"`
		CredentialName    string `yaml:"application_credential_name"`
		CredentialSecret  string `yaml:"application_credential_secret"`
		Token             string `yaml:"token"`
	} `yaml:"auth"`
	RegionName   string      `yaml:"region_name"`
	Regions      []yaml.Node `yaml:"regions"` // names, or objects with a name
	Interface    string      `yaml:"interface"`
	EndpointType string      `yaml:"endpoint_type"`
	Verify       *bool       `yaml:"verify"`
	CACert       string      `yaml:"cacert"`
	Cert         string      `yaml:"cert"`
	Key          string      `yaml:"key"`
}

// fromClouds reads a cloud from the first clouds.yaml that there is, over its profile in the clouds-public.yaml and
// under its secrets in the secure.yaml beside it. OS_REGION_NAME and OS_INTERFACE count more than the file.
func fromClouds(name string, getenv func(string) string) (Config, error) {
	path, entry, err := findCloud(name, getenv)
	if err != nil {
		return Config{}, fmt.Errorf("cannot read cloud %q: %w", name, err)
	}
	c := entry.config()
	if region := getenv("OS_REGION_NAME"); region != "" {
		c.Region = region
	}
	if kind := getenv("OS_INTERFACE"); kind != "" {
		c.Interface = kind
	}
	if c.AuthURL == "" {
		return c, fmt.Errorf("cannot read cloud %q: %s gives it no auth_url", name, path)
	}
	if err := c.check(); err != nil {
		return c, fmt.Errorf("%s, cloud %q: %w", path, name, err)
	}
	return c, nil
}

// findCloud returns where the entry was found, too.
func findCloud(name string, getenv func(string) string) (string, *cloudEntry, error) {
	path, text, err := findCloudsFile(getenv)
	if err != nil {
		return "", nil, err
	}
	entry := new(cloudEntry)
	names, err := decodeCloud(path, text, "clouds", name, entry)
	if err != nil {
		return "", nil, err
	}
	if !slices.Contains(names, name) {
		return "", nil, fmt.Errorf("%s has no such cloud: it has %s", path, strings.Join(names, ", "))
	}
	profile := entry.Profile
	if profile == "" {
		profile = entry.Cloud
	}
	layers := []struct{ file, key, name string }{
		{"clouds-public.yaml", "public-clouds", profile}, {filepath.Base(path), "clouds", name}, {"secure.yaml", "clouds", name},
	}
	merged := new(cloudEntry)
	for _, l := range layers { // each sets what it has over what is there
		file := filepath.Join(filepath.Dir(path), l.file)
		text, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) || l.name == "" {
			continue
		}
		if err == nil {
			_, err = decodeCloud(file, text, l.key, l.name, merged)
		}
		if err != nil {
			return "", nil, err
		}
	}
	return path, merged, nil
}

// findCloudsFile looks where OpenStack's own tools look.
func findCloudsFile(getenv func(string) string) (string, []byte, error) {
	config := getenv("XDG_CONFIG_HOME")
	if config == "" {
		config = filepath.Join(getenv("HOME"), ".config")
	}
	paths := []string{"clouds.yaml", filepath.Join(config, "openstack", "clouds.yaml"), "/etc/openstack/clouds.yaml"}
	if file := getenv("OS_CLIENT_CONFIG_FILE"); file != "" {
		paths = []string{file}
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err == nil {
			return path, text, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", nil, err
		}
	}
	return "", nil, fmt.Errorf("there is no %s", strings.Join(paths, ", no "))
}

// decodeCloud sets what the file says of the cloud and returns the names of all its clouds, sorted.
func decodeCloud(path string, text []byte, key, name string, into *cloudEntry) ([]string, error) {
	var file map[string]yaml.Node
	if err := yaml.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	clouds := map[string]yaml.Node{}
	if node, ok := file[key]; ok {
		if err := node.Decode(&clouds); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	var names []string
	for n := range clouds {
		names = append(names, n)
	}
	slices.Sort(names)
	if node, ok := clouds[name]; ok {
		if err := node.Decode(into); err != nil {
			return nil, fmt.Errorf("%s: cloud %q: %w", path, name, err)
		}
	}
	return names, nil
}

func (e *cloudEntry) config() Config {
	a := &e.Auth
	c := Config{
		AuthURL: a.AuthURL, Username: a.Username, UserID: a.UserID, Password: a.Password,
		Project: first(a.ProjectName, a.TenantName), ProjectID: first(a.ProjectID, a.TenantID),
		CredentialID: a.CredentialID, CredentialName: a.CredentialName, CredentialSecret: a.CredentialSecret,
		Token: a.Token, Region: e.region(), Interface: first(e.EndpointType, e.Interface),
		CACert: e.CACert, Cert: e.Cert, Key: e.Key, Insecure: e.Verify != nil && !*e.Verify,
	}
	fallback := Domain{first(a.DomainID, a.DefaultDomain), a.DomainName}
	c.UserDomain = Domain{a.UserDomainID, a.UserDomainName}.or(fallback)
	c.ProjectDomain = Domain{a.ProjectDomainID, a.ProjectDomainName}.or(fallback)
	return c
}

// region returns the entry's region: the one it names, or the first of those it lists.
func (e *cloudEntry) region() string {
	if e.RegionName != "" || len(e.Regions) == 0 {
		return e.RegionName
	}
	var named struct {
		Name string `yaml:"name"`
	}
	if e.Regions[0].Decode(&named) == nil {
		return named.Name
	}
	return e.Regions[0].Value
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
