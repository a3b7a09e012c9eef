package openstack

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func env(pairs ...string) func(string) string {
	return func(name string) string {
		for _, p := range pairs {
			if key, value, _ := strings.Cut(p, "="); key == name {
				return value
			}
		}
		return ""
	}
}

func TestFromEnv(t *testing.T) {
	admin := Config{AuthURL: "http://k/v3", Username: "admin", Password: "x", Project: "p",
		UserDomain: Domain{Name: "Default"}, ProjectDomain: Domain{Name: "Default"}}
	openrc := []string{"OS_AUTH_URL=http://k/v3", "OS_USERNAME=admin", "OS_PASSWORD=x", "OS_PROJECT_NAME=p",
		"OS_USER_DOMAIN_NAME=Default", "OS_PROJECT_DOMAIN_NAME=Default"}
	for _, c := range []struct {
		name string
		env  []string
		want func(*Config)
		err  string
	}{
		{"openrc", openrc, func(*Config) {}, ""},
		{"ids", []string{"OS_AUTH_URL=http://k/v3", "OS_USER_ID=u", "OS_PASSWORD=x", "OS_TENANT_ID=t"},
			func(c *Config) { *c = Config{AuthURL: "http://k/v3", UserID: "u", Password: "x", ProjectID: "t"} }, ""},
		{"one domain for both", []string{"OS_AUTH_URL=http://k/v3", "OS_USERNAME=admin", "OS_PASSWORD=x", "OS_TENANT_NAME=p", "OS_DEFAULT_DOMAIN=Default"},
			func(*Config) {}, ""},
		{"version 2 knows no domains", []string{"OS_AUTH_URL=http://k/v2.0", "OS_USERNAME=admin", "OS_PASSWORD=x", "OS_TENANT_NAME=p"},
			func(c *Config) { c.AuthURL, c.UserDomain, c.ProjectDomain = "http://k/v2.0", Domain{}, Domain{} }, ""},
		{"the rest", append([]string{"OS_CACERT=/ca", "OS_INSECURE=yes", "OS_REGION_NAME=R", "OS_ENDPOINT_TYPE=internalURL", "OS_CERT=c", "OS_KEY=k"}, openrc...),
			func(c *Config) {
				c.CACert, c.Insecure, c.Region, c.Interface, c.Cert, c.Key = "/ca", true, "R", "internalURL", "c", "k"
			}, ""},
		{"secure", append([]string{"OS_INSECURE=false"}, openrc...), func(*Config) {}, ""},
		{"application credential", []string{"OS_AUTH_URL=http://k/v3", "OS_APPLICATION_CREDENTIAL_ID=i", "OS_APPLICATION_CREDENTIAL_SECRET=s"},
			func(c *Config) { *c = Config{AuthURL: "http://k/v3", CredentialID: "i", CredentialSecret: "s"} }, ""},
		{"credential without secret", []string{"OS_AUTH_URL=http://k/v3", "OS_APPLICATION_CREDENTIAL_ID=i"}, nil, "missing the secret of the application credential"},
		{"nothing", nil, nil, "OS_AUTH_URL is not set"},
		{"all that is missing", []string{"OS_AUTH_URL=http://k/v3", "OS_USERNAME=u"}, nil,
			"missing the password (OS_PASSWORD), the project (OS_PROJECT_NAME or OS_PROJECT_ID), the user's domain"},
		{"interface", append([]string{"OS_INTERFACE=secret"}, openrc...), nil, `unknown interface "secret"`},
	} {
		got, err := FromEnv(env(c.env...))
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: error %v, want %q", c.name, err, c.err)
			}
			continue
		}
		want := admin
		c.want(&want)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s:\n%s", c.name, diff)
		}
	}
}

const cloudsFile = `
clouds:
  lab:
    profile: vendor
    auth: {username: admin, project_name: p, user_domain_name: Default, project_domain_id: default}
    regions: [North, {name: South}]
    interface: internal
    verify: false
    cacert: /ca
  app:
    auth_type: v3applicationcredential
    region_name: South
    auth: {auth_url: "http://k/v3", application_credential_id: i, application_credential_secret: s}
  empty: {}
`

func TestClouds(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"openstack/clouds.yaml":        cloudsFile,
		"openstack/secure.yaml":        "clouds: {lab: {auth: {password: x}}}",
		"openstack/clouds-public.yaml": `public-clouds: {vendor: {auth: {auth_url: "http://k/v3", username: nobody}}}`,
		"bad.yaml":                     "clouds: [",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	lab := Config{AuthURL: "http://k/v3", Username: "admin", Password: "x", Project: "p", UserDomain: Domain{Name: "Default"},
		ProjectDomain: Domain{ID: "default"}, Region: "North", Interface: "internal", Insecure: true, CACert: "/ca"}
	app := Config{AuthURL: "http://k/v3", CredentialID: "i", CredentialSecret: "s", Region: "South"}
	home := "XDG_CONFIG_HOME=" + dir
	other := app
	other.Region = "West"
	for _, c := range []struct {
		name string
		env  []string
		want Config
		err  string
	}{
		{"lab", []string{home}, lab, ""},
		{"app", []string{home}, app, ""},
		{"app", []string{home, "OS_REGION_NAME=West"}, other, ""},
		{"", []string{home, "OS_CLOUD=app"}, app, ""},
		{"app", []string{"OS_CLIENT_CONFIG_FILE=" + dir + "/openstack/clouds.yaml"}, app, ""},
		{"other", []string{home}, Config{}, "has no such cloud: it has app, empty, lab"},
		{"empty", []string{home}, Config{}, "gives it no auth_url"},
		{"app", []string{"OS_CLIENT_CONFIG_FILE=" + dir + "/none.yaml"}, Config{}, "there is no " + dir + "/none.yaml"},
		{"app", []string{"OS_CLIENT_CONFIG_FILE=" + dir + "/bad.yaml"}, Config{}, "bad.yaml: yaml"},
	} {
		got, err := Load(c.name, env(c.env...))
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s %v: error %v, want %q", c.name, c.env, err, c.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s %v: %v", c.name, c.env, err)
		} else if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s %v:\n%s", c.name, c.env, diff)
		}
	}
}

func FuzzMessage(f *testing.F) {
	for _, body := range []string{
		`{"error": {"code": 401, "message": "The request"}}`, `{"message": "x"}`, `[1]`, "\xff", "<h1>",
		"<html><head><title>403 Forbidden</title></head><body><h1>403 Forbidden</h1>Not &#x27;you&#x27;.<br /></body></html>",
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if got := message(body); len(got) > maxMessage+len("…") || strings.ContainsAny(got, "\n\r") {
			t.Errorf("%q", got)
		}
	})
}

func TestMessage(t *testing.T) {
	for body, want := range map[string]string{
		`{"error": {"code": 401, "message": "The request"}}`: "The request",
		"<html>\n<head><title>403 Forbidden</title></head>\n<body><h1>403 Forbidden</h1>\nNot &#x27;you&#x27;.<br /><br />\n</body></html>": "Not 'you'.",
		`{"message": "You may not.<br /><br />\n\n\n", "code": "403 Forbidden"}`:                                                            "You may not.",
		"plain":                   "plain",
		strings.Repeat("a", 1000): strings.Repeat("a", maxMessage) + "…",
	} {
		if got := message([]byte(body)); got != want {
			t.Errorf("%q: got %q, want %q", body, got, want)
		}
	}
}
