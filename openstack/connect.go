package openstack

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	identity "github.com/gophercloud/gophercloud/v2/openstack"
)

// Options say how to talk to a cloud.
type Options struct {
	Log       *slog.Logger                               // nil: nothing is logged
	UserAgent string                                     // empty: gophercloud's
	Attempts  int                                        // at a request that can be made again, as after a 503; 0: 4
	Timeout   time.Duration                              // for a server to take or to send something; 0: five minutes
	Sleep     func(context.Context, time.Duration) error // between attempts; nil: real time
}

// Cloud is a cloud that a user has signed in to. It is safe for concurrent use.
type Cloud struct {
	config   Config
	options  Options
	provider *gophercloud.ProviderClient
	services []serviceEntry
	project  string
}

// Connect signs in and reads the catalogue of services. Tokens are renewed by themselves, unless config has no more
// than a token.
func Connect(ctx context.Context, config Config, o Options) (*Cloud, error) {
	o.setDefaults()
	transport, err := config.transport(o.Timeout)
	if err != nil {
		return nil, fmt.Errorf("cannot sign in to %s: %w", config.AuthURL, err)
	}
	provider, err := identity.NewClient(config.AuthURL)
	if err != nil {
		return nil, fmt.Errorf("cannot sign in to %s: %w", config.AuthURL, err)
	}
	provider.HTTPClient = http.Client{Transport: guard{transport}}
	if o.UserAgent != "" {
		provider.UserAgent.Prepend(o.UserAgent)
	}
	c := &Cloud{config: config, options: o, provider: provider}
	err = c.retry(ctx, func() error {
		return c.explain("identity", "", "sign in", identity.Authenticate(ctx, provider, config.authOptions()))
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w%s", config.AuthURL, err, config.hint(err))
	}
	return c, c.readCatalog()
}

// hint says what to do about an error at the sign-in, if that is known.
func (c *Config) hint(err error) string {
	cert := new(tls.CertificateVerificationError)
	switch {
	case StatusOf(err) == http.StatusNotFound && c.version2():
		return "; version 2.0 of the identity service is not spoken there: set OS_AUTH_URL to its /v3 address"
	case errors.As(err, &cert):
		return "; name the certificates to trust in OS_CACERT, or set OS_INSECURE=1 to trust any"
	}
	return ""
}

func (o *Options) setDefaults() {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Attempts == 0 {
		o.Attempts = 4
	}
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Minute
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// AuthURL is Keystone's address as the user wrote it.
func (c *Cloud) AuthURL() string { return c.config.AuthURL }

// Project is the ID of the project that the user works in.
func (c *Cloud) Project() string { return c.project }

// authOptions says it in gophercloud's words. Its own reading of the environment knows no domain of a project.
func (c *Config) authOptions() gophercloud.AuthOptions {
	o := gophercloud.AuthOptions{IdentityEndpoint: c.AuthURL, AllowReauth: true}
	switch {
	case c.CredentialID != "":
		o.ApplicationCredentialID, o.ApplicationCredentialSecret = c.CredentialID, c.CredentialSecret
		return o
	case c.CredentialName != "":
		o.ApplicationCredentialName, o.ApplicationCredentialSecret = c.CredentialName, c.CredentialSecret
		c.setUser(&o)
		return o
	case c.Token != "":
		o.TokenID, o.AllowReauth = c.Token, false
	default:
		o.Password = c.Password
		c.setUser(&o)
	}
	if c.version2() {
		o.TenantID, o.TenantName = c.ProjectID, c.Project
		return o
	}
	o.Scope = &gophercloud.AuthScope{ProjectID: c.ProjectID}
	if c.ProjectID == "" && c.Project != "" {
		o.Scope.ProjectName = c.Project
		o.Scope.DomainID, o.Scope.DomainName = c.ProjectDomain.either()
	}
	return o
}

func (c *Config) setUser(o *gophercloud.AuthOptions) {
	if c.UserID != "" && !c.version2() {
		o.UserID = c.UserID
		return
	}
	o.Username = c.Username
	if !c.version2() {
		o.DomainID, o.DomainName = c.UserDomain.either()
	}
}

// either returns the ID or else the name, as gophercloud wants one of the two.
func (d Domain) either() (id, name string) {
	if d.ID != "" {
		return d.ID, ""
	}
	return "", d.Name
}

// transport is HTTP/1.1, which moves bulk at less cost than HTTP/2. A server that neither takes nor sends a byte for
// as long as timeout has failed; an upload may last as long as it moves.
func (c *Config) transport(timeout time.Duration) (http.RoundTripper, error) {
	trust := &tls.Config{InsecureSkipVerify: c.Insecure}
	if c.CACert != "" && !c.Insecure {
		pem, err := os.ReadFile(c.CACert)
		if err != nil {
			return nil, fmt.Errorf("cannot read the certificates to trust: %w", err)
		}
		trust.RootCAs = x509.NewCertPool()
		if !trust.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("cannot read the certificates to trust: %s holds none in PEM form", c.CACert)
		}
	}
	if c.Cert != "" {
		pair, err := tls.LoadX509KeyPair(c.Cert, first(c.Key, c.Cert))
		if err != nil {
			return nil, fmt.Errorf("cannot read the client certificate: %w", err)
		}
		trust.Certificates = []tls.Certificate{pair}
	}
	dialer := &net.Dialer{Timeout: 30 * time.Second}
	return patient{timeout, &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return &patientConn{conn, timeout}, nil
		},
		TLSClientConfig:       trust,
		TLSHandshakeTimeout:   30 * time.Second,
		ResponseHeaderTimeout: timeout,
		ExpectContinueTimeout: 2 * time.Second,
		MaxIdleConnsPerHost:   16,
		IdleConnTimeout:       30 * time.Second,
		WriteBufferSize:       256 << 10,
		TLSNextProto:          map[string]func(string, *tls.Conn) http.RoundTripper{}, // no HTTP/2
	}}, nil
}
