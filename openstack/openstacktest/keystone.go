package openstacktest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// identity answers POST auth/tokens (version 3) or POST tokens (version 2.0), and nothing of the version that is not spoken.
func (c *Cloud) identity(w http.ResponseWriter, req Request, path string) {
	if req.Region != c.Version {
		http.NotFound(w, req.Request)
		return
	}
	switch {
	case req.Region == "v3" && req.Method == http.MethodPost && path == "auth/tokens":
		c.signIn3(w, req)
	case req.Region == "v2.0" && req.Method == http.MethodPost && path == "tokens":
		c.signIn2(w, req)
	default:
		http.NotFound(w, req.Request)
	}
}

type domain struct{ ID, Name string }

type signIn3 struct {
	Auth struct {
		Identity struct {
			Methods  []string
			Password struct {
				User struct {
					Name, Password string
					Domain         domain
				}
			}
			Credential struct{ ID, Secret string } `json:"application_credential"`
		}
		Scope *struct {
			Project struct {
				Name   string
				ID     string
				Domain domain
			}
		}
	}
}

func (s *signIn3) good() bool {
	id, scope := s.Auth.Identity, s.Auth.Scope
	if len(id.Methods) == 1 && id.Methods[0] == "application_credential" { // it cannot ask for a scope
		return id.Credential.ID == "credential" && id.Credential.Secret == Password && scope == nil
	}
	user := id.Password.User
	if user.Name != "admin" || user.Password != Password || !user.Domain.good() || scope == nil {
		return false
	}
	return scope.Project.ID == Project || scope.Project.Name == "admin" && scope.Project.Domain.good()
}

func (d domain) good() bool { return d.Name == "Default" || d.ID == "default" }

func (c *Cloud) signIn3(w http.ResponseWriter, req Request) {
	var s signIn3
	if json.NewDecoder(req.Body).Decode(&s) != nil || !s.good() {
		unauthorized(w)
		return
	}
	var catalog []any
	for _, kind := range []string{"image", "object-store"} {
		var endpoints []any
		for _, r := range c.Regions {
			for _, availability := range []string{"public", "internal"} {
				endpoints = append(endpoints, map[string]string{"region": r, "region_id": r, "interface": availability, "url": c.endpoint(kind, r)})
			}
		}
		catalog = append(catalog, map[string]any{"type": kind, "name": kind, "endpoints": endpoints})
	}
	w.Header().Set("X-Subject-Token", c.issue())
	answer(w, http.StatusCreated, map[string]any{"token": map[string]any{
		"expires_at": c.Now().Add(time.Hour).UTC().Format("2006-01-02T15:04:05.000000Z"),
		"project":    map[string]any{"id": Project, "name": "admin", "domain": map[string]string{"id": "default", "name": "Default"}},
		"catalog":    catalog,
	}})
}

func (c *Cloud) signIn2(w http.ResponseWriter, req Request) {
	var s struct {
		Auth struct {
			Credentials struct{ Username, Password string } `json:"passwordCredentials"`
			Tenant      string                              `json:"tenantName"`
		}
	}
	if json.NewDecoder(req.Body).Decode(&s) != nil || s.Auth.Credentials.Username != "admin" ||
		s.Auth.Credentials.Password != Password || s.Auth.Tenant != "admin" {
		unauthorized(w)
		return
	}
	var catalog []any
	for _, kind := range []string{"image", "object-store"} {
		var endpoints []any
		for _, r := range c.Regions {
			url := c.endpoint(kind, r)
			endpoints = append(endpoints, map[string]string{"region": r, "publicURL": url, "internalURL": url, "adminURL": url})
		}
		catalog = append(catalog, map[string]any{"type": kind, "name": kind, "endpoints": endpoints})
	}
	answer(w, http.StatusOK, map[string]any{"access": map[string]any{
		"token": map[string]any{"id": c.issue(), "expires": c.Now().Add(time.Hour).UTC().Format(time.RFC3339),
			"tenant": map[string]string{"id": Project, "name": "admin"}},
		"serviceCatalog": catalog,
	}})
}

func (c *Cloud) endpoint(kind, region string) string {
	if kind == "object-store" {
		return fmt.Sprintf("%s/object-store/%s/v1/AUTH_%s", c.URL, region, Project)
	}
	return fmt.Sprintf("%s/image/%s", c.URL, region)
}

func (c *Cloud) issue() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.issued++
	token := fmt.Sprintf("token-%d", c.issued)
	c.tokens[token] = true
	return token
}

func unauthorized(w http.ResponseWriter) {
	answer(w, http.StatusUnauthorized, map[string]any{"error": map[string]any{
		"code": 401, "title": "Unauthorized", "message": "The request you have made requires authentication."}})
}
