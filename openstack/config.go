// Package openstack signs in to an OpenStack cloud and makes requests of its services: what the image target and the
// Swift store have in common. Signing in, the catalogue and the renewal of tokens are gophercloud's; this package
// reads the environment as OpenStack's own tools do, and closes the traps on the way of a long upload.
package openstack

import (
	"errors"
	"fmt"
	"strings"
)

// Config says where a cloud is and who signs in.
type Config struct {
	AuthURL string // of Keystone, as the user wrote it: published image streams repeat it

	Username, UserID   string
	Password           string
	UserDomain         Domain
	Project, ProjectID string
	ProjectDomain      Domain

	// An application credential brings its project with it. It is named by its ID, or by its name and its user.
	CredentialID, CredentialName, CredentialSecret string

	Token string // signs in instead of a password; it cannot be renewed

	Region    string // the one to use where one is needed and none is named; empty: the first of the catalogue
	Interface string // of an endpoint: public, internal or admin; empty: public

	CACert    string // file of certificates to trust instead of the system's; empty: the system's
	Cert, Key string // files of a client certificate; empty: none
	Insecure  bool   // do not check the servers' certificates
}

// Domain names a Keystone domain. If both are set the ID counts.
type Domain struct{ ID, Name string }

func (d Domain) or(other Domain) Domain {
	if d == (Domain{}) {
		return other
	}
	return d
}

// FromEnv reads what an openrc file sets: the OS_* variables.
func FromEnv(getenv func(string) string) (Config, error) {
	env := func(names ...string) string {
		for _, name := range names {
			if v := getenv("OS_" + name); v != "" {
				return v
			}
		}
		return ""
	}
	c := Config{
		AuthURL:          env("AUTH_URL"),
		Username:         env("USERNAME"),
		UserID:           env("USER_ID"),
		Password:         env("PASSWORD"),
		Project:          env("PROJECT_NAME", "TENANT_NAME"),
		ProjectID:        env("PROJECT_ID", "TENANT_ID"),
		CredentialID:     env("APPLICATION_CREDENTIAL_ID"),
		CredentialName:   env("APPLICATION_CREDENTIAL_NAME"),
		CredentialSecret: env("APPLICATION_CREDENTIAL_SECRET"),
		Token:            env("AUTH_TOKEN", "TOKEN"),
		Region:           env("REGION_NAME"),
		Interface:        env("INTERFACE", "ENDPOINT_TYPE"),
		CACert:           env("CACERT"),
		Cert:             env("CERT"),
		Key:              env("KEY"),
		Insecure:         truth(env("INSECURE")),
	}
	fallback := Domain{env("DOMAIN_ID", "DEFAULT_DOMAIN_ID"), env("DOMAIN_NAME", "DEFAULT_DOMAIN_NAME", "DEFAULT_DOMAIN")}
	c.UserDomain = Domain{env("USER_DOMAIN_ID"), env("USER_DOMAIN_NAME")}.or(fallback)
	c.ProjectDomain = Domain{env("PROJECT_DOMAIN_ID"), env("PROJECT_DOMAIN_NAME")}.or(fallback)
	if c.AuthURL == "" {
		return c, errors.New("OS_AUTH_URL is not set: source an openrc file, or name a cloud of clouds.yaml with --os-cloud or OS_CLOUD")
	}
	return c, c.check()
}

// Load reads the cloud of that name from clouds.yaml. If name is empty it reads the environment, or, if that has
// OS_CLOUD but no OS_AUTH_URL, the cloud that OS_CLOUD names.
func Load(name string, getenv func(string) string) (Config, error) {
	if name == "" && getenv("OS_AUTH_URL") == "" {
		name = getenv("OS_CLOUD")
	}
	if name == "" {
		return FromEnv(getenv)
	}
	return fromClouds(name, getenv)
}

// truth reads a switch as the Python tools do: everything is on that is not clearly off.
func truth(text string) bool {
	switch strings.ToLower(text) {
	case "", "0", "no", "off", "false":
		return false
	}
	return true
}

// version2 tells whether the address is one of Keystone's version 2, which knows no domains.
func (c *Config) version2() bool {
	return strings.HasSuffix(strings.TrimSuffix(c.AuthURL, "/"), "/v2.0")
}

// check names all that is missing at once.
func (c *Config) check() error {
	var missing []string
	need := func(what string, values ...string) {
		for _, v := range values {
			if v != "" {
				return
			}
		}
		missing = append(missing, what)
	}
	switch {
	case c.CredentialID != "" || c.CredentialName != "":
		need("the secret of the application credential (OS_APPLICATION_CREDENTIAL_SECRET)", c.CredentialSecret)
		if c.CredentialID == "" {
			need("the user of the application credential (OS_USERNAME or OS_USER_ID)", c.Username, c.UserID)
		}
	case c.Token != "":
	default:
		need("the user (OS_USERNAME)", c.Username, c.UserID)
		need("the password (OS_PASSWORD)", c.Password)
		need("the project (OS_PROJECT_NAME or OS_PROJECT_ID)", c.Project, c.ProjectID)
		if !c.version2() {
			if c.UserID == "" {
				need("the user's domain (OS_USER_DOMAIN_NAME or OS_USER_DOMAIN_ID)", c.UserDomain.ID, c.UserDomain.Name)
			}
			if c.ProjectID == "" {
				need("the project's domain (OS_PROJECT_DOMAIN_NAME or OS_PROJECT_DOMAIN_ID)", c.ProjectDomain.ID, c.ProjectDomain.Name)
			}
		}
	}
	if _, err := c.availability(); err != nil {
		return err
	}
	if len(missing) > 0 {
		return fmt.Errorf("cannot sign in to %s: missing %s", c.AuthURL, strings.Join(missing, ", "))
	}
	return nil
}

// availability returns the kind of endpoint as the catalogue writes it. Older settings say publicURL.
func (c *Config) availability() (string, error) {
	switch kind := strings.TrimSuffix(c.Interface, "URL"); kind {
	case "":
		return "public", nil
	case "public", "internal", "admin":
		return kind, nil
	}
	return "", fmt.Errorf("unknown interface %q: public, internal or admin is needed", c.Interface)
}
